// The real clock: the system's wall and boot clocks, and timers on a thread of our own.

import CErrand
import Glibc
import Synchronization

/// The system's clocks, with timers that fire on one thread of their own, on time even when every pool thread is blocked.
public final class SystemClock: ErrandClock {
    /// The process's clock; its timer thread starts with the first timer.
    public static let shared = SystemClock()

    private let timers = TimerThread()

    private init() {}

    /// The system's wall clock.
    public func now() -> Timestamp { Timestamp(microseconds: SystemClock.microseconds(of: CLOCK_REALTIME)) }

    /// The system's boot clock.
    public func uptime() -> Duration { .microseconds(SystemClock.microseconds(of: CLOCK_BOOTTIME)) }

    /// Fires on the process's timer thread.
    public func schedule(at uptime: Duration, _ fire: @escaping @Sendable () -> Void) -> any ScheduledTimer {
        timers.schedule(at: uptime, fire)
    }

    fileprivate static func microseconds(of clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
