// Why an execution was told to stop, and how the running code learns of it.

import Synchronization

/// Why an execution was told to stop.
package enum CancelCause: Sendable, Hashable {
    /// Somebody asked for it.
    case requested(reason: String?)
    /// It took longer than its timeout.
    case timedOut(after: Duration)
    /// Its worker is leaving.
    case shutdown
    /// Its lease was lost: another worker may run the job already.
    case leaseLost
}

/// Carries the cause from whoever cancels to the execution's own verdict; the first cause stays.
package final class CancelSignal: Sendable {
    private struct State {
        var cause: CancelCause?
        /// The execution's scope, while it is open.
        var scope: Snapshot?
    }

    private let state = Mutex(State())

    package init() {}

    /// Why, if at all.
    package var cause: CancelCause? { state.withLock { $0.cause } }

    /// Notes the cause; returns whether it was the first.
    @discardableResult
    package func note(_ cause: CancelCause) -> Bool {
        state.withLock { state in
            guard state.cause == nil else { return false }
            state.cause = cause
            return true
        }
    }

    /// The execution's scope opens here, or has closed (`nil`).
    func enter(_ scope: Snapshot?) { state.withLock { $0.scope = scope } }

    /// Cancels `task` as the execution itself: cancellation handlers run right here, on the canceller's thread, and what they log is
    /// the execution's own although nobody has bound them.
    func cancel(_ task: Task<Void, Never>) {
        guard let scope = state.withLock({ $0.scope }) else { return task.cancel() }
        scope.run { task.cancel() }
    }
}
