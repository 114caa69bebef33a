// What the doctor sees inside of an open store: work without workers, workers that died, clocks that jumped.

import Errand
import ErrandSQLite

/// Checks through the seams.
struct StoreChecks {
    let store: Store
    let now: Timestamp

    /// Everything that the store can tell.
    /// - Throws: `JobStoreError`.
    func findings() async throws -> [Finding] {
        let stats = try await store.inspection.stats()
        let dropped = try await store.logs.flagCounts()[.dropped]
        return [StoreChecks.workers(stats)] + StoreChecks.uncovered(stats) + (try await stuck()) + StoreChecks.logs(dropped: dropped)
            + [try await clock()]
    }

    /// Executions that ignore that they were told to stop.
    private func stuck() async throws -> [Finding] {
        var selector = JobSelector()
        selector.states = [.running]
        let stuck = try await store.inspection.jobs(matching: selector, before: nil, limit: 1000).jobs.filter { $0.stuckSince != nil }
        guard let first = stuck.first else { return [] }
        return [
            Finding(
                check: "stuck", level: .warning,
                message:
                    "\(stuck.count) running job\(stuck.count == 1 ? "" : "s") ignore\(stuck.count == 1 ? "s" : "") that \(stuck.count == 1 ? "it was" : "they were") told to stop, such as \(first.id): only the end of the worker ends what does not listen"
            )
        ]
    }

    /// Workers, and running jobs that none of them holds.
    static func workers(_ stats: StoreStats) -> Finding {
        let running = stats.counts.filter { $0.state == .running }.reduce(0) { $0 + $1.jobs }
        let held = stats.workers.reduce(0) { $0 + $1.running }
        if running > held {
            return Finding(
                check: "workers", level: .warning,
                message:
                    "\(running - held) running job\(running - held == 1 ? " is" : "s are") held by workers that are dead or overdue: any live worker rescues them, `\(Session.program) work` starts one"
            )
        }
        if stats.workers.isEmpty {
            return Finding(check: "workers", level: .ok, message: "no worker is alive, and none is needed for running jobs")
        }
        return Finding(
            check: "workers", level: .ok,
            message: "\(stats.workers.count) alive: \(stats.workers.map { "\($0.id) (\($0.running) running)" }.joined(separator: ", "))")
    }

    /// Kinds with jobs that nobody alive runs.
    static func uncovered(_ stats: StoreStats) -> [Finding] {
        StatsText.uncovered(stats).map {
            Finding(check: "kinds", level: .warning, message: "\($0.jobs) of \($0.queue)/\($0.kind) wait: \($0.problem)")
        }
    }

    /// Lines that were lost on their way into the logs.
    static func logs(dropped: Int) -> [Finding] {
        guard dropped > 0 else { return [] }
        return [
            Finding(
                check: "logs", level: .warning,
                message:
                    "\(dropped) line\(dropped == 1 ? " was" : "s were") dropped so far for want of room: `\(Session.program) logs --flag dropped` shows where"
            )
        ]
    }

    /// Whether this machine's clock agrees with what the store has seen.
    private func clock() async throws -> Finding {
        let newest = try await store.inspection.jobs(matching: JobSelector(), before: nil, limit: 1).jobs.first
        return StoreChecks.clock(now: now, newest: newest?.createdAt)
    }

    static func clock(now: Timestamp, newest: Timestamp?) -> Finding {
        // 2025 began at this second; a clock before it was never set.
        if now < Timestamp(microseconds: 1_735_689_600_000_000) {
            return Finding(check: "clock", level: .failure, message: "the clock says \(now): set it, or scheduled jobs run at wrong times")
        }
        if let newest, newest - now > .seconds(60) {
            return Finding(
                check: "clock", level: .warning,
                message: "the newest job was made \(DurationText.format(newest - now)) in the future: the clock was or is wrong")
        }
        return Finding(check: "clock", level: .ok, message: "\(now)")
    }

    /// The library and its known defect.
    static func library(version: String, number: Int) -> Finding {
        guard SQLiteLibrary.hasResetDefect(number) else { return Finding(check: "sqlite", level: .ok, message: "SQLite \(version)") }
        return Finding(
            check: "sqlite", level: .ok,
            message:
                "SQLite \(version), which has the WAL-reset defect (fixed in 3.51.3); Errand's lock keeps it from happening as long as no other program writes or checkpoints the files"
        )
    }
}
