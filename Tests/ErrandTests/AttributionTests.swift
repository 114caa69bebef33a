// Who wrote it: a thousand interleaved jobs through a real worker, and attempts to cross them.

import Errand
import ErrandContext
import ErrandTesting
import Logging
import Testing

private let logger: Logger = {
    TestLogCapture.install()
    return Logger(label: "library")
}()

@Suite(.timeLimit(.minutes(2))) struct AttributionTests {
    private let shop = Workshop()

    @Test func `1,000 jobs at concurrency 100, a barrier between their lines: every line is under its execution`() async throws {
        let jobs = Array(repeating: NewJob(kind: "talks", payload: Array("1".utf8)), count: 1000)
        let ids = try await shop.queue.enqueue(jobs).map(\.id)
        let barrier = MeetingPoint(parties: 100)
        let worker = shop.worker(
            Handler(kind: "talks", backoff: Backoff(base: .zero)) { job, context in
                let id = job.execution
                for step in 1...3 {
                    await barrier.arrive()
                    logger.info("\(id) step \(step)")
                    async let branch: Void = { logger.info("\(id) branch") }()
                    await branch
                    context.logger.info("\(id) own")
                }
                #expect(ExecutionContext.current?.executionID == id)
                return nil
            }, change: { $0.concurrency = 100 })
        try await worker.runUntilEmpty()
        var wrong = 0
        for id in ids {
            let records = try await shop.records(of: id)
            guard records.map(\.sequence) == Array(1...9), records.allSatisfy({ $0.flags.isEmpty }) else {
                Issue.record("\(id): \(records.map(\.sequence))")
                return
            }
            wrong += records.count { record in !(record.identity.executionID.map { record.message.hasPrefix("\($0) ") } ?? false) }
        }
        #expect(wrong == 0)
        #expect(try await shop.model.states(of: ids).allSatisfy { $0 == .completed })
    }

    /// What must not be done: an execution's own logger in a place that all share.
    private actor SharedPlace {
        private var kept: Logger?

        func keep(_ logger: Logger) { kept = kept ?? logger }
        func say(_ message: String) { kept?.info("\(message)") }
        func sayByLibrary(_ message: String) { logger.info("\(message)") }
    }

    @Test func `a logger kept in a shared actor is flagged where it is misused, and misfiles nobody's line as another's own`() async throws
    {
        let jobs = Array(repeating: NewJob(kind: "crosses", payload: Array("1".utf8)), count: 20)
        let ids = try await shop.queue.enqueue(jobs).map(\.id)
        let place = SharedPlace()
        let barrier = MeetingPoint(parties: 20)
        try await shop.worker(
            Handler(kind: "crosses") { job, context in
                await place.keep(context.logger)
                await barrier.arrive()
                await place.say("\(job.execution) kept")
                await place.sayByLibrary("\(job.execution) library")
                // The owner of the kept logger is still running when the others misuse it.
                await barrier.arrive()
                return nil
            }, change: { $0.concurrency = 20 }
        ).runUntilEmpty()
        var flagged = 0
        var owners: Set<ExecutionID> = []
        for id in ids {
            for record in try await shop.records(of: id) {
                let under = try #require(record.identity.executionID)
                let isOwn = record.message.hasPrefix("\(under) ")
                if record.message.hasSuffix("library") { #expect(isOwn && record.flags.isEmpty) }
                if record.message.hasSuffix("kept") {
                    owners.insert(under)
                    #expect(record.flags == (isOwn ? [] : [.crossed]))
                    if !isOwn {
                        flagged += 1
                        let writer = record.message.split(separator: " ")[0]
                        #expect(record.ambientExecutionID?.description == String(writer))
                    }
                }
            }
        }
        #expect(owners.count == 1)
        #expect(flagged == 19)
    }

    @Test func `a line that is written after its execution has ended is filed under it, and says so`() async throws {
        let id = try await shop.enqueue("escapes")
        let second = try await shop.enqueue("waits")
        let ended = Happening()
        let wrote = Happening()
        try await shop.worker(
            Handler(kind: "escapes") { _, _ in
                // Deliberately without an owner: the leak that is to be seen.
                Task {
                    await ended.wait()
                    logger.info("late")
                    await wrote.happen()
                }
                return nil
            },
            Handler(kind: "waits") { [shop] _, _ in
                while try await shop.model.states(of: [id]) != [.completed] { await Task.yield() }
                await ended.happen()
                await wrote.wait()
                return nil
            }
        ).runUntilEmpty()
        let records = try await shop.records(of: id)
        #expect(records.map(\.message) == ["late"])
        #expect(records.map(\.flags) == [[.afterEnd]])
        #expect(try await shop.records(of: second).isEmpty)
    }

    @Test func `a line that is written after its worker has left is kept as well`() async throws {
        let id = try await shop.enqueue("escapes")
        let left = Happening()
        try await shop.worker(
            Handler(kind: "escapes") { _, _ in
                // Deliberately without an owner: the leak that is to be seen.
                Task {
                    await left.wait()
                    logger.info("later than all")
                }
                return nil
            }
        ).runUntilEmpty()
        let kept = Happening()
        let listener = shop.queue.store.doorbell.listen(to: [.log]) { _ in Task { await kept.happen() } }
        defer { listener.stop() }
        await left.happen()
        await kept.wait()
        let records = try await shop.records(of: id)
        #expect(records.map(\.message) == ["later than all"])
        #expect(records.map(\.flags) == [[.afterEnd]])
    }
}
