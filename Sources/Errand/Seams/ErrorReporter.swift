// The seam to error trackers, and the built-in reporter that writes to the worker's own log.

public import Logging

/// Told about every failed execution, inside its scope: attempts that failed or timed out, and executions that crashed. Snoozed,
/// cancelled and interrupted executions are no errors. A slow or failing reporter never changes an outcome.
public protocol ErrorReporter: Sendable {
    /// How many of the execution's own last log records each report shall carry; 0 by default, and at most 1,000 are given.
    ///
    /// Asked once, when a worker starts. Lines are kept in memory only while a reporter asks for some, and at most 64 KiB of them per
    /// execution (the last one whatever its size).
    var breadcrumbLimit: Int { get }

    /// Takes over the report of one failed execution.
    ///
    /// Must not wait for a network: the execution holds its slot meanwhile. A call that takes longer than two seconds is cancelled,
    /// left to end by itself and noted in the worker's own log. Reports of different executions come at the same time.
    func report(_ report: ErrorReport) async

    /// Delivers what has been taken over, for `limit` at most; what is not delivered by then is given up. Does nothing by default.
    ///
    /// A worker calls it once at its end, whatever became of its outcomes. Reports may still come afterwards: from another worker with
    /// the same reporter, or from another run of this one.
    func flush(within limit: Duration) async
}

extension ErrorReporter {
    /// None.
    public var breadcrumbLimit: Int { 0 }
    /// Does nothing.
    public func flush(within limit: Duration) async {}
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
        let level: Logger.Level = report.isFinal ? .error : .warning
        // The worker's own log is no execution's log: leave the scope for this one line, which names the execution itself.
        ExecutionContext.none { logger.log(level: level, "error report", metadata: metadata) }
    }
}
