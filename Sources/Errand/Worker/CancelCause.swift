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
    private let state = Mutex<CancelCause?>(nil)

    package init() {}

    /// Why, if at all.
    package var cause: CancelCause? { state.withLock { $0 } }

    /// Notes the cause; returns whether it was the first.
    @discardableResult
    package func note(_ cause: CancelCause) -> Bool {
        state.withLock { state in
            guard state == nil else { return false }
            state = cause
            return true
        }
    }
}
