// Periodic jobs, steps and workflows of an encrypted store: payloads and results sealed below.

/// Periodic jobs whose payloads are sealed below.
struct EncryptedPeriodic: PeriodicStore {
    let base: any PeriodicStore
    let cipher: any PayloadCipher

    func setPeriodic(_ drafts: [PeriodicDraft], source: String?) async throws(JobStoreError) -> [PeriodicSetResult] {
        // Sealed differently at every call: what has not changed keeps its seal, so that nothing changes.
        var known: [String: NewJob] = [:]
        for entry in try await base.periodicJobs() { known[entry.periodic.name] = entry.periodic.job }
        return try await base.setPeriodic(
            drafts.map { draft in
                var draft = draft
                let plain = draft.periodic.job
                if let before = known[draft.periodic.name], before.kind == plain.kind, SealedBytes(before.payload) != nil,
                    cipher.opened(before.payload, in: .payload(kind: before.kind)) == plain.payload
                {
                    draft.periodic.job.payload = before.payload
                } else {
                    draft.periodic.job.payload = cipher.seal(plain.payload, for: .payload(kind: plain.kind)).bytes
                }
                draft.periodic.job.terms.uniqueness = cipher.sealed(plain).terms.uniqueness
                return draft
            }, source: source)
    }

    func periodicJobs() async throws(JobStoreError) -> [PeriodicEntry] { try await base.periodicJobs().map(opened) }

    func duePeriodic(at time: Timestamp, limit: Int) async throws(JobStoreError) -> [PeriodicEntry] {
        try await base.duePeriodic(at: time, limit: limit).map(opened)
    }

    private func opened(_ entry: PeriodicEntry) -> PeriodicEntry {
        var entry = entry
        entry.periodic.job.payload = cipher.opened(entry.periodic.job.payload, in: .payload(kind: entry.periodic.job.kind))
        return entry
    }

    func fire(_ firings: [PeriodicFiring]) async throws(JobStoreError) -> [PeriodicFireResult] {
        try await base.fire(
            firings.map { firing in
                var firing = firing
                for index in firing.runs.indices {
                    let job = firing.runs[index].job
                    // One that this key does not open goes on as it is: whoever runs it says which key it needs.
                    if SealedBytes(job.payload) == nil {
                        firing.runs[index].job.payload = cipher.seal(job.payload, for: .payload(kind: job.kind)).bytes
                    }
                }
                return firing
            })
    }

    func holdPeriodic(_ name: String, revision: Int64, until time: Timestamp) async throws(JobStoreError) {
        try await base.holdPeriodic(name, revision: revision, until: time)
    }

    func removePeriodic(_ names: [String]) async throws(JobStoreError) -> [Bool] { try await base.removePeriodic(names) }

    func pausePeriodic(_ name: String, _ isPaused: Bool, next: Timestamp?) async throws(JobStoreError) -> Bool {
        try await base.pausePeriodic(name, isPaused, next: next)
    }
}

/// Steps whose results are sealed below.
struct EncryptedSteps: StepStore {
    let base: any StepStore
    let cipher: any PayloadCipher

    func record(_ step: JobStep, by worker: WorkerID) async throws(JobStoreError) -> StepRecordResult {
        var step = step
        step.result = step.result.map { cipher.seal($0, for: .step(step.execution.job, name: step.name)).bytes }
        return try await base.record(step, by: worker)
    }

    func steps(of job: JobID) async throws(JobStoreError) -> [JobStep] {
        try await base.steps(of: job).map { step in
            var step = step
            step.result = step.result.map { cipher.opened($0, in: .step(job, name: step.name)) }
            return step
        }
    }
}

/// Workflows whose payloads are sealed below.
struct EncryptedWorkflows: WorkflowStore {
    let base: any WorkflowStore
    let cipher: any PayloadCipher

    func start(_ workflow: NewWorkflow) async throws(JobStoreError) -> WorkflowStart {
        var workflow = workflow
        workflow.jobs = workflow.jobs.map { cipher.sealed($0) }
        workflow.followers = workflow.followers.map { .init(cipher.sealed($0.job), ifFailed: $0.ifFailed) }
        return try await base.start(workflow)
    }

    func close(_ workflow: WorkflowID) async throws(JobStoreError) -> WorkflowStatus? { try await base.close(workflow) }

    func workflow(_ id: WorkflowID) async throws(JobStoreError) -> WorkflowStatus? { try await base.workflow(id) }

    func workflows(before cursor: WorkflowID?, limit: Int) async throws(JobStoreError) -> [WorkflowStatus] {
        try await base.workflows(before: cursor, limit: limit)
    }

    func workflows(meantBy text: String) async throws(JobStoreError) -> [WorkflowID] { try await base.workflows(meantBy: text) }

    func jobs(of workflow: WorkflowID, after cursor: JobID?, limit: Int) async throws(JobStoreError) -> [JobID] {
        try await base.jobs(of: workflow, after: cursor, limit: limit)
    }

    func dependencies(of jobs: [JobID]) async throws(JobStoreError) -> [JobID: [DependencyRecord]] {
        try await base.dependencies(of: jobs)
    }

    func dependents(of prerequisites: [Prerequisite], limit: Int) async throws(JobStoreError) -> [JobID] {
        try await base.dependents(of: prerequisites, limit: limit)
    }
}
