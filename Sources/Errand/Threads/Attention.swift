// Waiting without polling: the doorbell wakes, and a look twice a second finds what was not rung about.

import Synchronization

/// Listens to doorbell topics for one waiter at a time.
package final class Attention: Sendable {
    private let clock: any ErrandClock
    private let state = Mutex(State())
    private let listener = Mutex<(any DoorbellListener)?>(nil)

    private struct State {
        var isRung = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    /// How long to wait for a ring before looking anyway.
    package static let safetyLook = Duration.milliseconds(500)

    /// Listens to `topics` from now on; a ring before ``wait(atMost:)`` is remembered.
    package init(to topics: Set<DoorbellTopic>, on doorbell: any Doorbell, clock: any ErrandClock) {
        self.clock = clock
        let new = doorbell.listen(to: topics) { [weak self] _ in self?.wake() }
        listener.withLock { $0 = new }
    }

    deinit { stop() }

    /// Ends the listening.
    package func stop() {
        let old = listener.withLock { listener in
            defer { listener = nil }
            return listener
        }
        old?.stop()
    }

    /// Returns after a ring (at once, if one came since the last wait), after `limit`, or when the task is cancelled.
    package func wait(atMost limit: Duration = Attention.safetyLook) async {
        let timer = clock.schedule(at: clock.uptime() + limit) { [weak self] in self?.wake() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isRung = state.withLock { state in
                    if state.isRung { return true }
                    precondition(state.waiter == nil, "one waiter at a time")
                    state.waiter = continuation
                    return false
                }
                if isRung { continuation.resume() }
            }
        } onCancel: {
            wake()
        }
        state.withLock { $0.isRung = false }
        timer.cancel()
    }

    /// Ends a wait, as a ring does.
    package func wake() {
        let waiter = state.withLock { state in
            state.isRung = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
