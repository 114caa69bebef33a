// A store as it may be shown: every view of a job without its secrets, in this one place.

extension Store {
    /// The same store, with `redaction` applied to all that is *looked at*: payloads, results (those of steps too), labels, idempotency
    /// keys, `meta` and errors; the payload of a periodic job is for whoever shows it to redact. What workers run and what is stored stays as it is; logs are redacted when they are written (``Worker/Configuration/redaction``).
    public func redacted(by redaction: Redaction) -> Store {
        var store = self
        store.inspection = RedactedInspection(base: inspection, redaction: redaction)
        store.workflows = RedactedWorkflows(base: workflows, redaction: redaction)
        store.steps = RedactedSteps(base: steps, inspection: inspection, redaction: redaction)
        store.transfer = transfer.map { RedactedTransfer(base: $0, redaction: redaction) }
        return store
    }
}

/// Jobs without their secrets.
private struct RedactedInspection: JobInspection {
    let base: any JobInspection
    let redaction: Redaction

    func jobs(matching selector: JobSelector, before cursor: JobID?, limit: Int) async throws(JobStoreError) -> JobPage {
        var page = try await base.jobs(matching: selector, before: cursor, limit: limit)
        page.jobs = page.jobs.map { redaction.redacted($0) }
        return page
    }

    func job(_ id: JobID) async throws(JobStoreError) -> JobDetail? {
        guard var job = try await base.job(id) else { return nil }
        // What stands under a hidden name in the payload is secret in the job's label, result and error too.
        let redaction = SealedBytes(job.payload) == nil ? redaction.learning(from: job.payload) : redaction
        job.summary = redaction.redacted(job.summary)
        job.terms = redaction.redacted(job.terms)
        if SealedBytes(job.payload) == nil { job.payload = redaction.redacted(json: job.payload) }
        job.result = job.result.map { SealedBytes($0) == nil ? redaction.redacted(json: $0) : $0 }
        job.error = job.error?.redacted(by: redaction)
        if let message = job.progress?.message { job.progress?.message = redaction.redacted(message) }
        job.executions = redaction.redacted(job.executions)
        return job
    }

    func tree(rootedAt root: JobID, limit: Int) async throws(JobStoreError) -> JobTree {
        var tree = try await base.tree(rootedAt: root, limit: limit)
        tree.jobs = tree.jobs.map { job in
            var job = job
            job.summary = redaction.redacted(job.summary)
            job.executions = redaction.redacted(job.executions)
            return job
        }
        return tree
    }

    func states(of ids: [JobID]) async throws(JobStoreError) -> [JobState?] { try await base.states(of: ids) }

    func jobs(meantBy text: String) async throws(JobStoreError) -> [JobID] { try await base.jobs(meantBy: text) }

    func executions(heldBy worker: WorkerID) async throws(JobStoreError) -> [ExecutionID] {
        try await base.executions(heldBy: worker)
    }

    func stats() async throws(JobStoreError) -> StoreStats { try await base.stats() }

    func metrics() async throws(JobStoreError) -> StoreMetrics { try await base.metrics() }
}

/// Steps without secrets.
private struct RedactedSteps: StepStore {
    let base: any StepStore
    let inspection: any JobInspection
    let redaction: Redaction

    func steps(of job: JobID) async throws(JobStoreError) -> [JobStep] {
        let steps = try await base.steps(of: job)
        guard !steps.isEmpty else { return [] }
        // What is secret in the payload is so in what was made of it.
        let payload = try await inspection.job(job)?.payload ?? []
        let redaction = SealedBytes(payload) == nil ? redaction.learning(from: payload) : redaction
        return steps.map { step in
            var step = step
            step.result = step.result.map { SealedBytes($0) == nil ? redaction.redacted(json: $0) : $0 }
            return step
        }
    }

    func record(_ step: JobStep, by worker: WorkerID) async throws(JobStoreError) -> StepRecordResult {
        try await base.record(step, by: worker)
    }
}
