// What a program may do at the turns of an execution.

/// Called at the turns of every execution, inside its scope: what it logs is the execution's.
public struct ExecutionHook: Sendable {
    /// A turn of an execution.
    public enum Event: Sendable, Hashable {
        /// The handler is about to run.
        case started
        /// The handler returned.
        case completed
        /// The attempt failed and another follows at this time.
        case retrying(at: Timestamp, StoredError)
        /// The last attempt failed.
        case died(StoredError)
        /// The handler asked to run again at this time.
        case snoozed(until: Timestamp)
        /// It was ended because somebody asked for it.
        case cancelled
        /// It was cut by a shutdown, or lost its lease.
        case interrupted
    }

    let call: @concurrent @Sendable (Event, ExecutionContext) async -> Void

    /// Calls `body` at each turn, one after another, before the outcome is written.
    public init(_ body: @escaping @concurrent @Sendable (Event, ExecutionContext) async -> Void) { call = body }
}
