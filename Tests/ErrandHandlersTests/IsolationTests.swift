// What crosses the boundary between a worker and an isolated execution's process, and what is made of damage.

import ErrandContext
import Logging
import Testing

@testable import Errand
@testable import ErrandHandlers

struct IsolationTests {
    private static let execution = ExecutionID(JobID(rawValue: 77), 3)

    private struct NoSink: LogSink {
        func hasLines(_ log: ExecutionLog, isUrgent: Bool) {}
    }

    private func context() -> ExecutionContext {
        ExecutionContext(
            executionID: IsolationTests.execution, attempt: 1, maxAttempts: 1, queue: "q", kind: "k", parent: nil, root: nil, trace: nil,
            meta: [:], sink: NoSink(), now: { Timestamp(microseconds: 5) })
    }

    private func lines(_ texts: String..., write: (ExecutionContext) -> Void = { _ in }) throws -> PendingLines {
        let context = context()
        for text in texts { context.logger.error("\(text)") }
        write(context)
        return try #require(context.log.takePending())
    }

    @Test func `an assignment arrives as it was given`() throws {
        let trace = try #require(
            TraceContext(traceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", traceState: "a=b", baggage: "c=d"))
        let full = ClaimedJob(
            execution: IsolationTests.execution, attempt: 2, maxAttempts: 9, crashes: 1, isSuspect: true, queue: "q", kind: "k",
            payload: Array("{\"a\":\"\\n\"}\n\n".utf8), timeout: .milliseconds(1500), key: "key", meta: ["a": "\n"], trace: trace,
            traceRelation: .link, parent: ExecutionID(JobID(rawValue: 5), 1), root: ExecutionID(JobID(rawValue: 4), 2),
            previous: ExecutionID(JobID(rawValue: 77), 1), dueAt: Timestamp(microseconds: 10), startedAt: Timestamp(microseconds: 20))
        let bare = ClaimedJob(
            execution: IsolationTests.execution, attempt: 1, maxAttempts: 1, queue: "q", kind: "k", payload: [],
            startedAt: Timestamp(microseconds: 0))
        for job in [full, bare] {
            for redaction in [nil, Redaction(names: ["*_token"], secrets: ["hunter2!"])] {
                let assignment = Assignment(job: job, position: trace, level: .debug, redaction: redaction, worker: 123)
                #expect(try Assignment(bytes: assignment.bytes()) == assignment)
            }
        }
    }

    @Test func `questions for results and their answers come whole however they are cut`() throws {
        let job = try #require(JobID("06h3k9x8q4p2a"))
        var asked = try ChannelMessage.asksForResult(number: 7, of: job).bytes()
        guard case .asksForResult(7, job) = try ChannelMessage.take(from: &asked) else {
            Issue.record("the question came out otherwise")
            return
        }
        let large = [UInt8](repeating: 10, count: Limits.resultBytes)
        let words: [WorkerWord] = [
            .result(.init(number: 1, result: large)), .cancel, .result(.init(number: 2)), .result(.init(number: 3, result: [])),
            .result(.init(number: 4, problem: "no\nno")), .answer(.init(number: 5, problem: .leaseLost)),
        ]
        let stream = try words.flatMap { try $0.bytes() }
        for size in [1, 1000, stream.count] {
            var buffer: [UInt8] = []
            var got: [WorkerWord] = []
            for start in Swift.stride(from: 0, to: stream.count, by: size) {
                buffer += stream[start..<min(start + size, stream.count)]
                // One byte at a time only where it matters: taking from a large buffer copies it.
                if size == 1, buffer.count.isMultiple(of: 4096) == false, start < stream.count - 1, start > 16 { continue }
                while let word = try WorkerWord.take(from: &buffer) { got.append(word) }
            }
            #expect(got == words)
        }
        for damage in [[3, 1, 0, 0, 0, 65], [3, 4, 0, 0, 0, 49, 32, 120, 10], [9]] as [[UInt8]] {
            var buffer = damage
            #expect(throws: ChannelMessage.Damage.self) { try WorkerWord.take(from: &buffer) }
        }
    }

    @Test func `messages come whole however they are cut, and in order`() throws {
        let endings: [ChannelMessage.Ending] = [
            .returned(nil), .returned([]), .returned(Array("[1]".utf8)), .snoozed(.milliseconds(1500)),
            .failed(StoredError(type: "T", message: "m\n", code: 3, stack: "s")),
        ]
        let stream = try ([.lines(try lines("a", "b"))] + endings.map { ChannelMessage.ended($0) }).flatMap { try $0.bytes() }
        for size in [1, 3, 64, stream.count] {
            var buffer: [UInt8] = []
            var texts: [String] = []
            var got: [ChannelMessage.Ending] = []
            for start in Swift.stride(from: 0, to: stream.count, by: size) {
                buffer += stream[start..<min(start + size, stream.count)]
                while let message = try ChannelMessage.take(from: &buffer) {
                    switch message {
                    case .lines(let lines):
                        let context = context()
                        context.log.adopt(lines)
                        texts += try #require(context.log.takePending()).body.split(separator: 10).map {
                            String(decoding: $0, as: UTF8.self)
                        }
                    case .ended(let ending): got.append(ending)
                    case .progress, .heartbeat, .step, .asksForResult: Issue.record("nobody told of progress")
                    }
                }
            }
            #expect(got == endings)
            #expect(
                texts.count == 2 && texts[0].contains("\"message\":\"a\",\"seq\":1,") && texts[1].contains("\"message\":\"b\",\"seq\":2,"))
        }
    }

    @Test(arguments: [
        [9, 0, 0, 0, 0], [1, 255, 255, 255, 255], Array("hello world".utf8), [1, 2, 0, 0, 0, 65, 10], [4, 1, 0, 0, 0, 65],
    ])
    func `what no process of ours writes is refused`(_ bytes: [UInt8]) {
        var buffer = bytes
        #expect(throws: (any Error).self) {
            while try ChannelMessage.take(from: &buffer) != nil {}
        }
    }

    @Test func `adopted lines get numbers after the log's own, keep flags and levels, and what is no record leaves a gap`() throws {
        let log = context()
        log.logger.info("mine")
        var foreign = try lines("its", "a \",\"seq\":1 b") { context in
            let other = ExecutionContext(
                executionID: ExecutionID(JobID(rawValue: 1), 1), attempt: 1, maxAttempts: 1, queue: "q", kind: "k", parent: nil, root: nil,
                trace: nil, meta: [:], sink: NoSink(), now: { Timestamp(microseconds: 5) })
            context.log.append(
                at: Timestamp(microseconds: 5), level: .info, stream: .log, crossing: other.executionID, limit: 100,
                message: "crossed")
        }
        foreign.body += Array("garbage\n".utf8)
        log.log.adopt(foreign)
        log.logger.info("mine again")
        let pending = try #require(log.log.takePending())
        let records = LogFraming.records(
            lines: pending.body.split(separator: 10).map { Array($0) }, fragment: log.log.fragment)
        #expect(records.map(\.message) == ["mine", "its", "a \",\"seq\":1 b", "crossed", "mine again"])
        #expect(records.map(\.sequence) == [1, 2, 3, 4, 6])
        #expect(pending.lines == 5)
        #expect(pending.highestLevel == .error)
        // The loggers of these contexts are used outside of their scopes.
        #expect(pending.flags == [.crossed, .ambientLost])
        #expect(pending.flagCounts[.crossed] == 1 && pending.flagCounts[.ambientLost] == 4)
        #expect(pending.crossed == [ExecutionID(JobID(rawValue: 1), 1)])
    }

    @Test func `the last words are Swift's own, else the last line on standard error`() throws {
        func words(_ lines: [(LogStream, String)], raw: String = "") throws -> String? {
            var words = LastWords()
            let context = context()
            for (stream, text) in lines { context.record(line: Array(text.utf8), stream: stream) }
            if let pending = context.log.takePending() { words.hear(pending) }
            return words.text(raw: Array(raw.utf8))
        }
        #expect(try words([]) == nil)
        #expect(try words([(.stdout, "out"), (.log, "log")]) == nil)
        #expect(try words([(.stderr, "one"), (.stderr, "two"), (.stdout, "out")]) == "two")
        #expect(try words([(.stderr, "a.swift:1: Fatal error: x"), (.stderr, "two")]) == "a.swift:1: Fatal error: x")
        #expect(try words([], raw: "assertion failed") == "assertion failed")
        #expect(try words((0..<3000).map { (.stderr, "line \($0)") }) == "line 2999")
    }
}
