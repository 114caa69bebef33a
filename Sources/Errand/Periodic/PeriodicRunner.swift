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

    /// How many periodic jobs are fired in one commit.
    private static let slice = 100
    /// After so long a schedule that cannot be read is looked at again.
    private static let unreadablePause = Duration.seconds(60)

    /// Fires everything that is due now.
    /// - Throws: ``JobStoreError``; what was fired before stays.
    package func fireDue() async throws(JobStoreError) {
        while !Task.isCancelled {
            let now = queue.clock.now()
            let due = try await store.duePeriodic(at: now, limit: PeriodicRunner.slice)
            guard !due.isEmpty else { return }
            var firings: [PeriodicFiring] = []
            for entry in due {
                guard let slot = entry.next else { continue }
                do throws(ScheduleProblem) {
                    firings.append(try entry.periodic.firing(of: entry, due: slot, now: now))
                } catch {
                    // It could be read when it was set: this machine lacks its zone, or this Errand is older than who set it.
                    logger.error(
                        "a periodic job is due and cannot be enqueued: its schedule cannot be read here",
                        metadata: ["periodic": "\(entry.periodic.name)", "error": "\(error)"])
                    firings.append(
                        PeriodicFiring(
                            name: entry.periodic.name, revision: entry.revision, due: slot, runs: [],
                            next: now + PeriodicRunner.unreadablePause, cancelsPrevious: false))
                }
            }
            let results = try await store.fire(firings)
            for (firing, result) in zip(firings, results) { tell(firing, result) }
        }
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
            if case .unique = result {
                logger.notice("a run was left out: its predecessor has not ended", metadata: metadata)
            } else {
                logger.info("a periodic job was enqueued", metadata: metadata)
            }
        }
    }
}
