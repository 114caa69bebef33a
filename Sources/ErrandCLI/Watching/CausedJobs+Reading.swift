// Reads the jobs that hang on each other: from the top that a job hangs on, or from a workflow, down.

import Errand

extension CausedJobs {
    /// Reads the tree that `job` belongs to: at most `limit` jobs, `job` and its parents among them.
    /// - Throws: ``Failure`` when `job` has just been deleted; `JobStoreError`.
    static func read(around job: JobID, limit: Int, in store: Store) async throws -> CausedJobs {
        guard let asked = try await store.inspection.job(job) else {
            throw Failure(.notFound, "the job \(job) has just been deleted: `\(Session.program) jobs` lists what is left")
        }
        if let workflow = try await workflow(of: asked, in: store) {
            return try await read(workflow, limit: limit, in: store, with: asked.summary.id)
        }
        let (top, isDependent) = try await top(of: asked, in: store)
        let root = top.root?.job ?? top.summary.id
        let tree = try await store.inspection.tree(rootedAt: root, limit: limit)
        var jobs = tree.jobs
        var total = tree.total
        // What waits for one of these, what that caused, and so on.
        total = max(total, try await addFamily(to: &jobs, limit: limit, in: store))
        var seen = Set(jobs.map(\.id))
        // A job beyond the limit is shown all the same, with the way that leads to it.
        var next: JobDetail? = asked
        var steps = 0
        while !isDependent, let missing = next, !seen.contains(missing.summary.id), steps <= deepest {
            jobs.append(JobLineage(missing))
            seen.insert(missing.summary.id)
            steps += 1
            next = if let parent = missing.parent?.job, parent < missing.summary.id { try await store.inspection.job(parent) } else { nil }
        }
        return CausedJobs(
            root: root, jobs: jobs, total: max(total, jobs.count), dependencies: try await store.workflows.dependencies(of: jobs.map(\.id)))
    }

    /// Reads a workflow: its jobs, what they caused, and what waits for it; at most `limit`.
    /// - Throws: ``Failure`` when it has just been deleted; `JobStoreError`.
    static func read(
        _ workflow: WorkflowID, limit: Int, in store: Store, with asked: JobID? = nil
    ) async throws -> CausedJobs {
        guard let status = try await store.workflows.workflow(workflow) else {
            throw Failure(.notFound, "the workflow \(workflow) has just been deleted: `\(Session.program) workflow` lists what is left")
        }
        var jobs: [JobLineage] = []
        var cursor: JobID?
        repeat {
            let page = try await store.workflows.jobs(of: workflow, after: cursor, limit: min(500, limit - jobs.count))
            cursor = page.last
            for id in page where jobs.count < limit { jobs += try await lineage(of: id, in: store) }
        } while cursor != nil && jobs.count < limit
        let total = max(status.total, try await addFamily(to: &jobs, limit: limit, in: store))
        // What was asked for is shown, also beyond the limit.
        if let asked, !jobs.contains(where: { $0.id == asked }) { jobs += try await lineage(of: asked, in: store) }
        return CausedJobs(
            root: JobID(rawValue: workflow.rawValue), jobs: jobs, total: total,
            dependencies: try await store.workflows.dependencies(of: jobs.map(\.id)), workflow: status)
    }

    /// The workflow that `job` belongs to, or waits for.
    private static func workflow(of job: JobDetail, in store: Store) async throws -> WorkflowID? {
        if let workflow = job.summary.workflow { return workflow }
        for record in try await store.workflows.dependencies(of: [job.summary.id])[job.summary.id] ?? [] {
            if case .workflow(let id) = record.prerequisite, record.state != nil { return id }
        }
        return nil
    }

    /// The job that `job` hangs on, over all that they wait for, the oldest first; whether that is another one.
    private static func top(of job: JobDetail, in store: Store) async throws -> (JobDetail, isDependent: Bool) {
        var top = job
        var isDependent = false
        for _ in 0..<10_000 {
            let records = try await store.workflows.dependencies(of: [top.summary.id])[top.summary.id] ?? []
            let oldest = records.compactMap { record -> JobID? in
                if case .job(let id) = record.prerequisite, record.state != nil { id } else { nil }
            }.min()
            guard let oldest, oldest < top.summary.id, let next = try await store.inspection.job(oldest) else { break }
            (top, isDependent) = (next, true)
        }
        return (top, isDependent)
    }

    private static func lineage(of job: JobID, in store: Store) async throws -> [JobLineage] {
        try await store.inspection.tree(rootedAt: job, limit: 1).jobs.filter { $0.id == job }
    }

    /// Adds what hangs on `jobs`, up to the limit; how many there are in all.
    private static func addFamily(to jobs: inout [JobLineage], limit: Int, in store: Store) async throws -> Int {
        let seen = Set(jobs.map(\.id))
        let family = try await JobFamily(in: store).jobs(under: jobs.map(\.id), limit: max(limit, 10_000))
        let others = family.filter { !seen.contains($0) }
        for id in others where jobs.count < limit { jobs += try await lineage(of: id, in: store) }
        return seen.count + others.count
    }
}
