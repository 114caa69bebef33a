// What one job caused: the jobs that its executions enqueued, and those that these enqueued.

public import ErrandContext

/// A job and all that it caused, as far as it is on record.
public struct JobTree: Sendable, Hashable {
    /// The root first, unless it was pruned; then the others, oldest first.
    public var jobs: [JobLineage]
    /// How many jobs are on record, those among them that a limit left out.
    public var total: Int

    /// Puts together a tree; used by stores.
    public init(jobs: [JobLineage], total: Int) {
        self.jobs = jobs
        self.total = total
    }
}

/// One job of a tree, without its payload.
public struct JobLineage: Sendable, Hashable {
    /// What a list shows.
    public var summary: JobSummary
    /// The execution that enqueued it; `nil` for the root.
    public var parent: ExecutionID?
    /// Its enqueuer's place in a trace.
    public var trace: TraceContext?
    /// How its executions stand to that place.
    public var traceRelation: TraceRelation
    /// Every execution that is on record, oldest first; the running one is the last and has no outcome.
    public var executions: [ExecutionRecord]

    /// Puts together a job of a tree; used by stores.
    public init(
        summary: JobSummary, parent: ExecutionID?, trace: TraceContext?, traceRelation: TraceRelation, executions: [ExecutionRecord]
    ) {
        self.summary = summary
        self.parent = parent
        self.trace = trace
        self.traceRelation = traceRelation
        self.executions = executions
    }

    /// What a tree shows of a job in full.
    public init(_ job: JobDetail) {
        self.init(
            summary: job.summary, parent: job.parent, trace: job.trace, traceRelation: job.traceRelation, executions: job.executions)
    }

    /// Which job.
    public var id: JobID { summary.id }
}
