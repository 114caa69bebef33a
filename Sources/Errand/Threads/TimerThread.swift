// One thread that fires timers: late callbacks of the pool must not delay a timeout or a heartbeat.

import Glibc
import HeapModule
import Synchronization

/// Fires timers in order of their time, on one thread that starts with the first timer and then lives as long as the process.
package final class TimerThread: Sendable {
    private let monitor = Monitor(State())

    private struct State {
        var timers = Heap<Entry>()
        /// How many of them have been cancelled.
        var cancelled = 0
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

    package final class Timer: ScheduledTimer {
        private let fire: Mutex<(@Sendable () -> Void)?>
        private let thread: TimerThread

        init(_ fire: @escaping @Sendable () -> Void, on thread: TimerThread) {
            self.fire = Mutex(fire)
            self.thread = thread
        }

        package func cancel() {
            if takeFire() != nil { thread.noteCancellation() }
        }

        var isPending: Bool { fire.withLock { $0 != nil } }

        func takeFire() -> (@Sendable () -> Void)? {
            fire.withLock { fire in
                defer { fire = nil }
                return fire
            }
        }
    }

    /// A thread that has not started.
    package init() {}

    /// How many timers are kept, cancelled ones among them.
    package var kept: Int { monitor.withLock { $0.timers.count } }

    /// Most timers are timeouts that never fire: cancelled ones are cleared away when they are the majority, so that an hour's
    /// timeouts are not kept for an hour.
    private func noteCancellation() {
        monitor.withLock { state in
            state.cancelled += 1
            guard state.cancelled > 1000, state.cancelled > state.timers.count / 2 else { return }
            state.timers = Heap(state.timers.unordered.filter(\.timer.isPending))
            state.cancelled = 0
        }
    }

    package func schedule(at time: Duration, _ fire: @escaping @Sendable () -> Void) -> Timer {
        let timer = Timer(fire, on: self)
        let (mustStart, isFirst) = monitor.withLock { state in
            // The thread sleeps until the first timer; one that is not earlier need not wake it.
            let isFirst = state.timers.min.map { time < $0.time } ?? true
            state.timers.insert(Entry(time: time, sequence: state.nextSequence, timer: timer))
            state.nextSequence += 1
            defer { state.isRunning = true }
            return (!state.isRunning, isFirst)
        }
        if isFirst { monitor.wake() }
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
            if let fire = due.takeFire() {
                fire()
            } else {
                // Zero when the heap was cleared between the taking and now.
                monitor.withLock { $0.cancelled = max(0, $0.cancelled - 1) }
            }
        }
    }
}
