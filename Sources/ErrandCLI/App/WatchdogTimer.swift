// Signs of life for a service manager's watchdog, from the clock's own thread.

import Errand
import Synchronization

/// Sends `WATCHDOG=1` at the interval that the service manager asked for.
final class WatchdogTimer: Sendable {
    private let notifier: ServiceNotifier
    private let clock: any ErrandClock
    private let interval: Duration
    private let state = Mutex(State())

    private struct State {
        var timer: (any ScheduledTimer)?
        var isStopped = false
    }

    /// Starts to send, or gives `nil` when no watchdog is set.
    init?(notifier: ServiceNotifier, clock: any ErrandClock) {
        guard let interval = notifier.watchdogInterval else { return nil }
        self.notifier = notifier
        self.clock = clock
        self.interval = interval
        beat()
    }

    /// Ends the signs of life.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            state.timer?.cancel()
            state.timer = nil
        }
    }

    private func beat() {
        notifier.send("WATCHDOG=1")
        state.withLock { state in
            guard !state.isStopped else { return }
            state.timer = clock.schedule(at: clock.uptime() + interval) { [weak self] in self?.beat() }
        }
    }
}
