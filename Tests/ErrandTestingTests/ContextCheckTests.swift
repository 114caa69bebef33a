// The self-test of contexts finds each kind of leak at its place, and nothing in handlers that are in order.

import Dispatch
import Errand
import ErrandTesting
import Logging
import Synchronization
import Testing

private let logger = Logger(label: "library")

private struct Numbered: Job {
    static let kind = "numbered"
    static let queue = "of-their-own"
    var number: Int
}

/// In processes of their own: the lines of other tests' lost callbacks are not to end in these buckets.
@Suite(.timeLimit(.minutes(3))) struct ContextCheckTests {
    private static func report(
        at concurrency: Int, rounds: Int = 2, _ body: @escaping @concurrent @Sendable (Numbered, ExecutionContext) async throws -> Void
    ) async throws -> ContextReport {
        let check = ContextCheck(of: [Handler(Numbered.self, body)], concurrency: concurrency, rounds: rounds)
        return try await check.run { queue, number in try await queue.enqueue(Numbered(number: number)) }
    }

    @Test(arguments: [3, 64, 1000]) func `handlers in order are clean`(concurrency: Int) async {
        await #expect(processExitsWith: .success) { [concurrency] in
            let report = try await ContextCheckTests.report(at: concurrency) { job, context in await tidy(context) }
            #expect(report.isClean, "\(report)")
            #expect(report.executions == 2 * concurrency)
            #expect(report.lines == 2 * concurrency * 6 && report.known == report.lines)
        }
    }

    @Test(arguments: [3, 64, 1000]) func `each leaking place is found, once, with what is wrong there`(concurrency: Int) async {
        await #expect(processExitsWith: .success) { [concurrency] in
            let report = try await ContextCheckTests.report(at: concurrency) { job, context in await untidy(context) }
            let total = 2 * concurrency
            let found = report.leaks.map { "\($0.problem.name) \($0.site.split(separator: ":")[1]) \($0.lines)" }
            #expect(
                found == [
                    "unattributed \(lines.lost) \(total)", "ambient_lost \(lines.captured) \(total)", "after_end \(lines.late) \(total)",
                ])
            #expect(!report.isClean && report.missing == 0)
            #expect(report.leaks.allSatisfy { $0.site.hasPrefix("ErrandTestingTests/ContextCheckTests.swift:") })
            #expect(report.description.contains("ContextCheckTests.swift:\(lines.captured): ambient_lost, \(total) lines, for example \""))
        }
    }

    @Test(arguments: [3, 64, 1000])
    func `a callback that another job fires is found by the ID in its message`(concurrency: Int) async {
        await #expect(processExitsWith: .success) { [concurrency] in
            let emitter = Emitter(parties: concurrency)
            let report = try await ContextCheckTests.report(at: concurrency, rounds: 1) { job, context in
                await cross(context, over: emitter)
            }
            let found = report.leaks.map { "\($0.problem.name) \($0.site.split(separator: ":")[1]) \($0.lines)" }
            // Whoever fires is right about itself and wrong about all others.
            #expect(found == ["misfiled \(lines.fired) \(concurrency - 1)"])
        }
    }

    @Test func `handlers that fail and are tried again are checked all the same`() async {
        await #expect(processExitsWith: .success) {
            let report = try await ContextCheckTests.report(at: 8) { job, context in
                if context.attempt == 1, job.number.isMultiple(of: 3) { throw StoredError(type: "Once", message: "try again") }
            }
            #expect(report.isClean, "\(report)")
            #expect(report.executions == 16 + 6)
        }
    }

    @Test func `handlers that enqueue jobs of their own kind are checked too`() async {
        await #expect(processExitsWith: .success) {
            let store = ModelStore(clock: SystemClock.shared).store
            TestLogCapture.install()
            let queue = JobQueue(store: store, clock: SystemClock.shared)
            let handler = Handler(Numbered.self) { job, _ in
                if job.number == 0 { try await queue.enqueue(Numbered(number: 1)) }
            }
            let check = ContextCheck(of: [handler], concurrency: 3, rounds: 1)
            let report = try await check.run(on: queue) { queue, _ in try await queue.enqueue(Numbered(number: 0)) }
            #expect(report.isClean, "\(report)")
            #expect(report.executions >= 3)
        }
    }

    @Test func `a check whose worker refuses to run says so`() async {
        let twice = Handler(Numbered.self) { _, _ in }
        let check = ContextCheck(of: [twice, twice], concurrency: 3, rounds: 1)
        await #expect(throws: Worker.Failure.self) {
            try await check.run { queue, number in try await queue.enqueue(Numbered(number: number)) }
        }
    }
}

// Handlers, outside of the tests: code in a test that exits has no place of its own.

private func tidy(_ context: ExecutionContext) async {
    logger.info("\(context) in line")
    async let child: Void = { logger.info("\(context) in a child") }()
    await child
    await Task { logger.info("\(context) in a task") }.value
    let bound = ExecutionContext.bind { @Sendable () -> Void in logger.info("\(context) in a bound block") }
    await withCheckedContinuation { continuation in
        DispatchQueue.global().async {
            bound()
            continuation.resume()
        }
    }
}

/// Where the untidy handlers write.
private let lines = (lost: 121, captured: 122, late: 129, fired: 149)

private func untidy(_ context: ExecutionContext) async {
    let own = context.logger
    await withCheckedContinuation { continuation in
        DispatchQueue.global().async {
            logger.info("\(context) lost")
            own.info("\(context) captured")
            continuation.resume()
        }
    }
    // Outlives its execution: the handler returns without waiting for it.
    Task {
        while !context.log.hasEnded { await Task.yield() }
        logger.info("\(context) late")
    }
}

/// Keeps callbacks until all parties have registered theirs; the last one fires them.
private final class Emitter: Sendable {
    private let parties: Int
    private let callbacks = Mutex<[@Sendable () -> Void]>([])

    init(parties: Int) { self.parties = parties }

    func onFinish(_ callback: @escaping @Sendable () -> Void) -> [@Sendable () -> Void] {
        callbacks.withLock { callbacks in
            callbacks.append(callback)
            return callbacks.count == parties ? callbacks : []
        }
    }
}

private func cross(_ context: ExecutionContext, over emitter: Emitter) async {
    let all = emitter.onFinish { logger.info("\(context) finished") }
    for callback in all { callback() }
}
