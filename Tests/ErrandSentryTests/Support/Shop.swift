// A worker over the in-memory store, with jobs that fail.

#if Web
import Errand
import ErrandContext
import ErrandTesting
import Logging

/// What a failing job throws: its own execution, so that a report can be checked against the truth.
struct Failed: Error, CustomStringConvertible {
    var execution: ExecutionID
    var description: String { "\(execution) failed" }
}

struct Shop {
    let model = ModelStore(clock: SystemClock.shared)
    var queue: JobQueue { JobQueue(store: model.store, clock: SystemClock.shared) }

    init() { TestLogCapture.install() }

    /// Adds jobs that have one attempt.
    func enqueue(_ count: Int, attempts: Int = 1) async throws -> [JobID] {
        var job = NewJob(kind: "fails", payload: Array("{}".utf8))
        job.maxAttempts = attempts
        return try await queue.enqueue(Array(repeating: job, count: count)).map(\.id)
    }

    /// Runs a worker until nothing is left.
    func work(
        concurrency: Int = 4, reportGrace: Duration = .seconds(60), reporters: [any ErrorReporter],
        _ handler: @escaping @Sendable (ClaimedJob, ExecutionContext) async throws -> Void = { job, _ in
            throw Failed(execution: job.execution)
        }
    ) async throws {
        var configuration = Worker.Configuration()
        configuration.concurrency = concurrency
        configuration.reportGrace = reportGrace
        configuration.logger = Logger(label: "worker", factory: { _ in SwiftLogNoOpLogHandler() })
        let handler = Handler(kind: "fails", backoff: Backoff(base: .zero)) { job, context in
            try await handler(job, context)
            return nil
        }
        try await Worker(queue: queue, handlers: [handler], configuration: configuration, reporters: reporters).runUntilEmpty(
            idleTimeout: .zero)
    }

    func states(_ ids: [JobID]) async throws -> [JobState?] { try await model.states(of: ids) }
}
#endif
