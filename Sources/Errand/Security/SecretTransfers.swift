// Export and import of an encrypted store, and exports without secrets.

/// Jobs that are opened on their way out and sealed on their way in. What is sealed already goes in as it is: with the key that sealed it,
/// which is bound to the same job there.
struct EncryptedTransfer: TransferStore {
    let base: any TransferStore
    let cipher: any PayloadCipher

    func exportJobs(
        matching selector: JobSelector, after cursor: JobID?, through last: JobID, limit: Int
    ) async throws(JobStoreError) -> ExportPage {
        // The store below sees sealed payloads only: what they hold is looked for here.
        var rest = selector
        rest.arguments = []
        var page = try await base.exportJobs(matching: rest, after: cursor, through: last, limit: limit)
        page.jobs = page.jobs.map(opened)
        if !selector.arguments.isEmpty {
            page.jobs = page.jobs.filter { job in selector.arguments.allSatisfy { $0.matches(job.job.payload) } }
        }
        return page
    }

    private func opened(_ job: ExportedJob) -> ExportedJob {
        var job = job
        let payload = cipher.opened(job.job.payload, in: .payload(kind: job.job.kind))
        if payload != job.job.payload {
            job.job.payload = payload
            // Made with the key, and worth nothing without it: whoever imports the job makes its own.
            job.job.fingerprints = []
            job.job.terms.uniqueness = resolved(job.job.terms.uniqueness, for: payload)
        }
        job.result = job.result.map { cipher.opened($0, in: .result(job.id)) }
        job.steps = job.steps.map { step in
            var step = step
            step.result = step.result.map { cipher.opened($0, in: .step(job.id, name: step.name)) }
            return step
        }
        return job
    }

    /// The unique key that fields of a payload make, which stood there as a fingerprint. One that cannot be worked out any more, since the
    /// payload was edited, stays.
    private func resolved(_ uniqueness: Uniqueness?, for payload: [UInt8]) -> Uniqueness? {
        do throws(UniqueFieldsProblem) {
            return try uniqueness?.resolved(for: payload)
        } catch {
            return uniqueness
        }
    }

    func importJobs(_ jobs: [ExportedJob]) async throws(JobStoreError) -> [ImportResult] {
        // Sealed, nobody could see any more that they are no JSON.
        let problems = jobs.map(TransferRules.valuesProblem(with:))
        let fine = zip(jobs, problems).compactMap { job, problem in problem == nil ? sealed(job) : nil }
        var results = try await base.importJobs(fine).makeIterator()
        return problems.compactMap { problem in problem.map { .refused(reason: $0) } ?? results.next() }
    }

    func importWorkflow(_ workflow: WorkflowStatus) async throws(JobStoreError) -> ImportResult { try await base.importWorkflow(workflow) }

    private func sealed(_ job: ExportedJob) -> ExportedJob {
        var job = job
        if SealedBytes(job.job.payload) == nil { job.job = cipher.sealed(job.job) }
        job.result = job.result.map { SealedBytes($0) == nil ? cipher.seal($0, for: .result(job.id)).bytes : $0 }
        job.steps = job.steps.map { step in
            var step = step
            step.result = step.result.map {
                SealedBytes($0) == nil ? cipher.seal($0, for: .step(job.id, name: step.name)).bytes : $0
            }
            return step
        }
        return job
    }
}

/// Jobs that are exported without their secrets. What goes in stays as it is.
struct RedactedTransfer: TransferStore {
    let base: any TransferStore
    let redaction: Redaction

    func exportJobs(
        matching selector: JobSelector, after cursor: JobID?, through last: JobID, limit: Int
    ) async throws(JobStoreError) -> ExportPage {
        var page = try await base.exportJobs(matching: selector, after: cursor, through: last, limit: limit)
        page.jobs = page.jobs.map(redacted)
        return page
    }

    private func redacted(_ job: ExportedJob) -> ExportedJob {
        var job = job
        // What stands under a hidden name in the payload is secret in the job's label, result and errors too.
        let redaction = SealedBytes(job.job.payload) == nil ? redaction.learning(from: job.job.payload) : redaction
        func value(_ bytes: [UInt8]) -> [UInt8] { SealedBytes(bytes) == nil ? redaction.redacted(json: bytes) : bytes }
        job.job.payload = value(job.job.payload)
        job.job.key = job.job.key.map { redaction.redacted($0) }
        job.job.label = job.job.label.map { redaction.redacted($0) }
        job.job.meta = redaction.redacted(job.job.meta)
        job.job.terms = redaction.redacted(job.job.terms)
        job.reason = job.reason.map { redaction.redacted($0) }
        if let reason = job.cancellation?.reason { job.cancellation?.reason = redaction.redacted(reason) }
        if let message = job.progress?.message { job.progress?.message = redaction.redacted(message) }
        job.result = job.result.map(value)
        job.executions = redaction.redacted(job.executions)
        job.steps = job.steps.map { step in
            var step = step
            step.result = step.result.map(value)
            return step
        }
        return job
    }

    func importJobs(_ jobs: [ExportedJob]) async throws(JobStoreError) -> [ImportResult] { try await base.importJobs(jobs) }

    func importWorkflow(_ workflow: WorkflowStatus) async throws(JobStoreError) -> ImportResult { try await base.importWorkflow(workflow) }
}
