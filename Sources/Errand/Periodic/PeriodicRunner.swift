// Fires the slots of periodic jobs: works out which, and has the store write them down.

import ErrandSchedules
import Logging

/// The leader's work.
package struct PeriodicRunner: Sendable {
    let queue: JobQueue
    let logger: Logger

    /// For the store of `queue`, by its clock.
    package init(queue: JobQueue, logger: Logger) {
        self.queue = queue
        self.logger = logger
    }

    private var store: any PeriodicStore { queue.store.periodic }

    /// How many periodic jobs are looked at together.
    private static let slice = 100
    /// After so long one that cannot be read is looked at again.
    private static let unreadablePause = Duration.seconds(60)

    /// Fires everything that is due now.
    /// - Throws: ``JobStoreError``; what was fired before stays.
    package func fireDue() async throws(JobStoreError) {
        while !Task.isCancelled {
            let now = queue.clock.now()
            let due = try await store.duePeriodic(at: now, limit: PeriodicRunner.slice)
            guard !due.isEmpty else { return }
            var firings: [PeriodicFiring] = []
            var (runs, bytes) = (0, 0)
            for entry in due {
                guard let firing = try await firing(of: entry, now: now) else { continue }
                firings.append(firing)
                runs += firing.runs.count
                bytes += firing.runs.reduce(0) { $0 + $1.job.payload.count }
                // The others are still due in the next round.
                if runs >= PeriodicFiring.runsPerCommit || bytes >= PeriodicFiring.bytesPerCommit { break }
            }
            let results = try await store.fire(firings)
            for (firing, result) in zip(firings, results) { tell(firing, result) }
        }
    }

    /// What is to be written for `entry`; `nil` for one that cannot be read here, which is put off.
    private func firing(of entry: PeriodicEntry, now: Timestamp) async throws(JobStoreError) -> PeriodicFiring? {
        guard let slot = entry.next else { return nil }
        var problem = entry.problem
        if problem == nil {
            do throws(ScheduleProblem) {
                return try entry.periodic.firing(of: entry, due: slot, now: now)
            } catch {
                // It could be read when it was set: this machine lacks its zone.
                problem = error.description
            }
        }
        logger.error(
            "a periodic job is due and cannot be enqueued: it cannot be read here",
            metadata: ["periodic": "\(entry.periodic.name)", "error": "\(problem ?? "")"])
        try await store.holdPeriodic(entry.periodic.name, revision: entry.revision, until: now + PeriodicRunner.unreadablePause)
        return nil
    }

    private func tell(_ firing: PeriodicFiring, _ result: PeriodicFireResult) {
        guard case .fired(let results) = result else { return }
        guard !results.isEmpty else {
            return logger.warning(
                "slots of a periodic job are left out",
                metadata: ["periodic": "\(firing.name)", "since": "\(firing.due?.description ?? "")"])
        }
        for (run, result) in zip(firing.runs, results) {
            let metadata: Logger.Metadata = ["periodic": "\(firing.name)", "slot": "\(run.slot)", "job_id": "\(result.id)"]
            switch result {
            case .unique: logger.notice("a run was left out: its predecessor has not ended", metadata: metadata)
            case .replaced: logger.info("a run takes the place of the one that waits", metadata: metadata)
            default: logger.info("a periodic job was enqueued", metadata: metadata)
            }
        }
    }
}
