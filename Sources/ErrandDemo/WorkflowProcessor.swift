// The long handler of scene 1, taken apart: every step is a job of its own, with its own log, attempts and retries.

import Errand

/// Starts the workflow of one document.
struct StartWorkflow: Job {
    static let kind = "workflow"
    var document: String
}

/// Fetches one document.
struct Fetch: Job {
    static let kind = "fetch"
    var document: String
}

/// Analyses one document.
struct Analyse: Job {
    static let kind = "analyse"
    var document: String
}

/// Summarises one document.
struct Summarise: Job {
    static let kind = "summarise"
    var document: String
}

/// Runs workflows: each atomic job does its one step and then enqueues the next. Who caused whom needs no code here: a job that is
/// enqueued inside an execution records it as its parent, and the parent's root as its own.
struct WorkflowProcessor: Sendable {
    let queue: JobQueue

    /// One handler for each kind of the workflow.
    var handlers: [Handler] {
        [
            Handler(StartWorkflow.self) { job, context in
                try await enqueueNext(Fetch(document: job.document), after: context)
            },
            Handler(Fetch.self) { job, context in
                context.logger.info("\(context) \(job.document) fetched")
                try await enqueueNext(Analyse(document: job.document), after: context)
            },
            Handler(Analyse.self, backoff: Backoff(base: .milliseconds(1))) { job, context in
                context.logger.info("\(context) \(job.document) analysing, attempt \(context.attempt)")
                if job.document == "A", context.attempt == 1 { throw AnalysisFailed(description: "\(context) no second page") }
                try await enqueueNext(Summarise(document: job.document), after: context)
            },
            Handler(Summarise.self) { job, context in
                context.logger.info("\(context) \(job.document) summarised")
            },
        ]
    }

    /// Enqueues a step under a key of the job that asks for it: if that job dies after this line and runs again, the step is not
    /// enqueued twice.
    private func enqueueNext<Next: Job>(_ job: Next, after context: ExecutionContext) async throws {
        try await queue.enqueue(job, options: EnqueueOptions { $0.key = "\(context.jobID) \(Next.kind)" })
    }
}
