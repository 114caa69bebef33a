// A mailbox gives everything that came, in order, whoever was faster.

import Errand
import Testing

struct MailboxTests {
    @Test func `what came before anybody asked is given at once and together`() async {
        let mailbox = Mailbox<Int>()
        for number in 1...3 { mailbox.put(number) }
        #expect(await mailbox.take() == [1, 2, 3])
    }

    @Test func `whoever waits gets the first message and what came with it`() async {
        let mailbox = Mailbox<Int>()
        let reader = Task { await mailbox.take() }
        await Task.yield()
        mailbox.put(7)
        #expect(await reader.value == [7])
    }

    @Test func `nothing is lost, doubled or out of its writer's order between threads`() async {
        let mailbox = Mailbox<(writer: Int, number: Int)>()
        let (writers, messages) = (4, 5000)
        for writer in 0..<writers {
            startThread(named: "mailbox-\(writer)") { for number in 0..<messages { mailbox.put((writer, number)) } }
        }
        var next = Array(repeating: 0, count: writers)
        while next.reduce(0, +) < writers * messages {
            for message in await mailbox.take() {
                #expect(message.number == next[message.writer])
                next[message.writer] = message.number + 1
            }
        }
        #expect(next == Array(repeating: messages, count: writers))
    }
}
