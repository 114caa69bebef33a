// Work that many share: started once, by nobody; what each asker gets, whatever the others do.

import Errand
import ErrandContext
import ErrandTesting
import Logging
import Synchronization
import Testing

private struct Oops: Error {}

private enum Mine { @TaskLocal static var value = "none" }

struct SharedWorkTests {
    init() { TestLogCapture.install() }

    @Test(arguments: [3, 64, 1000])
    func `many executions share one work, which is nobody's, and go on as themselves`(concurrency: Int) async throws {
        let started = Atomic(0)
        let gate = Gate()
        let logger = Logger(label: "shared")
        let identities = Mutex<[ExecutionID?]>([])
        let shared = SharedWork<OneValue, String> {
            started.add(1, ordering: .relaxed)
            identities.withLock { $0.append(ExecutionContext.current?.executionID) }
            logger.info("making it")
            await gate.wait()
            return "the value"
        }
        let contexts = (0..<concurrency).map { makeContext(Int64($0)) }
        let barrier = MeetingPoint(parties: concurrency)
        try await withThrowingDiscardingTaskGroup { group in
            for (number, context) in contexts.enumerated() {
                group.addTask {
                    try await context.run {
                        await barrier.arrive()
                        if number == 0 { gate.open() }
                        let value = try await shared.value()
                        #expect(value == "the value")
                        logger.info("\(context.executionID)")
                    }
                }
            }
        }
        #expect(started.load(ordering: .relaxed) == 1)
        #expect(identities.withLock { $0 } == [nil])
        for context in contexts { #expect(try takeRecords(of: context).map(\.message) == ["\(context.executionID)"]) }
    }

    @Test func `the work takes none of the asker's task-local values along`() async throws {
        let shared = SharedWork<OneValue, String> { Mine.value }
        #expect(try await Mine.$value.withValue("the first asker's") { try await shared.value() } == "none")
    }

    @Test func `each key has its own value, which is made once until it is forgotten`() async throws {
        let made = Mutex<[String]>([])
        let shared = SharedWork<String, Int> { key in
            made.withLock { $0.append(key) }
            return key.count
        }
        #expect(try await shared.value(for: "one") == 3)
        #expect(try await shared.value(for: "three") == 5)
        #expect(try await shared.value(for: "one") == 3)
        #expect(made.withLock { $0 } == ["one", "three"])
        shared.forget("one")
        #expect(try await shared.value(for: "one") == 3)
        #expect(made.withLock { $0 } == ["one", "three", "one"])
    }

    @Test func `an error is told to those who wait, and is not kept`() async throws {
        let attempts = Atomic(0)
        let shared = SharedWork<OneValue, Int> {
            let attempt = attempts.add(1, ordering: .relaxed).newValue
            if attempt == 1 { throw Oops() }
            return attempt
        }
        await #expect(throws: Oops.self) { try await shared.value() }
        #expect(try await shared.value() == 2)
        #expect(try await shared.value() == 2)
        shared.forget()
        #expect(try await shared.value() == 3)
    }

    @Test func `an asker that is cancelled leaves at once, and the work goes on for the others`() async throws {
        let gate = Gate()
        let begun = Gate()
        let shared = SharedWork<OneValue, String> {
            begun.open()
            await gate.wait()
            return Task.isCancelled ? "cancelled" : "done"
        }
        let leaver = Task { try await shared.value() }
        await begun.wait()
        // One actor for both: the stayer has asked before the leaver goes.
        let stayer = await Asker().ask(shared)
        leaver.cancel()
        await #expect(throws: CancellationError.self) { try await leaver.value }
        gate.open()
        #expect(try await stayer.value == "done")
    }

    private actor Asker {
        private var hasAsked = false

        /// Starts a task that asks, and returns when it waits for the answer.
        func ask(_ shared: SharedWork<OneValue, String>) async -> Task<String, any Error> {
            let task = Task { try await value(of: shared) }
            while !hasAsked { await Task.yield() }
            return task
        }

        private func value(of shared: SharedWork<OneValue, String>) async throws -> String {
            hasAsked = true
            return try await shared.value()
        }
    }

    @Test func `when the last asker leaves, the work is cancelled, and the next one starts again`() async throws {
        let begun = Gate()
        let wasCancelled = Gate()
        let attempts = Atomic(0)
        let shared = SharedWork<OneValue, Int> {
            let attempt = attempts.add(1, ordering: .relaxed).newValue
            if attempt == 1 {
                await withTaskCancellationHandler {
                    begun.open()
                    await wasCancelled.wait()
                } onCancel: {
                    wasCancelled.open()
                }
            }
            return attempt
        }
        let only = Task { try await shared.value() }
        await begun.wait()
        only.cancel()
        await #expect(throws: CancellationError.self) { try await only.value }
        await wasCancelled.wait()
        #expect(try await shared.value() == 2)
    }

    @Test func `who is cancelled before asking starts nothing`() async throws {
        let gate = Gate()
        let attempts = Atomic(0)
        let shared = SharedWork<OneValue, Int> { attempts.add(1, ordering: .relaxed).newValue }
        let asker = Task {
            await gate.wait()
            return try await shared.value()
        }
        asker.cancel()
        gate.open()
        await #expect(throws: CancellationError.self) { try await asker.value }
        #expect(attempts.load(ordering: .relaxed) == 0)
        #expect(try await shared.value() == 1)
    }
}
