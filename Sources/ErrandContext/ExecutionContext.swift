// Who is running: the identity of one execution, carried by scope and never by anything shared.

public import Logging
import Synchronization

/// The identity of the execution that runs this code: small, immutable, bound to a scope.
///
/// A worker opens the scope around all that belongs to one execution; nothing else can. Read it with ``current``, log through any
/// swift-log logger or through ``logger``, and take it along into callbacks that fire elsewhere with ``bind(_:)``.
public final class ExecutionContext: Sendable {
    /// Which execution: `<job>.<ordinal>`, unique for ever.
    public let executionID: ExecutionID
    /// Which attempt, 1 or more.
    public let attempt: Int
    /// How many attempts may count.
    public let maxAttempts: Int
    /// The queue that the job came from.
    public let queue: String
    /// The job's kind.
    public let kind: String
    /// The execution that enqueued this job, if one did.
    public let parentExecutionID: ExecutionID?
    /// The execution at the top of the tree that this job belongs to; this one itself for a job that a person enqueued.
    public let rootExecutionID: ExecutionID
    /// Where this execution stands in a distributed trace.
    public let trace: TraceContext
    /// The caller's own values, given when the job was enqueued.
    public let meta: [String: String]
    /// A logger that belongs to this execution wherever it is used: the identity travels by value (Pattern A). Its level is the one that
    /// is kept when the scope is entered.
    public let logger: Logger
    /// Metadata of the nested scopes around this code; empty in the execution's own scope.
    public let metadata: Logger.Metadata
    /// Collects the execution's lines.
    package let log: ExecutionLog
    /// Takes its signs of life.
    package let pulse: ExecutionPulse
    /// Keeps its steps; `nil` where nobody does.
    package let steps: (any StepLedger)?
    /// Knows what its job has waited for; `nil` where nobody does.
    package let prerequisiteLedger: (any PrerequisiteLedger)?
    /// The workflow that its job belongs to; `nil` when it belongs to none.
    public let workflowID: WorkflowID?
    /// Tells the time of log records.
    package let now: @Sendable () -> Timestamp

    /// The job; the same for all of its executions.
    public var jobID: JobID { executionID.job }
    /// The number that fences this execution's writes, here and in systems outside; the execution's ordinal.
    public var leaseToken: Int64 { executionID.ordinal }
    /// The trace's ID, 32 hexadecimal digits.
    public var traceID: String { trace.traceID }
    /// This execution's span, 16 hexadecimal digits.
    public var spanID: String { trace.spanID }
    /// W3C baggage as the caller gave it.
    public var baggage: String? { trace.baggage }

    /// Only workers and the testing room make contexts; there is no public way. `trace` is the caller's position; `span` is the
    /// execution's own where a tracer has begun one, otherwise it follows from `trace` and the execution ID.
    package init(
        executionID: ExecutionID, attempt: Int, maxAttempts: Int, queue: String, kind: String, parent: ExecutionID?, root: ExecutionID?,
        trace: TraceContext?, span: TraceContext? = nil, meta: [String: String], firstSequence: Int64 = 1, redaction: Redaction? = nil,
        sink: any LogSink, pulse: ExecutionPulse? = nil, steps: (any StepLedger)? = nil,
        prerequisites: (any PrerequisiteLedger)? = nil, workflow: WorkflowID? = nil, now: @escaping @Sendable () -> Timestamp
    ) {
        self.executionID = executionID
        self.attempt = attempt
        self.maxAttempts = maxAttempts
        self.queue = queue
        self.kind = kind
        self.parentExecutionID = parent
        self.rootExecutionID = root ?? executionID
        let span = span ?? TraceContext.span(of: executionID, in: trace)
        self.trace = span
        self.meta = meta
        self.metadata = [:]
        self.now = now
        self.pulse = pulse ?? ExecutionPulse(of: executionID, feltBy: nil)
        self.steps = steps
        prerequisiteLedger = prerequisites
        workflowID = workflow
        log = ExecutionLog(
            owner: LogOwner(executionID),
            fragment: ExecutionContext.fragment(
                executionID: executionID, attempt: attempt, queue: queue, kind: kind, span: span,
                meta: redaction?.redacted(meta) ?? meta),
            firstSequence: firstSequence, redaction: redaction, sink: sink)
        logger = ExecutionContext.logger(of: executionID, kind: kind, metadata: [:], log: log, now: now)
    }

    /// The same execution with more metadata, for a nested scope.
    init(nesting metadata: Logger.Metadata, in outer: ExecutionContext) {
        executionID = outer.executionID
        attempt = outer.attempt
        maxAttempts = outer.maxAttempts
        queue = outer.queue
        kind = outer.kind
        parentExecutionID = outer.parentExecutionID
        rootExecutionID = outer.rootExecutionID
        trace = outer.trace
        meta = outer.meta
        self.metadata = outer.metadata.merging(metadata) { _, inner in inner }
        logger = ExecutionContext.logger(of: executionID, kind: kind, metadata: self.metadata, log: outer.log, now: outer.now)
        log = outer.log
        pulse = outer.pulse
        steps = outer.steps
        prerequisiteLedger = outer.prerequisiteLedger
        workflowID = outer.workflowID
        now = outer.now
    }

    private static func logger(
        of execution: ExecutionID, kind: String, metadata: Logger.Metadata, log: ExecutionLog, now: @escaping @Sendable () -> Timestamp
    ) -> Logger {
        Logger(label: kind) { ExecutionLogHandler(label: $0, owner: execution, metadata: metadata, log: log, now: now) }
    }

    /// The identity as JSON members, rendered once per execution.
    private static func fragment(
        executionID: ExecutionID, attempt: Int, queue: String, kind: String, span: TraceContext, meta: [String: String]
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        // As a rule it has less; growing costs more than the rest.
        bytes.reserveCapacity(384)
        JSONText.append(raw: "\"v\":1,\"execution_id\":", to: &bytes)
        JSONText.append(executionID.description, to: &bytes)
        JSONText.append(raw: ",\"job_id\":", to: &bytes)
        JSONText.append(executionID.job.description, to: &bytes)
        JSONText.append(raw: ",\"ordinal\":", to: &bytes)
        JSONText.append(executionID.ordinal, to: &bytes)
        JSONText.append(raw: ",\"attempt\":", to: &bytes)
        JSONText.append(Int64(attempt), to: &bytes)
        JSONText.append(raw: ",\"queue\":", to: &bytes)
        JSONText.append(queue, to: &bytes)
        JSONText.append(raw: ",\"kind\":", to: &bytes)
        JSONText.append(kind, to: &bytes)
        JSONText.append(raw: ",\"trace_id\":", to: &bytes)
        JSONText.append(span.traceID, to: &bytes)
        JSONText.append(raw: ",\"span_id\":", to: &bytes)
        JSONText.append(span.spanID, to: &bytes)
        JSONText.append(raw: ",\"meta\":{", to: &bytes)
        for (index, (name, value)) in meta.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            JSONText.append(name, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            JSONText.append(value, to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}

extension ExecutionContext: CustomStringConvertible {
    /// The execution ID.
    public var description: String { executionID.description }
}
