// A worker that keeps secrets out of logs and errors, and a look at a job without them.

import Errand

enum RedactedWorker {
    static func run(queue: JobQueue, handler: Handler, apiToken: String, id: JobID) async throws -> (worker: Worker, shown: JobDetail?) {
        // snippet.show
        let redaction = Redaction(names: ["password", "*_token"], secrets: [apiToken])
        let worker = Worker(
            queue: queue, handlers: [handler], configuration: Worker.Configuration { $0.redaction = redaction })
        let shown = try await queue.store.redacted(by: redaction).inspection.job(id)
        // snippet.hide
        return (worker, shown)
    }
}
