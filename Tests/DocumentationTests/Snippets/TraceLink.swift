// A job with a trace of its own.

import Errand

enum TraceLink {
    static func run(queue: JobQueue) async throws -> JobID {
        // snippet.show
        let id = try await queue.enqueue(Greet(name: "Ada"), options: EnqueueOptions { $0.traceRelation = .link })
        // snippet.hide
        return id
    }
}
