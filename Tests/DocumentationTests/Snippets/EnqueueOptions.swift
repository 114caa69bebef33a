// What an enqueuer may say about a job.

import Errand

enum EnqueueOptionsSnippet {
    static func run(queue: JobQueue, requestID: String) async throws -> JobID {
        // snippet.show
        let id = try await queue.enqueue(
            Greet(name: "Ada"),
            options: EnqueueOptions {
                $0.queue = "reports"
                $0.delay = .seconds(60)
                $0.maxAttempts = 3
                $0.key = "greet-ada-2026-11-22"
                $0.meta = ["request": requestID]
            })
        // snippet.hide
        return id
    }
}
