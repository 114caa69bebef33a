// A job on its way into the store: everything validated, nothing assigned yet.

/// A validated job that a store can take in.
public struct NewJob: Sendable, Hashable {
    /// Picks the handler.
    public var kind: String
    /// The input: JSON, at most 1 MiB, stored byte by byte as given.
    public var payload: [UInt8]
    /// The line that it waits in.
    public var queue = "default"
    /// −100 … 100, lower runs first.
    public var priority = 0
    /// When it may start; `nil` is at once.
    public var runAt: Timestamp?
    /// How many executions may count, 1 … 1,000.
    public var maxAttempts = 5
    /// How long one execution may take; `nil` leaves it to the handler's own.
    public var timeout: Duration?
    /// The idempotency key: a repeated enqueue with the same key, kind and payload gives the same job.
    public var key: String?
    /// What recognises a repeated enqueue under ``key``: the first is kept, any of them is a repetition. Empty, the default, leaves it to
    /// the store, which digests kind and payload. For whoever encrypts payloads, which look different every time.
    public var fingerprints: [[UInt8]] = []
    /// What the job survives once it is acknowledged; `nil` is the store's own. Not kept with the job. A store that knows one durability
    /// only takes no notice.
    public var durability: Durability?
    /// The caller's own values, stamped on every log record, error report and child process of the job.
    public var meta: [String: String] = [:]
    /// A line for people.
    public var label: String?
    /// On which terms it is run.
    public var terms = JobTerms()
    /// What it waits for before it may start; nothing by default, at most 1,000 (``Dependency/most``).
    public var after: [Dependency] = []
    /// The workflow that it belongs to, which must not have ended.
    public var workflow: WorkflowID?
    /// The caller's place in a trace.
    public var trace: TraceContext?
    /// How its executions stand to that place.
    public var traceRelation = TraceRelation.child
    /// The execution that enqueued this job.
    public var parent: ExecutionID?
    /// The execution at the top of the tree that this job belongs to.
    public var root: ExecutionID?

    /// A job of `kind` with `payload`, everything else by default.
    public init(kind: String, payload: [UInt8]) {
        self.kind = kind
        self.payload = payload
    }

    /// Lets the job wait for `workflow`, in whose trace it is unless it has one.
    package mutating func follow(_ workflow: WorkflowID, ifFailed: DependencyPolicy) {
        after.append(Dependency(.workflow(workflow), ifFailed: ifFailed))
        if trace == nil, traceRelation == .child { trace = TraceContext.place(of: workflow) }
    }
}

/// What became of one job of an `enqueue` call; the others are not affected.
public enum EnqueueResult: Sendable, Hashable {
    /// A new job.
    case added(JobID)
    /// The job that an earlier enqueue with this key, kind and payload made.
    case existing(JobID)
    /// The key belongs to this job, whose kind or payload is another; nothing was added.
    case conflict(JobID)
    /// This job has the unique key; nothing was added or changed.
    case unique(JobID)
    /// The new job has taken the place of the one with the same unique key that had not started, under its ID.
    case replaced(JobID)
    /// As ``replaced(_:)``, and the job waits for its delay once more.
    case debounced(JobID)

    /// The job that now stands for the request, whichever way.
    public var id: JobID {
        switch self {
        case .added(let id), .existing(let id), .conflict(let id), .unique(let id), .replaced(let id), .debounced(let id): id
        }
    }

    /// The word for it in JSON and in traces.
    package var word: String {
        switch self {
        case .added: "added"
        case .existing: "existing"
        case .conflict: "conflict"
        case .unique: "unique"
        case .replaced: "replaced"
        case .debounced: "debounced"
        }
    }
}
