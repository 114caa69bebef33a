// A request handler that passes its trace on by hand.

import Errand
import ErrandContext

enum TraceHeader {
    static func run(queue: JobQueue, headers: [String: String]) async throws -> JobID {
        // snippet.show
        let id = try await queue.enqueue(
            Greet(name: "Ada"),
            options: EnqueueOptions { $0.trace = headers["traceparent"].flatMap { TraceContext(traceParent: $0) } })
        // snippet.hide
        return id
    }
}
