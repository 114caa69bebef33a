// What is told about a failed execution: the one value that carries everything a person or an error tracker needs.

/// A failed execution, for people and error trackers. The job's payload and result are not among it: they may hold secrets.
public struct ErrorReport: Sendable, Hashable {
    /// Which execution failed.
    public var executionID: ExecutionID
    /// Its queue.
    public var queue: String
    /// Its kind.
    public var kind: String
    /// Which attempt it was.
    public var attempt: Int
    /// How many may count.
    public var maxAttempts: Int
    /// How it ended: failed, timed out or crashed.
    public var outcome: Outcome
    /// What went wrong.
    public var error: StoredError
    /// When it is tried again; `nil` when the job is dead.
    public var nextAttemptAt: Timestamp?
    /// The caller's own values.
    public var meta: [String: String]
    /// Where the execution stands in a trace: its own span.
    public var trace: TraceContext
    /// The span that the execution's span belongs to, 16 hexadecimal digits; `nil` when nobody gave one to the job.
    public var parentSpanID: String?
    /// The execution that enqueued the job, if one did.
    public var parentExecutionID: ExecutionID?
    /// The execution at the top of the tree that the job belongs to; this one itself for a job that a person enqueued.
    public var rootExecutionID: ExecutionID
    /// When the execution began.
    public var startedAt: Timestamp
    /// When the failure was noticed.
    public var occurredAt: Timestamp
    /// The execution's own last log records, oldest first: as many as the reporter that wants most of them asks for, or fewer.
    public var breadcrumbs: [LogRecord]

    /// Whether the job is dead: nothing tries it again by itself.
    public var isFinal: Bool { nextAttemptAt == nil }

    /// Puts together a report: for tests of a reporter, and for whoever finds a failure after the fact.
    /// - Parameter rootExecutionID: `nil` is the execution itself.
    public init(
        executionID: ExecutionID, queue: String, kind: String, attempt: Int, maxAttempts: Int, outcome: Outcome, error: StoredError,
        nextAttemptAt: Timestamp? = nil, meta: [String: String] = [:], trace: TraceContext, parentSpanID: String? = nil,
        parentExecutionID: ExecutionID? = nil, rootExecutionID: ExecutionID? = nil, startedAt: Timestamp, occurredAt: Timestamp,
        breadcrumbs: [LogRecord] = []
    ) {
        self.executionID = executionID
        self.queue = queue
        self.kind = kind
        self.attempt = attempt
        self.maxAttempts = maxAttempts
        self.outcome = outcome
        self.error = error
        self.nextAttemptAt = nextAttemptAt
        self.meta = meta
        self.trace = trace
        self.parentSpanID = parentSpanID
        self.parentExecutionID = parentExecutionID
        self.rootExecutionID = rootExecutionID ?? executionID
        self.startedAt = startedAt
        self.occurredAt = occurredAt
        self.breadcrumbs = breadcrumbs
    }
}

extension ErrorReport {
    /// The report of a failure of `job`, whose execution ran as `context`.
    package init(
        _ job: ClaimedJob, in context: ExecutionContext, outcome: Outcome, error: StoredError, nextAttemptAt: Timestamp?,
        occurredAt: Timestamp
    ) {
        self.init(
            executionID: job.execution, queue: job.queue, kind: job.kind, attempt: job.attempt, maxAttempts: job.maxAttempts,
            outcome: outcome, error: error, nextAttemptAt: nextAttemptAt, meta: context.log.redaction?.redacted(job.meta) ?? job.meta,
            trace: context.trace,
            parentSpanID: job.trace?.spanID, parentExecutionID: job.parent, rootExecutionID: context.rootExecutionID,
            startedAt: job.startedAt, occurredAt: occurredAt,
            breadcrumbs: LogFraming.records(lines: context.log.recentLines, fragment: context.log.fragment))
    }
}
