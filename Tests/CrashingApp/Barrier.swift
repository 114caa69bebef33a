// Lets nobody go on before everybody is there.

import Synchronization

/// A barrier for handlers.
final class Barrier: Sendable {
    private struct State {
        var waiting: [CheckedContinuation<Void, Never>] = []
        /// Those who stay until the process ends.
        var staying: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Returns when `party` callers wait.
    func wait(for party: Int) async {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state in
                state.waiting.append(continuation)
                guard state.waiting.count >= party else { return [] as [CheckedContinuation<Void, Never>] }
                defer { state.waiting = [] }
                return state.waiting
            }
            for continuation in ready { continuation.resume() }
        }
    }

    /// Never returns.
    func waitForEver() async {
        await withCheckedContinuation { continuation in state.withLock { $0.staying.append(continuation) } }
    }
}
