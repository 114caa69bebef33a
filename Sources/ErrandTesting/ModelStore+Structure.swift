// Periodic jobs, steps and workflows as the seams of the in-memory store.

public import Errand

extension ModelStore: PeriodicStore {
    /// Sets periodic jobs.
    /// - Throws: ``JobStoreError/refused(reason:)`` when there would be too many.
    public func setPeriodic(_ drafts: [PeriodicDraft], source: String?) async throws(JobStoreError) -> [PeriodicSetResult] {
        let now = clock.now()
        return try commit { tables in
            let before = tables
            let results = drafts.map { tables.set($0, source: source, at: now) }
            guard tables.periodic.count <= PeriodicRules.count else {
                tables = before
                return Result<[PeriodicSetResult], JobStoreError>.failure(
                    .refused(
                        reason: "the store has \(PeriodicRules.count) periodic jobs, and more are not allowed: remove some"))
            }
            if let source { tables.keepPeriodic(Set(drafts.map(\.periodic.name)), of: source) }
            return .success(results)
        }.get()
    }

    /// Removes periodic jobs; never throws.
    public func removePeriodic(_ names: [String]) async throws(JobStoreError) -> [Bool] {
        commit { tables in names.map { tables.periodic.removeValue(forKey: $0) != nil } }
    }

    /// Pauses a periodic job or lets it go on; never throws.
    public func pausePeriodic(_ name: String, _ isPaused: Bool, next: Timestamp?) async throws(JobStoreError) -> Bool {
        commit { $0.pausePeriodic(name, isPaused, next: next) }
    }

    /// All periodic jobs; never throws.
    public func periodicJobs() async throws(JobStoreError) -> [PeriodicEntry] {
        read { tables in tables.periodic.values.sorted { $0.periodic.name < $1.periodic.name } }
    }

    /// Those that are due; never throws.
    public func duePeriodic(at time: Timestamp, limit: Int) async throws(JobStoreError) -> [PeriodicEntry] {
        read { $0.duePeriodic(at: time, limit: limit) }
    }

    /// Puts a periodic job off; never throws.
    public func holdPeriodic(_ name: String, revision: Int64, until time: Timestamp) async throws(JobStoreError) {
        commit { $0.holdPeriodic(name, revision: revision, until: time) }
    }

    /// Fires slots; never throws.
    public func fire(_ firings: [PeriodicFiring]) async throws(JobStoreError) -> [PeriodicFireResult] {
        let now = clock.now()
        return commit(drawing: { tables, generator in firings.map { tables.fire($0, at: now, using: &generator) } })
    }
}

extension ModelStore: StepStore {
    /// Records a step; never throws.
    public func record(_ step: JobStep, by worker: WorkerID) async throws(JobStoreError) -> StepRecordResult {
        commit { $0.record(step, by: worker) }
    }

    /// The steps of a job; never throws.
    public func steps(of job: JobID) async throws(JobStoreError) -> [JobStep] {
        read { tables in (tables.steps[job] ?? []).sorted { ($0.recordedAt, $0.name) < ($1.recordedAt, $1.name) } }
    }
}

extension ModelStore: WorkflowStore {
    /// Starts a workflow.
    /// - Throws: ``JobStoreError/refused(reason:)`` for a dependency that is not on record.
    public func start(_ workflow: NewWorkflow) async throws(JobStoreError) -> WorkflowStart {
        let now = clock.now()
        return try commit(drawing: { tables, generator in tables.start(workflow, at: now, using: &generator) }).get()
    }

    /// Closes a workflow; never throws.
    public func close(_ workflow: WorkflowID) async throws(JobStoreError) -> WorkflowStatus? {
        let now = clock.now()
        return commit { tables in
            tables.close(workflow, at: now)
            tables.settle(at: now)
            return tables.workflows[workflow]
        }
    }

    /// How a workflow stands; never throws.
    public func workflow(_ id: WorkflowID) async throws(JobStoreError) -> WorkflowStatus? { read { $0.workflows[id] } }

    /// Workflows, newest first; never throws.
    public func workflows(before cursor: WorkflowID?, limit: Int) async throws(JobStoreError) -> [WorkflowStatus] {
        read { tables in
            let below = tables.workflows.values.filter { status in cursor.map { status.id < $0 } ?? true }
            return Array(below.sorted { $0.id > $1.id }.prefix(limit))
        }
    }

    /// The workflows that `text` may mean; never throws.
    public func workflows(meantBy text: String) async throws(JobStoreError) -> [WorkflowID] {
        read { tables in
            let text = text.lowercased()
            guard text.hasPrefix("w") else { return [] }
            return Array(tables.workflows.keys.filter { $0.description.hasPrefix(text) }.sorted().prefix(10))
        }
    }

    /// The jobs of a workflow; never throws.
    public func jobs(of workflow: WorkflowID, after cursor: JobID?, limit: Int) async throws(JobStoreError) -> [JobID] {
        read { tables in
            let members = tables.jobsByID.filter { job in
                job.input.workflow == workflow && (cursor.map { job.id > $0 } ?? true)
            }
            return members.prefix(limit).map(\.id)
        }
    }

    /// What jobs wait for; never throws.
    public func dependencies(of jobs: [JobID]) async throws(JobStoreError) -> [JobID: [DependencyRecord]] {
        read { tables in
            var found: [JobID: [DependencyRecord]] = [:]
            for id in jobs {
                let records = tables.dependencies(of: id)
                if !records.isEmpty { found[id] = records }
            }
            return found
        }
    }

    /// Who waits for what; never throws.
    public func dependents(of prerequisites: [Prerequisite], limit: Int) async throws(JobStoreError) -> [JobID] {
        read { tables in
            let wanted = Set(prerequisites)
            let found = tables.edges.filter { $0.value.contains { wanted.contains($0.prerequisite) } }
            return Array(found.keys.sorted().prefix(limit))
        }
    }
}
