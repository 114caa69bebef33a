// Where the snippets' handlers run.

import Errand
import ErrandTesting
import Logging
import Testing

/// A store in memory, and what runs on it.
struct Bench {
    let model = ModelStore(clock: ManualClock())
    var queue: JobQueue { JobQueue(store: model.store, clock: model.clock) }

    func work(_ handlers: Handler..., concurrency: Int = 10, reporters: [any ErrorReporter] = []) async throws {
        let configuration = Worker.Configuration {
            $0.concurrency = concurrency
            $0.logger = Logger(label: "errand.worker", factory: { _ in SwiftLogNoOpLogHandler() })
        }
        try await Worker(queue: queue, handlers: handlers, configuration: configuration, reporters: reporters).runUntilEmpty()
    }

    func detail(_ id: JobID) async throws -> JobDetail { try #require(try await queue.store.inspection.job(id)) }

    func log(_ id: JobID) async throws -> [LogRecord] {
        try await queue.store.logs.chunks(of: id, ordinal: nil, after: nil, limit: 100).flatMap { LogFraming.records(in: $0.chunk) }
    }
}
