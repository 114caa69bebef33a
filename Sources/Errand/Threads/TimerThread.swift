// One thread that fires timers: late callbacks of the pool must not delay a timeout or a heartbeat.

import Glibc
import HeapModule
import Synchronization

/// Fires timers in order of their time, on one thread that starts with the first timer and then lives as long as the process.
final class TimerThread: Sendable {
    private let monitor = Monitor(State())

    private struct State {
        var timers = Heap<Entry>()
        var isRunning = false
        var nextSequence: UInt64 = 0
    }

    private struct Entry: Comparable {
        let time: Duration
        let sequence: UInt64
        let timer: Timer

        static func < (lhs: Entry, rhs: Entry) -> Bool { (lhs.time, lhs.sequence) < (rhs.time, rhs.sequence) }
        static func == (lhs: Entry, rhs: Entry) -> Bool { lhs.sequence == rhs.sequence }
    }

    final class Timer: ScheduledTimer {
        private let fire: Mutex<(@Sendable () -> Void)?>

        init(_ fire: @escaping @Sendable () -> Void) { self.fire = Mutex(fire) }

        func cancel() { fire.withLock { $0 = nil } }

        func fireNow() {
            let fire = fire.withLock { fire in
                defer { fire = nil }
                return fire
            }
            fire?()
        }
    }

    func schedule(at time: Duration, _ fire: @escaping @Sendable () -> Void) -> Timer {
        let timer = Timer(fire)
        let mustStart = monitor.signal { state in
            state.timers.insert(Entry(time: time, sequence: state.nextSequence, timer: timer))
            state.nextSequence += 1
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if mustStart { startThread(named: "errand-timers") { [self] in run() } }
        return timer
    }

    private func run() {
        while true {
            let due = monitor.wait { state, limit -> Timer? in
                guard let first = state.timers.min else { return nil }
                let remaining = first.time - SystemClock.shared.uptime()
                guard remaining <= .zero else {
                    limit = .after(remaining)
                    return nil
                }
                return state.timers.removeMin().timer
            }
            due.fireNow()
        }
    }
}
