// An emitter as libraries have them: callbacks are registered in one place and fired in another.

import Synchronization

/// The response of a job to somebody outside; listeners are called on the thread, and in the scope, of whoever finishes it.
final class ResponseEmitter: Sendable {
    private let listeners = Mutex<[@Sendable (String) -> Void]>([])

    /// Calls `listener` at every ``finish(by:)``.
    func onFinish(_ listener: @escaping @Sendable (String) -> Void) {
        listeners.withLock { $0.append(listener) }
    }

    /// Fires; `caller` is told to the listeners.
    func finish(by caller: String) {
        for listener in listeners.withLock({ $0 }) { listener(caller) }
    }
}
