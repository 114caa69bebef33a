// Counts what happens anywhere: what tests wait for instead of sleeping.

import Synchronization

/// Counts what happens anywhere, and lets a task wait until it has happened often enough.
package final class Tally: Sendable {
    private let state = Mutex(State())

    private struct State {
        var count = 0
        var waiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    package init() {}

    /// How often it has happened.
    package var count: Int { state.withLock { $0.count } }

    /// It happened once more.
    package func add() {
        let released = state.withLock { state in
            state.count += 1
            let ready = state.waiters.filter { $0.count <= state.count }
            state.waiters.removeAll { $0.count <= state.count }
            return ready
        }
        for waiter in released { waiter.continuation.resume() }
    }

    /// Returns once it has happened `count` times.
    package func reaches(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.count < count { state.waiters.append((count, continuation)) }
                return state.count >= count
            }
            if isThere { continuation.resume() }
        }
    }
}
