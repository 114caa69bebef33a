// How far an execution has said it is.

/// How far an execution has said it is; the newest word of it.
public struct JobProgress: Sendable, Hashable {
    /// Which execution.
    public var execution: ExecutionID
    /// 0 … 1; `nil` when it cannot be told.
    public var fraction: Double?
    /// For people; at most ``Limits/progressMessageBytes``.
    public var message: String?
    /// When it was said.
    public var at: Timestamp

    /// Puts together what an execution has said.
    public init(execution: ExecutionID, fraction: Double?, message: String? = nil, at: Timestamp) {
        self.execution = execution
        self.fraction = fraction
        self.message = message
        self.at = at
    }
}
