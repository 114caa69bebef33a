// Where tasks wait for each other: what forces an interleaving without a sleep.

import Synchronization

/// Holds tasks until all of them have come, again and again.
///
/// Only for tasks, never for blocks of a queue: Dispatch has few threads, and a thousand waiting blocks would wait for ever.
package actor MeetingPoint {
    private let parties: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// For so many tasks.
    package init(parties: Int) { self.parties = parties }

    /// Returns when all have come.
    package func arrive() async {
        guard waiting.count + 1 == parties else { return await withCheckedContinuation { waiting.append($0) } }
        let released = waiting
        waiting = []
        for continuation in released { continuation.resume() }
    }
}

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
