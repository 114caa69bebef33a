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
        var search = Search(store: store)
        var level = Set(jobs)
        while !level.isEmpty, search.found.count < limit {
            var next: Set<JobID> = []
            for job in level.sorted() where search.found.count < limit { next.formUnion(try await search.look(at: job, limit: limit)) }
            level = next.subtracting(search.found)
        }
        return try await search.ordered()
    }

    /// Those of ``jobs(under:limit:)`` that are in one of `states`.
    /// - Throws: ``JobStoreError``.
    public func jobs(under jobs: [JobID], in states: Set<JobState>, limit: Int = 100_000) async throws(JobStoreError) -> [JobID] {
        let all = try await self.jobs(under: jobs, limit: limit)
        let known = try await store.inspection.states(of: all)
        return zip(all, known).filter { $0.1.map(states.contains) ?? false }.map(\.0)
    }
}

/// One search, and what it has found.
private struct Search {
    /// What comes before another: a job, or a workflow with all of its jobs that were found.
    enum Node: Hashable {
        case job(JobID)
        case workflow(WorkflowID)
    }

    let store: Store
    private(set) var found: Set<JobID> = []
    private var workflows: Set<WorkflowID> = []
    /// The workflows of the jobs that were found.
    private var workflowOf: [JobID: WorkflowID] = [:]
    /// Whom each job has caused, of the trees that were read.
    private var caused: [JobID: [JobID]] = [:]
    private var parents: [JobID: JobID] = [:]
    private var roots: Set<JobID> = []

    init(store: Store) { self.store = store }

    /// Takes in a job; what hangs on it.
    mutating func look(at job: JobID, limit: Int) async throws(JobStoreError) -> Set<JobID> {
        guard let detail = try await store.inspection.job(job) else { return [] }
        found.insert(job)
        var next = Set(try await store.workflows.dependents(of: [.job(job)], limit: limit))
        if let workflow = detail.summary.workflow {
            workflowOf[job] = workflow
            // Once for each workflow.
            if workflows.insert(workflow).inserted {
                next.formUnion(try await store.workflows.dependents(of: [.workflow(workflow)], limit: limit))
            }
        }
        // A tree is read once, however many of its jobs are asked about.
        let root = detail.root?.job ?? job
        if roots.insert(root).inserted {
            for job in try await store.inspection.tree(rootedAt: root, limit: limit).jobs {
                guard let parent = job.parent?.job else { continue }
                caused[parent, default: []].append(job.id)
                parents[job.id] = parent
            }
        }
        next.formUnion(caused[job] ?? [])
        return next
    }

    /// All that was found, each behind what it hangs on; among equals by age.
    func ordered() async throws(JobStoreError) -> [JobID] {
        let jobs = found.sorted()
        let records = try await store.workflows.dependencies(of: jobs)
        var after: [Node: Set<Node>] = [:]
        for job in jobs {
            if let parent = parents[job], found.contains(parent) { after[.job(job), default: []].insert(.job(parent)) }
            if let workflow = workflowOf[job] { after[.workflow(workflow), default: []].insert(.job(job)) }
            for record in records[job] ?? [] {
                switch record.prerequisite {
                case .job(let id): if found.contains(id) { after[.job(job), default: []].insert(.job(id)) }
                case .workflow(let id): after[.job(job), default: []].insert(.workflow(id))
                case .entry: break
                }
            }
        }
        var order: [JobID] = []
        var seen: Set<Node> = []
        // Depth first, with a list of its own: a chain may be long.
        for job in jobs {
            var open: [(node: Node, isDone: Bool)] = [(.job(job), false)]
            while let (node, isDone) = open.popLast() {
                if isDone {
                    if case .job(let id) = node { order.append(id) }
                    continue
                }
                guard seen.insert(node).inserted else { continue }
                open.append((node, true))
                open += (after[node] ?? []).subtracting(seen).map { ($0, false) }
            }
        }
        return order
    }
}
