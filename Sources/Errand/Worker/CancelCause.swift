// Why an execution was told to stop, and how the running code learns of it.

import Synchronization

/// Why an execution was told to stop.
package enum CancelCause: Sendable, Hashable {
    /// Somebody asked for it.
    case requested(reason: String?)
    /// It took longer than its timeout.
    case timedOut(after: Duration)
    /// It showed no sign of life for so long.
    case silent(Duration)
    /// The job's deadline, for all attempts together, has come.
    case deadline
    /// Its worker is leaving.
    case shutdown
    /// Its lease was lost: another worker may run the job already.
    case leaseLost
}

/// Carries the cause from whoever cancels to the execution's own verdict; the first cause stays.
package final class CancelSignal: Sendable {
    /// The execution's scope, as a cancellation finds it.
    private enum Scope {
        /// Not open yet; whether somebody has cancelled already.
        case ahead(isCancelled: Bool)
        case open(Snapshot)
        case closed
    }

    private struct State {
        var cause: CancelCause?
        var scope = Scope.ahead(isCancelled: false)
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

    /// The execution's scope opens around the caller. A cancellation that came earlier happens here.
    package func open() {
        let scope = ExecutionContext.capture()
        let isCancelled = state.withLock { state in
            defer { state.scope = .open(scope) }
            if case .ahead(isCancelled: true) = state.scope { return true }
            return false
        }
        if isCancelled { withUnsafeCurrentTask { $0?.cancel() } }
    }

    /// The execution's scope closes.
    package func close() { state.withLock { $0.scope = .closed } }

    /// Cancels `task` as the execution itself, soon, on a thread that may block.
    func cancel(_ task: Task<Void, Never>) { CancelThreads.shared.perform { [self] in cancelHere(task) } }

    /// Cancels `task` as the execution itself: its cancellation handlers run right here, and what they log is the execution's own although
    /// nobody has bound them.
    package func cancelHere(_ task: Task<Void, Never>) {
        let scope = state.withLock { state -> Snapshot? in
            switch state.scope {
            case .ahead: state.scope = .ahead(isCancelled: true)
            case .open(let scope): return scope
            case .closed: break
            }
            return nil
        }
        scope?.run { task.cancel() }
    }
}
