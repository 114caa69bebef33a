// Deletes what retention no longer keeps: jobs first, then their logs, then logs by age and size.

/// Prunes a store in slices, each an ordinary transaction, so that claims and enqueues go on in between.
package struct Pruner: Sendable {
    private let store: Store
    private let clock: any ErrandClock

    /// How many jobs or chunks one slice deletes at most: 500.
    package static let slice = 500

    package init(store: Store, clock: any ErrandClock) {
        self.store = store
        self.clock = clock
    }

    /// What one pass deleted.
    package struct Pass: Sendable, Hashable {
        package var jobs = 0
        package var results = 0
        package var logChunks = 0
        package var logBytes = 0
    }

    /// Deletes all that `policy` no longer keeps, or what it gets to before its task is cancelled.
    /// - Throws: ``JobStoreError``; what was deleted before stays deleted.
    package func prune(_ policy: RetentionPolicy) async throws(JobStoreError) -> Pass {
        var pass = Pass()
        while true {
            let report = try await store.control.prune(policy, limit: Pruner.slice)
            let doomed = report.jobs + report.logs
            if !doomed.isEmpty { try await store.logs.delete(logsOf: doomed) }
            pass.results += report.results
            pass.jobs += report.jobs.count
            guard report.hasMore, !Task.isCancelled else { break }
        }
        let oldest = policy.logAge.map { clock.now() + (.zero - $0) }
        while true {
            let report = try await store.logs.prune(olderThan: oldest, beyondBytes: policy.logBytes, limit: Pruner.slice)
            pass.logChunks += report.chunks
            pass.logBytes += report.bytes
            guard report.hasMore, !Task.isCancelled else { return pass }
        }
    }
}
