// Threads that run a worker's work themselves: in order, one at a time, and as the task that it belongs to.

import ErrandContext
import Glibc
import Synchronization
import Testing

@testable import Errand

@Suite("Lent threads")
struct LentThreadTests {
    private struct NoSink: LogSink {
        func hasLines(_ log: ExecutionLog, isUrgent: Bool) {}
    }

    /// What was seen, in order, from any thread.
    private final class Notes<Note: Sendable>: Sendable {
        private let state = Mutex<[Note]>([])
        func add(_ note: Note) { state.withLock { $0.append(note) } }
        var all: [Note] { state.withLock { $0 } }
    }

    /// How many are at work at the same time.
    private final class Crowd: Sendable {
        private let state = Mutex((inside: 0, overlaps: 0, done: 0))

        func enter() {
            state.withLock { state in
                state.inside += 1
                if state.inside > 1 { state.overlaps += 1 }
            }
        }

        func leave() {
            state.withLock { state in
                state.inside -= 1
                state.done += 1
            }
        }

        var overlaps: Int { state.withLock { $0.overlaps } }
        var done: Int { state.withLock { $0.done } }
    }

    private static var thread: UInt { UInt(pthread_self()) }

    /// Lends a new thread for `body`; returns that thread once it goes its own way.
    private func lending(_ body: @escaping @Sendable () -> Void) async -> UInt {
        await withCheckedContinuation { continuation in
            startThread(named: "lender") {
                LentThread.whileLending(body)
                continuation.resume(returning: LentThreadTests.thread)
            }
        }
    }

    @Test func `work that is begun on a lent thread is done there, after what it was lent for`() async {
        let executor = ThreadExecutor(name: "lent-test")
        defer { executor.stop() }
        let threads = Notes<UInt>()
        let order = Notes<String>()
        let lender = await lending {
            Task(executorPreference: executor) {
                threads.add(LentThreadTests.thread)
                order.add("work")
            }
            order.add("caller")
        }
        #expect(threads.all == [lender])
        #expect(order.all == ["caller", "work"])
    }

    @Test func `a thread that is not lent leaves the work to the executor's own`() async {
        let executor = ThreadExecutor(name: "own-test")
        defer { executor.stop() }
        let caller = LentThreadTests.thread
        let worker = await Task(executorPreference: executor) { LentThreadTests.thread }.value
        #expect(worker != caller)
        #expect(!LentThread.isLent)
    }

    @Test func `many lenders never run the work of one executor at the same time, and lose none`() async {
        let executor = ThreadExecutor(name: "busy-test")
        defer { executor.stop() }
        let crowd = Crowd()
        let begin = { @Sendable () -> Task<Void, Never> in
            Task(executorPreference: executor) {
                crowd.enter()
                crowd.leave()
            }
        }
        await withTaskGroup(of: Void.self) { group in
            for lender in 0..<8 {
                group.addTask {
                    for round in 0..<200 {
                        // Some of it the usual way.
                        if (lender + round) % 3 == 0 { await begin().value } else { LentThread.whileLending { _ = begin() } }
                    }
                }
            }
        }
        // In line behind everything.
        await Task(executorPreference: executor) {}.value
        #expect(crowd.overlaps == 0)
        #expect(crowd.done == 1600)
    }

    @Test func `work on the thread of an execution is nobody's, and the execution goes on as itself`() async {
        let executor = ThreadExecutor(name: "scope-test")
        defer { executor.stop() }
        let context = ExecutionContext(
            executionID: ExecutionID(JobID(rawValue: 1), 1), attempt: 1, maxAttempts: 1, queue: "q", kind: "k", parent: nil, root: nil,
            trace: nil, meta: [:], sink: NoSink(), now: { Timestamp(microseconds: 7) })
        let seen = Notes<ExecutionID?>()
        await context.run {
            LentThread.whileLending {
                Task.detached(executorPreference: executor) { seen.add(ExecutionContext.current?.executionID) }
            }
            seen.add(ExecutionContext.current?.executionID)
            await Task.yield()
            seen.add(ExecutionContext.current?.executionID)
        }
        await Task(executorPreference: executor) {}.value
        #expect(seen.all == [nil, context.executionID, context.executionID])
    }

    @Test func `a lent thread that is given more and more goes its own way after a while`() async {
        let executor = ThreadExecutor(name: "greedy-test")
        defer { executor.stop() }
        let threads = Notes<UInt>()
        let endless = Notes<Task<Void, Never>>()
        let lender = await lending {
            endless.add(
                Task(executorPreference: executor) {
                    while !Task.isCancelled {
                        threads.add(LentThreadTests.thread)
                        await Task.yield()
                    }
                })
        }
        for task in endless.all {
            task.cancel()
            await task.value
        }
        let lent = threads.all.prefix { $0 == lender }.count
        // A yield takes more than one round.
        #expect((1...8).contains(lent))
        #expect(!threads.all.dropFirst(lent).contains(lender))
    }
}
