// Threads that cancel tasks: a cancellation runs its handlers, which are somebody's code and may block, right where it is asked for.

/// Performs cancellations on threads of their own, so that a handler that blocks in `onCancel` holds up neither the worker's thread,
/// which renews its lease, nor the timers, nor a thread of the shared pool.
///
/// A thread is started when all others are busy, up to ``limit``; one stays, the rest end when there is nothing left to do. Where no
/// thread is to be had the others do it, and without any the caller.
final class CancelThreads: Sendable {
    /// The process's own.
    static let shared = CancelThreads()

    /// How many cancellations may block before further ones wait for them: 64.
    static let limit = 64

    private let monitor = Monitor(State())

    private struct State {
        var waiting: [@Sendable () -> Void] = []
        var threads = 0
        /// Threads that have nothing to do, those that are about to start among them.
        var idle = 0
    }

    /// Performs `cancellation` soon, as nobody.
    func perform(_ cancellation: @escaping @Sendable () -> Void) {
        let mustStart = monitor.signal { state in
            state.waiting.append(cancellation)
            guard state.waiting.count > state.idle, state.threads < CancelThreads.limit else { return false }
            state.threads += 1
            state.idle += 1
            return true
        }
        guard mustStart else { return }
        if let thread = OwnThread.startIfPossible(name: "errand-cancel", { [self] in run() }) { return thread.detach() }
        let left = monitor.withLock { state -> [@Sendable () -> Void] in
            state.threads -= 1
            state.idle -= 1
            guard state.threads == 0 else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for cancellation in left { cancellation() }
    }

    private func run() {
        while let cancellation = next() {
            cancellation()
            monitor.withLock { $0.idle += 1 }
        }
    }

    private func next() -> (@Sendable () -> Void)? {
        let next: (@Sendable () -> Void)?? = monitor.wait { state, _ in
            if let cancellation = state.waiting.popLast() {
                state.idle -= 1
                return .some(cancellation)
            }
            guard state.threads > 1 else { return nil }
            state.threads -= 1
            state.idle -= 1
            return .some(nil)
        }
        return next ?? nil
    }
}
