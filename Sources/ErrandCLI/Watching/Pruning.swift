// Deletes what a policy no longer keeps, slice by slice, or counts it.

import Errand

/// Applies a retention policy to a store.
struct Pruning {
    let store: Store
    let policy: RetentionPolicy
    let now: Timestamp

    /// What was deleted, or would be.
    struct Report: Hashable {
        var jobs = 0
        /// Jobs that stay without their results.
        var results = 0
        /// Log chunks beside those of the deleted jobs.
        var chunks = 0
        /// The bytes of those chunks.
        var bytes = 0
    }

    private static let slice = 1000

    /// Deletes jobs with their logs, and results of others.
    /// - Throws: `JobStoreError`.
    func deleteJobs(into total: inout Report) async throws {
        while true {
            let report = try await store.control.prune(policy, limit: Pruning.slice)
            let doomed = report.jobs + report.logs
            if !doomed.isEmpty { try await store.logs.delete(logsOf: doomed) }
            total.jobs += report.jobs.count
            total.results += report.results
            guard report.hasMore else { return }
        }
    }

    /// Deletes old log chunks.
    /// - Throws: `JobStoreError`.
    func deleteLogs(into report: inout Report) async throws {
        guard policy.logAge != nil || policy.logBytes != nil else { return }
        while true {
            let slice = try await store.logs.prune(
                olderThan: policy.logAge.map { now + (.zero - $0) }, beyondBytes: policy.logBytes, limit: Pruning.slice)
            report.chunks += slice.chunks
            report.bytes += slice.bytes
            guard slice.hasMore else { return }
        }
    }

    /// How many jobs ``deleteJobs(into:)`` would delete. What a limit in bytes would delete is not counted: lists know no sizes.
    /// - Throws: `JobStoreError`.
    func countJobs() async throws -> Int {
        var selector = JobSelector()
        selector.states = [.completed, .cancelled, .dead]
        var count = 0
        var tally = RetentionTally(policy, now: now)
        try await JobList(inspection: store.inspection, selector: selector).forEachPage { jobs in
            for job in jobs {
                let fate = tally.judge(
                    FinishedJob(
                        queue: job.queue, kind: job.kind, state: job.state, finishedAt: job.finishedAt ?? now, payloadBytes: 0,
                        resultBytes: 0))
                if fate == .goes { count += 1 }
            }
        }
        return count
    }

    /// Counts what ``deleteLogs(into:)`` would delete by age; a limit in bytes is judged by what the store holds in all.
    /// - Throws: `JobStoreError`.
    func countLogs(into report: inout Report) async throws {
        let cutoff = policy.logAge.map { now + (.zero - $0) }
        var excess = 0
        if let limit = policy.logBytes { excess = max(0, try await store.logs.totalBytes() - limit) }
        var cursor = StoreLogCursor(logs: store.logs, after: 0)
        try await cursor.readOn { chunk in
            let isOld = cutoff.map { chunk.lastTime < $0 } ?? false
            guard isOld || report.bytes < excess else { return }
            report.chunks += 1
            report.bytes += chunk.body.count
        }
    }
}
