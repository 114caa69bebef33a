// What hangs on a job: the jobs that it caused, and those that wait for it; and so on from each of them.

/// Finds what hangs on jobs.
public struct JobFamily: Sendable {
    private let store: Store

    /// Looks in `store`.
    public init(in store: Store) { self.store = store }

    /// `jobs` and all that hangs on them, each behind what it hangs on: jobs that one of them caused, and jobs that wait, or have waited,
    /// for one of them or for the workflow that it belongs to. At most `limit`.
    /// - Throws: ``JobStoreError``.
    public func jobs(under jobs: [JobID], limit: Int = 100_000) async throws(JobStoreError) -> [JobID] {
        var found: Set<JobID> = []
        var workflows: Set<WorkflowID> = []
        var level = Set(jobs)
        while !level.isEmpty, found.count < limit {
            found.formUnion(level)
            var next: Set<JobID> = []
            for job in level.sorted() {
                guard let summary = try await self.summary(of: job) else { continue }
                next.formUnion(try await store.workflows.dependents(of: [.job(job)], limit: limit))
                // Once for each workflow.
                if let workflow = summary.workflow, workflows.insert(workflow).inserted {
                    next.formUnion(try await store.workflows.dependents(of: [.workflow(workflow)], limit: limit))
                }
                next.formUnion(try await caused(by: job, limit: limit))
            }
            level = next.subtracting(found)
        }
        // Whoever waits for another is younger, and whoever was caused by another too; those that wait for a workflow may be older than a
        // job that was added to it.
        return Array(try await sorted(found).prefix(limit))
    }

    /// Those of ``jobs(under:limit:)`` that are in one of `states`.
    /// - Throws: ``JobStoreError``.
    public func jobs(under jobs: [JobID], in states: Set<JobState>, limit: Int = 100_000) async throws(JobStoreError) -> [JobID] {
        let all = try await self.jobs(under: jobs, limit: limit)
        let known = try await store.inspection.states(of: all)
        return zip(all, known).filter { $0.1.map(states.contains) ?? false }.map(\.0)
    }

    private func summary(of job: JobID) async throws(JobStoreError) -> JobSummary? {
        var selector = JobSelector()
        selector.ids = [job]
        return try await store.inspection.jobs(matching: selector, before: nil, limit: 1).jobs.first
    }

    /// The jobs that executions of `job` enqueued.
    private func caused(by job: JobID, limit: Int) async throws(JobStoreError) -> [JobID] {
        guard let detail = try await store.inspection.job(job) else { return [] }
        let tree = try await store.inspection.tree(rootedAt: detail.root?.job ?? job, limit: limit)
        return tree.jobs.filter { $0.parent?.job == job }.map(\.id)
    }

    private func sorted(_ jobs: Set<JobID>) async throws(JobStoreError) -> [JobID] {
        let byAge = jobs.sorted()
        let records = try await store.workflows.dependencies(of: byAge)
        let late = Set(
            records.filter { $0.value.contains { if case .workflow = $0.prerequisite { true } else { false } } }.keys)
        return byAge.filter { !late.contains($0) } + byAge.filter(late.contains)
    }
}
