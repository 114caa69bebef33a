// Finds a process that sits on one of the store's locks: stopped, or stuck.

import Errand
import ErrandSQLite

/// Looks at the locks several times, since healthy processes hold them for moments.
struct LockChecks {
    let directory: String
    let clock: any ErrandClock

    /// A warning for each lock that the same process held at every look; no finding otherwise.
    func findings() async -> [Finding] {
        var held = Set(LockLook.held(in: directory))
        for _ in 0..<3 where !held.isEmpty {
            // Cancelled or not, the next look is what counts.
            _ = await clock.sleep(for: .milliseconds(100))
            held.formIntersection(LockLook.held(in: directory))
        }
        return held.sorted { $0.lock < $1.lock }.map {
            Finding(
                check: "locks", level: .warning,
                message: "the \($0.lock) lock has been held for a while by \($0.holder): if it is stopped or stuck, resume or end it")
        }
    }
}
