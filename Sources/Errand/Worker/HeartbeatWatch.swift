// Notices that an execution has fallen silent.

import Synchronization

/// Looks for signs of life of one execution, four times in the time that it may be silent. Counts looks and not time: a process that was
/// stopped for an hour has looked once.
package final class HeartbeatWatch: ScheduledTimer {
    private struct State {
        var seen: Int64 = 0
        var silentLooks = 0
        var isStopped = false
        var timer: (any ScheduledTimer)?
    }

    /// How many looks in a row must find nothing.
    private static let looks = 4

    private let limit: Duration
    private let clock: any ErrandClock
    private let signs: @Sendable () -> Int64
    private let onSilence: @Sendable () -> Void
    private let state = Mutex(State())

    /// A watch that calls `onSilence` once when `signs`, a number that grows, has not changed for `limit`.
    package init(
        limit: Duration, clock: any ErrandClock, signs: @escaping @Sendable () -> Int64, onSilence: @escaping @Sendable () -> Void
    ) {
        self.limit = limit
        self.clock = clock
        self.signs = signs
        self.onSilence = onSilence
    }

    /// Begins to look.
    package func start() { schedule() }

    package func cancel() {
        let timer = state.withLock { state in
            state.isStopped = true
            defer { state.timer = nil }
            return state.timer
        }
        timer?.cancel()
    }

    private func schedule() {
        let timer = clock.schedule(at: clock.uptime() + limit / HeartbeatWatch.looks) { [self] in look() }
        let isStopped = state.withLock { state in
            if !state.isStopped { state.timer = timer }
            return state.isStopped
        }
        if isStopped { timer.cancel() }
    }

    private func look() {
        let count = signs()
        let (isSilent, isStopped) = state.withLock { state in
            state.silentLooks = count == state.seen ? state.silentLooks + 1 : 0
            state.seen = count
            let isSilent = state.silentLooks >= HeartbeatWatch.looks && !state.isStopped
            if isSilent { state.isStopped = true }
            return (isSilent, state.isStopped)
        }
        if isSilent { onSilence() } else if !isStopped { schedule() }
    }
}
