// The seed scenario: many executions interleaved at every step; each message says who truly wrote it, and the checker compares.

import Dispatch
import Errand
import ErrandContext
import ErrandTesting
import Logging
import Synchronization
import Testing

/// A line with the execution that it was filed under.
private struct Filed: Sendable {
    var under: ExecutionID?
    var message: String
}

/// What the checker found.
private struct Finding: Equatable {
    var right = 0
    var wrong = 0
    var missing = 0

    /// Compares the true execution, which every message begins with, and the one that the line was filed under.
    init(_ lines: [Filed]) {
        for line in lines {
            guard let under = line.under else {
                missing += 1
                continue
            }
            if line.message.hasPrefix("\(under) ") { right += 1 } else { wrong += 1 }
        }
    }

    init(right: Int) { self.right = right }
}

/// What tasks share: filed lines, and the current ID that nobody should share.
private final class Shared: Sendable {
    private let lines = Mutex<[Filed]>([])
    private let current = Mutex<ExecutionID?>(nil)

    var filed: [Filed] { lines.withLock { $0 } }

    func setCurrent(_ id: ExecutionID) { current.withLock { $0 = id } }

    func fileUnderCurrent(_ message: String) { file(message, under: current.withLock { $0 }) }

    func file(_ message: String, under id: ExecutionID?) { lines.withLock { $0.append(Filed(under: id, message: message)) } }
}

/// One analysis job: steps with a meeting point of all jobs before and after each, so that every job is inside every step at once.
private func analyse(_ id: ExecutionID, _ barrier: MeetingPoint, log: @escaping @Sendable (String) -> Void) async {
    for step in 1...3 {
        await barrier.arrive()
        log("\(id) step \(step) begins")
        async let branch: Void = {
            await barrier.arrive()
            log("\(id) step \(step) in a branch")
        }()
        await branch
        await Task {
            await Task.yield()
            log("\(id) step \(step) in a task")
        }.value
    }
    await barrier.arrive()
    log("\(id) failed: the reason is \(id)")
}

private let linesOfOneJob = 10
private let concurrencies = [3, 64, 1000]
private let logger: Logger = {
    TestLogCapture.install()
    return Logger(label: "analysis")
}()

struct InterleavingTests {
    init() { TestLogCapture.install() }

    @Test(arguments: concurrencies)
    func `every line is filed under the execution that wrote it`(concurrency: Int) async throws {
        let contexts = (0..<concurrency).map { makeContext(Int64($0), ordinal: 1) }
        let barrier = MeetingPoint(parties: concurrency)
        await withDiscardingTaskGroup { group in
            for context in contexts {
                group.addTask {
                    await context.run { await analyse(context.executionID, barrier) { logger.info("\($0)") } }
                }
            }
        }
        var lines: [Filed] = []
        for context in contexts {
            let records = try takeRecords(of: context)
            #expect(records.map(\.seq) == Array(1...Int64(linesOfOneJob)))
            #expect(records.allSatisfy { $0.executionID == context.executionID.description && $0.flags == [] })
            lines += records.map { Filed(under: ExecutionID($0.executionID), message: $0.message) }
        }
        #expect(Finding(lines) == Finding(right: concurrency * linesOfOneJob))
    }

    /// Proof that the checker above can fail: the same jobs with the identity in a place that all of them share.
    @Test(arguments: concurrencies)
    func `with a shared current ID the same check fails`(concurrency: Int) async {
        let shared = Shared()
        let barrier = MeetingPoint(parties: concurrency)
        await withDiscardingTaskGroup { group in
            for number in 0..<concurrency {
                group.addTask {
                    let id = ExecutionID(JobID(rawValue: Int64(number)), 1)
                    shared.setCurrent(id)
                    await analyse(id, barrier) { shared.fileUnderCurrent($0) }
                }
            }
        }
        // The last job to set it owns every line: all others are wrong.
        var expected = Finding(right: linesOfOneJob)
        expected.wrong = (concurrency - 1) * linesOfOneJob
        #expect(Finding(shared.filed) == expected)
    }

    @Test(arguments: concurrencies)
    func `late callbacks are right when bound, and their lines are missing when not`(concurrency: Int) async throws {
        let contexts = (0..<concurrency).map { makeContext(Int64($0), ordinal: 1) }
        let emitter = Emitter()
        let unbound = Shared()
        await withDiscardingTaskGroup { group in
            let barrier = MeetingPoint(parties: concurrency)
            for context in contexts {
                group.addTask {
                    await context.run {
                        let id = context.executionID
                        await barrier.arrive()
                        emitter.onFinish(ExecutionContext.bind { @Sendable in logger.info("\(id) bound") })
                        let own = context.logger
                        emitter.onFinish { @Sendable in own.info("\(id) captured") }
                        emitter.onFinish { @Sendable in
                            unbound.file("\(id) unbound", under: ExecutionContext.current?.executionID)
                        }
                    }
                }
            }
        }
        // Fired by another execution: the worst place. Ambient-only lines take on the wrong job there; that is the documented blind spot.
        let firing = makeContext(Int64(concurrency))
        await firing.run { emitter.finish() }
        for context in contexts {
            let records = try takeRecords(of: context)
            #expect(records.map(\.message) == ["\(context.executionID) bound", "\(context.executionID) captured"])
            #expect(records.map(\.flags) == [[], ["crossed"]])
        }
        #expect(takeLines(of: firing).isEmpty)
        #expect(Finding(unbound.filed).wrong == concurrency)
    }

    @Test func `at concurrency 64 bound threads and queues are right`() async throws {
        let contexts = (0..<64).map { makeContext(Int64($0), ordinal: 1) }
        let barrier = MeetingPoint(parties: 64)
        await withDiscardingTaskGroup { group in
            for context in contexts {
                group.addTask {
                    await context.run {
                        let write = ExecutionContext.bind { @Sendable (place: String) in
                            logger.info("\(context.executionID) \(place)")
                        }
                        await barrier.arrive()
                        await onNewThread { write("thread") }
                        await withCheckedContinuation { continuation in
                            DispatchQueue.global().async {
                                write("queue")
                                continuation.resume()
                            }
                        }
                        await Task.detached { write("detached") }.value
                    }
                }
            }
        }
        for context in contexts {
            #expect(
                try takeRecords(of: context).map(\.message) == ["thread", "queue", "detached"].map { "\(context.executionID) \($0)" })
        }
    }
}

/// An emitter that keeps callbacks and fires them later, wherever somebody tells it to.
private final class Emitter: Sendable {
    private let callbacks = Mutex<[@Sendable () -> Void]>([])

    func onFinish(_ callback: @escaping @Sendable () -> Void) { callbacks.withLock { $0.append(callback) } }

    func finish() {
        for callback in callbacks.withLock({ $0 }) { callback() }
    }
}
