// How a job's trace follows from its enqueuer's.

/// How a job's executions stand to the place in a trace from which the job was enqueued.
public enum TraceRelation: String, Sendable, Hashable, CaseIterable {
    /// Children in the enqueuer's trace: what one request caused is one trace. The default.
    case child
    /// A trace of the job's own that links to the enqueuer's: for work that outlives the request, or that many requests caused.
    case link
}
