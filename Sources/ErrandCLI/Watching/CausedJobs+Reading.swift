// Reads the jobs that hang on each other: from the top that a job hangs on, or from a workflow, down.

import Errand

extension CausedJobs {
    /// Reads the tree that `job` belongs to: at most `limit` jobs, `job` and its parents among them.
    /// - Throws: ``Failure`` when `job` has just been deleted; `JobStoreError`.
    static func read(around job: JobID, limit: Int, in store: Store) async throws -> CausedJobs {
        guard let asked = try await store.inspection.job(job) else {
            throw Failure(.notFound, "the job \(job) has just been deleted: `\(Session.program) jobs` lists what is left")
        }
        if let workflow = try await workflow(of: asked, in: store) { return try await read(workflow, limit: limit, in: store) }
        let (top, isDependent) = try await top(of: asked, in: store)
        let root = top.root?.job ?? top.summary.id
        let tree = try await store.inspection.tree(rootedAt: root, limit: limit)
        var jobs = tree.jobs
        var total = tree.total
        // What waits for one of these, and so on.
        try await addDependents(to: &jobs, total: &total, limit: limit, in: store)
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
    static func read(_ workflow: WorkflowID, limit: Int, in store: Store) async throws -> CausedJobs {
        guard let status = try await store.workflows.workflow(workflow) else {
            throw Failure(.notFound, "the workflow \(workflow) has just been deleted: `\(Session.program) workflow` lists what is left")
        }
        var jobs: [JobLineage] = []
        var cursor: JobID?
        repeat {
            let page = try await store.workflows.jobs(of: workflow, after: cursor, limit: min(500, limit - jobs.count))
            cursor = page.last
            for id in page where jobs.count < limit {
                jobs += try await store.inspection.tree(rootedAt: id, limit: limit - jobs.count).jobs
            }
        } while cursor != nil && jobs.count < limit
        var total = max(status.total, jobs.count)
        for id in try await store.workflows.dependents(of: [.workflow(workflow)], limit: limit) {
            total += 1
            if jobs.count < limit { jobs += try await store.inspection.tree(rootedAt: id, limit: 1).jobs }
        }
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

    private static func addDependents(to jobs: inout [JobLineage], total: inout Int, limit: Int, in store: Store) async throws {
        var seen = Set(jobs.map(\.id))
        var open = jobs.map(\.id)
        while !open.isEmpty {
            let found = try await store.workflows.dependents(of: open.map { .job($0) }, limit: limit + 1)
            open = found.filter { seen.insert($0).inserted }
            for id in open {
                total += 1
                guard jobs.count < limit else { continue }
                let tree = try await store.inspection.tree(rootedAt: id, limit: limit - jobs.count)
                // What a dependent caused hangs on it too.
                for job in tree.jobs where job.id == id || seen.insert(job.id).inserted { jobs.append(job) }
            }
        }
    }
}
