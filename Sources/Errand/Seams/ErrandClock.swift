// The seam to time: the wall clock for plans, the boot clock for leases and timers, and timers that fire on a thread of our own.

/// Tells the time and fires timers. `SystemClock` is the real one; `ErrandTesting` has one that tests turn by hand.
public protocol ErrandClock: Sendable {
    /// The wall clock: for `run_at`, records and people; may jump.
    func now() -> Timestamp

    /// The boot clock: how long the machine has been up, suspension included; never jumps.
    func uptime() -> Duration

    /// Calls `fire` once, when ``uptime()`` has reached `uptime`, on a thread that no handler can block.
    func schedule(at uptime: Duration, _ fire: @escaping @Sendable () -> Void) -> any ScheduledTimer
}

/// A timer that has not fired yet, perhaps.
public protocol ScheduledTimer: Sendable {
    /// Takes the timer back; a call that is under way may still finish.
    func cancel()
}
