// What goes on when handlers block every thread of the shared pool. One test at a time: two would wait for each other's threads.

import Errand
import ErrandTesting
import Testing

@Suite(.serialized, .timeLimit(.minutes(5))) struct BlockedPoolTests {
    @Test func `timers fire, and threads of our own run, while every pool thread is blocked`() async {
        let executor = ThreadExecutor(name: "test")
        let clock = SystemClock.shared
        await Gate.whileAllPoolThreadsAreBlocked {
            let fired = Semaphore()
            _ = clock.schedule(at: clock.uptime() + .milliseconds(5)) { fired.signal() }
            fired.wait()
            Task.detached(executorPreference: executor) {
                let slept = await clock.sleep(for: .milliseconds(5))
                #expect(slept)
                fired.signal()
            }
            fired.wait()
        }
        executor.stop()
    }

    @Test func `a worker renews its lease while handlers block every pool thread`() async throws {
        let shop = Workshop()
        let threads = ProcessorCount.online
        for _ in 0..<threads { _ = try await shop.enqueue("blocks") }
        let gate = Gate()
        let worker = shop.worker(
            Handler(kind: "blocks") { _, _ in
                gate.block()
                return nil
            }, change: { $0.lease = .seconds(1) })
        startThread(named: "test-witness") {
            gate.waitUntilBlocked(threads)
            // Two renewals: 0.7 seconds in which no pool thread runs anything.
            shop.watched.waitForExchanges(2)
            gate.open()
        }
        try await worker.runUntilEmpty()
        #expect(shop.watched.linesAtReport.count == threads)
    }

    @Test(.enabled(if: ProcessorCount.online >= 2)) func `two handlers that never wait run at the same time`() async throws {
        let shop = Workshop()
        for _ in 0..<2 { _ = try await shop.enqueue("spins") }
        let gate = Gate()
        startThread(named: "test-witness") {
            // Both stand here at once, each on a thread of its own: neither the worker nor the other holds one up.
            gate.waitUntilBlocked(2)
            gate.open()
        }
        try await shop.worker(
            Handler(kind: "spins") { _, _ in
                gate.block()
                return nil
            }
        ).runUntilEmpty()
        #expect(shop.watched.linesAtReport.count == 2)
    }
}
