// The store's view of time: the wall clock for plans, the boot clock for leases, each in microseconds.

import Errand
import ErrandContext

#if canImport(Glibc)
import Glibc
#endif

/// Tells the store the time.
struct MachineClock: Sendable {
    /// A clock of the caller's; `nil` is the machine's.
    let clock: (any ErrandClock)?

    /// The wall clock, in microseconds since 1970.
    var now: Int64 { clock?.now().microseconds ?? MachineClock.read(CLOCK_REALTIME) / 1000 }

    /// The boot clock in microseconds: counts suspension, never jumps.
    var uptime: Int64 { clock?.uptime().wholeMicroseconds ?? MachineClock.read(CLOCK_BOOTTIME) / 1000 }

    /// The machine's own time in nanoseconds, whatever the caller's clock: for measuring how long something took.
    static var nanoseconds: Int64 { read(CLOCK_MONOTONIC) }

    private static func read(_ id: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(id, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
