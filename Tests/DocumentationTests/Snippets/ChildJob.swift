// A job that enqueues another one, once, however often it runs.

import Errand

struct SendReceipt: Job {
    static let kind = "send-receipt"
    var name: String
}

enum ChildJob {
    static func handler(queue: JobQueue) -> Handler {
        // snippet.show
        let handler = Handler(Greet.self) { job, context in
            // The key makes a second execution of this job give the same child; the child records this execution as its parent.
            try await queue.enqueue(
                SendReceipt(name: job.name), options: EnqueueOptions { $0.key = "\(context.jobID) receipt" })
        }
        // snippet.hide
        return handler
    }
}
