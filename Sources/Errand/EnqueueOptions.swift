// What an enqueuer may say about a job besides its input.

/// What an enqueuer may say about a job; everything has a default.
public struct EnqueueOptions: Sendable, Hashable {
    /// The queue; `nil` is the job type's own.
    public var queue: String?
    /// −100 … 100, lower runs first; 0 by default.
    public var priority = 0
    /// Not before this delay from now, ten years at most (``Limits/longestDuration``); `nil` is at once.
    public var delay: Duration?
    /// Not before this time; ``delay`` wins when both are given.
    public var runAt: Timestamp?
    /// How many attempts may count, 1 … 1,000; `nil` is the job type's own.
    public var maxAttempts: Int?
    /// How long one execution may take; `nil` is the job type's own.
    public var timeout: Duration?
    /// The idempotency key: enqueueing the same kind and payload under it again gives the same job.
    public var key: String?
    /// Values of the caller's own (a request or trace ID, for example), stamped on all that the job logs and reports.
    public var meta: [String: String] = [:]
    /// What the job survives once the call has returned; `nil`, the default, is the store's own, which is ``Durability/full`` unless it
    /// was opened otherwise.
    public var durability: Durability?
    /// A line for people.
    public var label: String?
    /// Words that the job is found by (``JobTerms/tags``).
    public var tags: [String] = []
    /// With whom the job shares limits (``JobTerms/limitKey``).
    public var limitKey: String?
    /// Which jobs it runs after (``JobTerms/sequence``).
    public var sequence: JobSequence?
    /// Which jobs it may not stand beside (``JobTerms/uniqueness``).
    public var uniqueness: Uniqueness?
    /// Cancelled unless it has started so long after the enqueue; ten years at most, `nil` for never.
    public var expires: Duration?
    /// Dead unless it has ended so long after the enqueue, all attempts together; ten years at most, `nil` for never.
    public var deadline: Duration?
    /// What the job waits for before it may start; nothing by default.
    public var after: [Dependency] = []
    /// The workflow that the job belongs to, which must not have ended (``ExecutionContext/workflowID`` is that of the current execution).
    public var workflow: WorkflowID?
    /// The caller's place in a trace; `nil` takes that of the code that enqueues: its span, or the current execution.
    public var trace: TraceContext?
    /// Whether the job's executions belong to that trace, or to one of their own that links to it; `child` by default.
    public var traceRelation = TraceRelation.child

    /// The defaults.
    public init() {}

    /// The defaults, changed by `change`.
    public init(_ change: (inout EnqueueOptions) -> Void) {
        self.init()
        change(&self)
    }
}
