// A job in a worker's hands: all that an execution needs, in one value.

/// A job that a worker holds, and the execution that its claim has begun.
public struct ClaimedJob: Sendable, Hashable {
    /// The execution; its ordinal is the lease token.
    public var execution: ExecutionID
    /// Which attempt this is, 1 or more; it counts only if the execution is not refunded.
    public var attempt: Int
    /// How many attempts may count.
    public var maxAttempts: Int
    /// How many executions of this job took their process down.
    public var crashes: Int
    /// Whether the job is suspected of taking its workers down: its worker runs nothing beside it.
    public var isSuspect: Bool
    /// The line that it came from.
    public var queue: String
    /// Picks the handler.
    public var kind: String
    /// The input, byte by byte as enqueued.
    public var payload: [UInt8]
    /// Why ``payload`` is still sealed; `nil`, the usual case, when it is what was enqueued. A worker runs no such job.
    public var sealProblem: SealProblem?
    /// The job's own timeout, if it has one.
    public var timeout: Duration?
    /// The idempotency key, if it has one.
    public var key: String?
    /// The caller's own values.
    public var meta: [String: String]
    /// On which terms it is run.
    public var terms: JobTerms
    /// Whether it has waited for others.
    public var hasPrerequisites = false
    /// The workflow that it belongs to, if it does to one.
    public var workflow: WorkflowID?
    /// The caller's place in a trace.
    public var trace: TraceContext?
    /// How its executions stand to that place.
    public var traceRelation: TraceRelation
    /// The execution that enqueued this job.
    public var parent: ExecutionID?
    /// The execution at the top of its tree.
    public var root: ExecutionID?
    /// The execution before this one; `nil` for a job's first.
    public var previous: ExecutionID?
    /// When the job became due for the first time.
    public var dueAt: Timestamp?
    /// When the claim was made.
    public var startedAt: Timestamp

    /// Puts together a claimed job; used by stores and tests.
    public init(
        execution: ExecutionID, attempt: Int, maxAttempts: Int, crashes: Int = 0, isSuspect: Bool = false, queue: String, kind: String,
        payload: [UInt8],
        timeout: Duration? = nil, key: String? = nil, meta: [String: String] = [:], terms: JobTerms = JobTerms(),
        trace: TraceContext? = nil,
        traceRelation: TraceRelation = .child, parent: ExecutionID? = nil, root: ExecutionID? = nil, previous: ExecutionID? = nil,
        dueAt: Timestamp? = nil, startedAt: Timestamp
    ) {
        self.execution = execution
        self.attempt = attempt
        self.maxAttempts = maxAttempts
        self.crashes = crashes
        self.isSuspect = isSuspect
        self.queue = queue
        self.kind = kind
        self.payload = payload
        self.timeout = timeout
        self.key = key
        self.meta = meta
        self.terms = terms
        self.trace = trace
        self.traceRelation = traceRelation
        self.parent = parent
        self.root = root
        self.previous = previous
        self.dueAt = dueAt
        self.startedAt = startedAt
    }
}
