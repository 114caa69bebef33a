// Whether this process may judge others by time: only if it was not held up itself.

import Errand
import ErrandContext
import Synchronization

/// The good standing of this process's workers (RELIABILITY I6). Whoever renewed its own lease late, or waited long for the lock,
/// sees everyone else overdue although only it was held up; so it renews first and judges nobody for half a lease.
final class Standing: Sendable {
    private struct State {
        var workers: [Int64: Renewal] = [:]
        var blockedUntil: Int64 = .min
    }

    private struct Renewal {
        var at: Int64
        var lease: Int64
    }

    /// Waiting longer than this for the lock, in nanoseconds, counts as being held up.
    static let longWait: Int64 = 200_000_000

    private let state = Mutex(State())

    /// A worker of this process has joined with a lease of `lease` microseconds.
    func didJoin(_ worker: WorkerID, lease: Int64, uptime: Int64) {
        state.withLock { $0.workers[worker.rawValue] = Renewal(at: uptime, lease: lease) }
    }

    /// A worker of this process is gone.
    func didLeave(_ worker: WorkerID) {
        state.withLock { $0.workers[worker.rawValue] = nil }
    }

    /// A worker of this process has renewed its lease.
    func didRenew(_ worker: WorkerID, uptime: Int64) {
        state.withLock { state in
            guard let last = state.workers[worker.rawValue] else { return }
            if uptime - last.at > last.lease * 2 / 3 { state.blockedUntil = max(state.blockedUntil, uptime + last.lease / 2) }
            state.workers[worker.rawValue]?.at = uptime
        }
    }

    /// The lock was waited for.
    func didWait(nanoseconds: Int64, uptime: Int64) {
        guard nanoseconds > Standing.longWait else { return }
        state.withLock { state in
            let lease = state.workers.values.map(\.lease).max() ?? 30_000_000
            state.blockedUntil = max(state.blockedUntil, uptime + lease / 2)
        }
    }

    /// Whether `worker` may judge others by time at `uptime`.
    func isGood(_ worker: WorkerID, uptime: Int64) -> Bool {
        state.withLock { state in
            guard let own = state.workers[worker.rawValue] else { return false }
            return uptime >= state.blockedUntil && uptime - own.at <= own.lease * 2 / 3
        }
    }

    /// Whether this process may take from a worker what time alone condemns.
    func mayRescueByTime(uptime: Int64) -> Bool { state.withLock { uptime >= $0.blockedUntil } }
}
