// What a rescuer asks of the store: whose jobs, and what is known about the death.

public import ErrandContext

/// The rescue of one dead worker's jobs.
public struct RescueRequest: Sendable, Hashable {
    /// Who died, and how it is known.
    public var casualty: Casualty
    /// Executions that took the worker down; those that it did not hold are left alone.
    public var convictions: [Conviction]
    /// Kept with the interruption of every other execution; `nil` when nobody knows the culprit. An interruption whose culprit is known
    /// does not make its own job suspicious.
    public var neighbourError: StoredError?
    /// At how many deaths in a row, the culprits unknown, a job that was in flight becomes a suspect, which runs alone; `nil`: never.
    public var suspectThreshold: Int?
    /// After how many convictions a job dies as poison; `nil`: never.
    public var convictionLimit: Int?

    /// Puts together a rescue.
    public init(
        _ casualty: Casualty, convictions: [Conviction] = [], neighbourError: StoredError? = nil, suspectThreshold: Int?,
        convictionLimit: Int? = nil
    ) {
        self.casualty = casualty
        self.convictions = convictions
        self.neighbourError = neighbourError
        self.suspectThreshold = suspectThreshold
        self.convictionLimit = convictionLimit
    }
}

/// One execution that took its process down.
public struct Conviction: Sendable, Hashable {
    /// Which execution.
    public var execution: ExecutionID
    /// What it did.
    public var error: StoredError
    /// When its job is tried again, unless this was its last conviction.
    public var retryAt: Timestamp

    /// Convicts `execution`.
    public init(_ execution: ExecutionID, error: StoredError, retryAt: Timestamp) {
        self.execution = execution
        self.error = error
        self.retryAt = retryAt
    }

    /// Where the job of a convicted execution goes, `earlier` convictions having come before.
    package func next(afterCrashes earlier: Int, limit: Int?) -> NextStep {
        if let limit, earlier + 1 >= limit { return .bury(reason: "poison") }
        return .wait(until: retryAt)
    }
}
