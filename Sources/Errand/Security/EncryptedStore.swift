// Encryption at rest, around any store: sealed on the way in, opened on the way out, in this one place.

extension Store {
    /// The same store, its payloads and results encrypted by `cipher` from now on. What was stored before in the clear can be read and
    /// run as before. Logs, errors, labels, `meta` and keys are *not* encrypted.
    public func encrypted(by cipher: any PayloadCipher) -> Store {
        var store = self
        store.jobs = EncryptedJobs(base: jobs, cipher: cipher)
        store.inspection = EncryptedInspection(base: inspection, cipher: cipher)
        store.control = EncryptedControl(base: control, inspection: inspection, cipher: cipher)
        store.periodic = EncryptedPeriodic(base: periodic, cipher: cipher)
        store.steps = EncryptedSteps(base: steps, cipher: cipher)
        store.workflows = EncryptedWorkflows(base: workflows, cipher: cipher)
        store.transfer = transfer.map { EncryptedTransfer(base: $0, cipher: cipher) }
        store.transactions = transactions.map { EncryptedTransactions(base: $0, cipher: cipher) }
        return store
    }
}

extension PayloadCipher {
    /// `bytes` opened if they are sealed, otherwise as they are.
    func plain(_ bytes: [UInt8], in place: SealedPlace) throws(SealProblem) -> [UInt8] {
        guard let sealed = SealedBytes(bytes) else { return bytes }
        return try open(sealed, for: place)
    }

    /// `bytes` opened, or still sealed where that cannot be: not an error of a look, whoever shows them says that they are sealed.
    func opened(_ bytes: [UInt8], in place: SealedPlace) -> [UInt8] {
        do throws(SealProblem) {
            return try plain(bytes, in: place)
        } catch {
            return bytes
        }
    }

    /// `job` as it is stored: its payload sealed, and nothing of it beside it in the clear.
    func sealed(_ job: NewJob) -> NewJob {
        var job = job
        if let uniqueness = job.terms.uniqueness, !uniqueness.fields.isEmpty {
            let fingerprint = fingerprints(kind: "", payload: Array(uniqueness.key.utf8)).first ?? []
            job.terms.uniqueness?.key = fingerprint.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        }
        if job.key != nil { job.fingerprints = fingerprints(kind: job.kind, payload: job.payload) }
        job.payload = seal(job.payload, for: .payload(kind: job.kind)).bytes
        return job
    }
}

/// Jobs whose payloads and results are sealed below.
private struct EncryptedJobs: JobStore {
    let base: any JobStore
    let cipher: any PayloadCipher

    func enqueue(_ jobs: [NewJob]) async throws(JobStoreError) -> [EnqueueResult] {
        try await base.enqueue(jobs.map { cipher.sealed($0) })
    }

    func exchange(_ request: ExchangeRequest) async throws(JobStoreError) -> ExchangeReply {
        var request = request
        for index in request.reports.indices {
            guard let result = request.reports[index].result else { continue }
            request.reports[index].result = cipher.seal(result, for: .result(request.reports[index].execution.job)).bytes
        }
        var reply = try await base.exchange(request)
        for index in reply.claimed.indices { open(&reply.claimed[index]) }
        return reply
    }

    private func open(_ job: inout ClaimedJob) {
        do throws(SealProblem) {
            job.payload = try cipher.plain(job.payload, in: .payload(kind: job.kind))
        } catch {
            // Held all the same, and told to the worker: only it can give the job back, and it runs nothing that is sealed.
            job.sealProblem = error
        }
    }

    func join(_ worker: WorkerDescription) async throws(JobStoreError) -> WorkerID { try await base.join(worker) }

    func casualties(seenBy worker: WorkerID) async throws(JobStoreError) -> [Casualty] { try await base.casualties(seenBy: worker) }

    func condemn(_ casualty: Casualty) async throws(JobStoreError) -> Casualty? { try await base.condemn(casualty) }

    func rescue(_ request: RescueRequest) async throws(JobStoreError) -> [ExecutionID] { try await base.rescue(request) }

    func leave(_ worker: WorkerID) async throws(JobStoreError) { try await base.leave(worker) }
}

/// Jobs of the application's own transactions, whose payloads are sealed below.
private struct EncryptedTransactions: TransactionalStore {
    let base: any TransactionalStore
    let cipher: any PayloadCipher

    func enqueue(_ jobs: [NewJob], in connection: OpaquePointer) throws(JobStoreError) -> [EnqueueResult] {
        try base.enqueue(jobs.map { cipher.sealed($0) }, in: connection)
    }

    func attempt(in connection: OpaquePointer, _ body: () -> Bool) throws(JobStoreError) { try base.attempt(in: connection, body) }
}

/// Jobs as they were before they were sealed. What cannot be opened stays sealed: ``SealedBytes`` tells which key it needs.
private struct EncryptedInspection: JobInspection {
    let base: any JobInspection
    let cipher: any PayloadCipher

    func job(_ id: JobID) async throws(JobStoreError) -> JobDetail? {
        guard var job = try await base.job(id) else { return nil }
        job.payload = cipher.opened(job.payload, in: .payload(kind: job.summary.kind))
        job.result = job.result.map { cipher.opened($0, in: .result(id)) }
        return job
    }

    func jobs(matching selector: JobSelector, before cursor: JobID?, limit: Int) async throws(JobStoreError) -> JobPage {
        guard !selector.arguments.isEmpty else { return try await base.jobs(matching: selector, before: cursor, limit: limit) }
        // The store below sees sealed payloads only: what they hold is looked for here.
        var rest = selector
        rest.arguments = []
        var page = try await base.jobs(matching: rest, before: cursor, limit: limit)
        var matching: [JobSummary] = []
        for summary in page.jobs {
            guard let payload = try await job(summary.id)?.payload else { continue }
            if selector.arguments.allSatisfy({ $0.matches(payload) }) { matching.append(summary) }
        }
        page.jobs = matching
        return page
    }

    func states(of ids: [JobID]) async throws(JobStoreError) -> [JobState?] { try await base.states(of: ids) }

    func jobs(meantBy text: String) async throws(JobStoreError) -> [JobID] { try await base.jobs(meantBy: text) }

    func tree(rootedAt root: JobID, limit: Int) async throws(JobStoreError) -> JobTree {
        try await base.tree(rootedAt: root, limit: limit)
    }

    func executions(heldBy worker: WorkerID) async throws(JobStoreError) -> [ExecutionID] {
        try await base.executions(heldBy: worker)
    }

    func stats() async throws(JobStoreError) -> StoreStats { try await base.stats() }

    func metrics() async throws(JobStoreError) -> StoreMetrics { try await base.metrics() }
}

/// Changes of jobs whose payloads are sealed below.
private struct EncryptedControl: JobControl {
    let base: any JobControl
    let inspection: any JobInspection
    let cipher: any PayloadCipher

    /// `edit` of the job `id` with its payload sealed; `nil` when there is no such job.
    private func sealed(_ edit: JobEdit, for id: JobID) async throws(JobStoreError) -> JobEdit? {
        guard let payload = edit.payload else { return edit }
        guard let job = try await inspection.job(id) else { return nil }
        var edit = edit
        edit.payload = cipher.seal(payload, for: .payload(kind: job.summary.kind)).bytes
        return edit
    }

    func retry(_ ids: [JobID], resettingAttempts: Bool, edits: [JobID: JobEdit]) async throws(JobStoreError) -> [RetryResult] {
        var sealedEdits: [JobID: JobEdit] = [:]
        for (id, edit) in edits { sealedEdits[id] = try await sealed(edit, for: id) }
        return try await base.retry(ids, resettingAttempts: resettingAttempts, edits: sealedEdits)
    }

    func edit(_ ids: [JobID], _ edit: JobEdit) async throws(JobStoreError) -> [ChangeResult] {
        guard edit.payload != nil else { return try await base.edit(ids, edit) }
        var results: [ChangeResult] = []
        // One by one, since each is sealed by itself.
        for id in ids {
            guard let sealed = try await sealed(edit, for: id) else {
                results.append(.notFound)
                continue
            }
            results += try await base.edit([id], sealed)
        }
        return results
    }

    func cancel(_ ids: [JobID], reason: String?) async throws(JobStoreError) -> [CancelResult] {
        try await base.cancel(ids, reason: reason)
    }

    func promote(_ ids: [JobID], despiteDependencies: Bool) async throws(JobStoreError) -> [ChangeResult] {
        try await base.promote(ids, despiteDependencies: despiteDependencies)
    }

    func delete(_ ids: [JobID], evenLive: Bool) async throws(JobStoreError) -> [ChangeResult] {
        try await base.delete(ids, evenLive: evenLive)
    }

    func direct(_ workers: [WorkerID], _ directive: WorkerDirective) async throws(JobStoreError) -> [Bool] {
        try await base.direct(workers, directive)
    }

    func prune(_ policy: RetentionPolicy, limit: Int) async throws(JobStoreError) -> PruneReport {
        try await base.prune(policy, limit: limit)
    }
}
