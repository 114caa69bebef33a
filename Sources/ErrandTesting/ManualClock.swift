// A clock that tests turn by hand: time passes only when somebody says so.

public import Errand
import Synchronization

/// An ``ErrandClock`` that stands still until it is told to move. Timers fire inside ``advance(by:)``, on the thread that called it, in
/// the order in which they are due (timers due at the same moment in the order in which they were scheduled), and each sees the clock at
/// its own moment. A timer that is already due when it is scheduled fires at the next ``advance(by:)``, `.zero` included.
public final class ManualClock: ErrandClock {
    private struct State {
        var wall: Timestamp
        var uptime: Duration
        var lastTimer = 0
        var timers: [Int: Timer] = [:]
    }

    private struct Timer {
        var number: Int
        var due: Duration
        var fire: @Sendable () -> Void
    }

    private let state: Mutex<State>

    /// A clock that shows `wall` (2026-01-01T00:00:00Z by default) on a machine that has been up for `uptime` (one hour by default).
    public init(wall: Timestamp = Timestamp(microseconds: 1_767_225_600_000_000), uptime: Duration = .seconds(3600)) {
        state = Mutex(State(wall: wall, uptime: uptime))
    }

    /// The wall clock's moment.
    public func now() -> Timestamp { state.withLock(\.wall) }

    /// The boot clock's moment.
    public func uptime() -> Duration { state.withLock(\.uptime) }

    /// How many timers have neither fired nor been taken back.
    public var pendingTimers: Int { state.withLock { $0.timers.count } }

    /// When the next timer is due, in uptime; `nil` when none is pending.
    public var nextTimer: Duration? { state.withLock { $0.timers.values.map(\.due).min() } }

    /// Keeps a timer until the clock is moved to `uptime` or past it.
    public func schedule(at uptime: Duration, _ fire: @escaping @Sendable () -> Void) -> any ScheduledTimer {
        state.withLock { state in
            state.lastTimer += 1
            state.timers[state.lastTimer] = Timer(number: state.lastTimer, due: uptime, fire: fire)
            return Handle(clock: self, number: state.lastTimer)
        }
    }

    /// Lets `duration` pass on both clocks and fires what becomes due on the way, timers that those timers schedule included.
    /// - Precondition: `duration` is not negative: a boot clock never goes back.
    public func advance(by duration: Duration) {
        precondition(duration >= .zero, "a clock does not go back: \(duration)")
        let target = uptime() + duration
        while let timer = takeNext(until: target) { timer.fire() }
        state.withLock { state in
            guard target > state.uptime else { return }
            state.wall = state.wall + (target - state.uptime)
            state.uptime = target
        }
    }

    /// Sets the wall clock forwards or backwards, as an operator or a time server would; the boot clock and the timers do not notice.
    public func jumpWall(by duration: Duration) {
        state.withLock { $0.wall = $0.wall + duration }
    }

    /// Moves both clocks to the next timer that is due up to `target`, and takes it out.
    private func takeNext(until target: Duration) -> Timer? {
        state.withLock { state in
            let due = state.timers.values.filter { $0.due <= target }
            guard let next = due.min(by: { ($0.due, $0.number) < ($1.due, $1.number) }) else { return nil }
            state.timers[next.number] = nil
            if next.due > state.uptime {
                state.wall = state.wall + (next.due - state.uptime)
                state.uptime = next.due
            }
            return next
        }
    }

    private struct Handle: ScheduledTimer {
        let clock: ManualClock
        let number: Int

        func cancel() {
            clock.state.withLock { $0.timers[number] = nil }
        }
    }
}
