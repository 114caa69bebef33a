// The seam to error trackers, and the built-in reporter that writes to the worker's own log.

public import Logging

/// Told about failed executions, inside their scope. A slow or failing reporter never changes an outcome.
public protocol ErrorReporter: Sendable {
    /// Reports one failed execution; returns when it has been taken over. Must not wait for a network.
    func report(_ report: ErrorReport) async
}

/// A failed execution, for people and error trackers.
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
    /// Where the execution stands in a trace.
    public var trace: TraceContext
}

/// Writes each report as one line to the worker's own log, with the execution ID.
public struct LogErrorReporter: ErrorReporter {
    private let logger: Logger

    /// Reports to `logger`.
    public init(logger: Logger) { self.logger = logger }

    /// Writes one line at level `error` for a dead job and at level `warning` for one that is tried again.
    public func report(_ report: ErrorReport) async {
        var metadata: Logger.Metadata = [
            "execution_id": "\(report.executionID)", "job_id": "\(report.executionID.job)", "queue": "\(report.queue)",
            "kind": "\(report.kind)", "attempt": "\(report.attempt)", "max_attempts": "\(report.maxAttempts)",
            "outcome": "\(report.outcome.rawValue)", "error_type": "\(report.error.type)", "error_message": "\(report.error.message)",
        ]
        if let code = report.error.code { metadata["error_code"] = "\(code)" }
        if let next = report.nextAttemptAt { metadata["next_attempt_at"] = "\(next)" }
        let level: Logger.Level = report.nextAttemptAt == nil ? .error : .warning
        // The worker's own log is no execution's log: leave the scope for this one line, which names the execution itself.
        ExecutionContext.none { logger.log(level: level, "error report", metadata: metadata) }
    }
}
