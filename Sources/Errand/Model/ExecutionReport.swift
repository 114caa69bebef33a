// What a worker tells the store when an execution has ended: what happened, and where the job goes next.

/// The end of one execution.
public struct ExecutionReport: Sendable, Hashable {
    /// Which execution.
    public var execution: ExecutionID
    /// What happened.
    public var outcome: Outcome
    /// Where the job goes.
    public var next: NextStep
    /// What went wrong, for failures.
    public var error: StoredError?
    /// What the handler returned: JSON, at most 256 KiB.
    public var result: [UInt8]?
    /// When it ended.
    public var finishedAt: Timestamp

    /// Puts together a report.
    public init(
        execution: ExecutionID, outcome: Outcome, next: NextStep, error: StoredError? = nil, result: [UInt8]? = nil, finishedAt: Timestamp
    ) {
        self.execution = execution
        self.outcome = outcome
        self.next = next
        self.error = error
        self.result = result
        self.finishedAt = finishedAt
    }
}

/// Where a job goes after an execution.
public enum NextStep: Sendable, Hashable {
    /// Ends, well.
    case complete
    /// Ends because somebody asked for it; the reason is for people.
    case cancel(reason: String?)
    /// Ends for good after a failure; the reason is a word such as `max_attempts`, `poison` or `unrecoverable`.
    case bury(reason: String)
    /// Waits until then: retryable after a failed attempt, scheduled after a snooze.
    case wait(until: Timestamp)
    /// Is available again at once.
    case giveBack

    /// Whether the job ends.
    package var isFinal: Bool {
        switch self {
        case .complete, .cancel, .bury: true
        case .wait, .giveBack: false
        }
    }

    /// The step that is taken when somebody has asked to cancel the execution: a job that would run again is cancelled instead,
    /// one that ends anyway ends as it would.
    package func honouring(wish reason: String??) -> NextStep {
        guard let reason else { return self }
        return switch self {
        case .complete, .cancel, .bury: self
        case .wait, .giveBack: .cancel(reason: reason)
        }
    }

    /// The step that is taken when all of the job's attempts together have a deadline: a job that would run again then or later is dead,
    /// with the reason `deadline`.
    package func honouring(deadline: Timestamp?, at now: Timestamp) -> NextStep {
        guard let deadline else { return self }
        switch self {
        case .complete, .cancel, .bury: return self
        case .wait(let until): return until >= deadline ? .bury(reason: "deadline") : self
        case .giveBack: return now >= deadline ? .bury(reason: "deadline") : self
        }
    }
}

/// What the store made of one report.
public enum ReportResult: Sendable, Hashable {
    /// Recorded.
    case accepted
    /// Another claim or a rescue had come between: the lease was lost, nothing was recorded.
    case leaseLost
}
