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
        /// Log chunks beside those of the deleted jobs.
        var chunks = 0
        /// The bytes of those chunks.
        var bytes = 0
    }

    private static let slice = 1000

    /// Deletes jobs with their logs; returns how many.
    /// - Throws: `JobStoreError`.
    func deleteJobs() async throws -> Int {
        var count = 0
        while true {
            let report = try await store.control.prune(policy, limit: Pruning.slice)
            if !report.jobs.isEmpty { try await store.logs.delete(logsOf: report.jobs) }
            count += report.jobs.count
            guard report.hasMore else { return count }
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

    /// How many jobs ``deleteJobs()`` would delete.
    /// - Throws: `JobStoreError`.
    func countJobs() async throws -> Int {
        var selector = JobSelector()
        selector.states = [.completed, .cancelled, .dead]
        var old = 0
        var kept = 0
        try await JobList(inspection: store.inspection, selector: selector).forEachPage { jobs in
            for job in jobs {
                if let age = age(for: job.state), let end = job.finishedAt, end < now + (.zero - age) { old += 1 } else { kept += 1 }
            }
        }
        return old + (policy.finishedJobs.map { max(0, kept - $0) } ?? 0)
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

    private func age(for state: JobState) -> Duration? {
        switch state {
        case .completed: policy.completed
        case .cancelled: policy.cancelled
        case .dead: policy.dead
        default: nil
        }
    }
}
