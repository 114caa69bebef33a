// Signs of life for a service manager's watchdog: given on the worker's behalf only while its own thread answers.

import Errand
import Synchronization

/// Sends `WATCHDOG=1` at the interval that the service manager asked for, as long as the worker's thread has answered a probe since the
/// last one. A store that cannot be reached is no reason for silence: another worker could not reach it either.
final class WatchdogTimer: Sendable {
    private let notifier: ServiceNotifier
    private let clock: any ErrandClock
    private let interval: Duration
    private let state = Mutex(State())

    private let probe: @Sendable (@escaping @Sendable () -> Void) -> Void

    private struct State {
        var timer: (any ScheduledTimer)?
        /// Whether the worker has answered since the last sign of life.
        var hasAnswered = true
        var isStopped = false
    }

    /// Starts to send, or gives `nil` when no watchdog is set. `probe` has the worker's thread call back.
    init?(
        notifier: ServiceNotifier, clock: any ErrandClock, probe: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void
    ) {
        guard let interval = notifier.watchdogInterval else { return nil }
        self.notifier = notifier
        self.clock = clock
        self.interval = interval
        self.probe = probe
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
        let hasAnswered = state.withLock { state in
            defer { state.hasAnswered = false }
            return state.hasAnswered
        }
        if hasAnswered {
            notifier.send("WATCHDOG=1")
            probe { [weak self] in self?.state.withLock { $0.hasAnswered = true } }
        }
        state.withLock { state in
            guard !state.isStopped else { return }
            state.timer = clock.schedule(at: clock.uptime() + interval) { [weak self] in self?.beat() }
        }
    }
}
