// Encryption at rest, around any store: sealed on the way in, opened on the way out, in this one place.

extension Store {
    /// The same store, its payloads and results encrypted by `cipher` from now on. What was stored before in the clear can be read and
    /// run as before. Logs, errors, labels, `meta` and keys are *not* encrypted.
    public func encrypted(by cipher: any PayloadCipher) -> Store {
        var store = self
        store.jobs = EncryptedJobs(base: jobs, cipher: cipher)
        store.inspection = EncryptedInspection(base: inspection, cipher: cipher)
        return store
    }
}

extension PayloadCipher {
    /// `bytes` opened if they are sealed, otherwise as they are.
    fileprivate func plain(_ bytes: [UInt8], in place: SealedPlace) throws(SealProblem) -> [UInt8] {
        guard let sealed = SealedBytes(bytes) else { return bytes }
        return try open(sealed, for: place)
    }
}

/// Jobs whose payloads and results are sealed below.
private struct EncryptedJobs: JobStore {
    let base: any JobStore
    let cipher: any PayloadCipher

    func enqueue(_ jobs: [NewJob]) async throws(JobStoreError) -> [EnqueueResult] {
        try await base.enqueue(
            jobs.map { job in
                var job = job
                if job.key != nil { job.fingerprints = cipher.fingerprints(kind: job.kind, payload: job.payload) }
                job.payload = cipher.seal(job.payload, for: .payload(kind: job.kind)).bytes
                return job
            })
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

/// Jobs as they were before they were sealed. What cannot be opened stays sealed: ``SealedBytes`` tells which key it needs.
private struct EncryptedInspection: JobInspection {
    let base: any JobInspection
    let cipher: any PayloadCipher

    func job(_ id: JobID) async throws(JobStoreError) -> JobDetail? {
        guard var job = try await base.job(id) else { return nil }
        job.payload = opened(job.payload, in: .payload(kind: job.summary.kind))
        job.result = job.result.map { opened($0, in: .result(id)) }
        return job
    }

    private func opened(_ bytes: [UInt8], in place: SealedPlace) -> [UInt8] {
        do throws(SealProblem) {
            return try cipher.plain(bytes, in: place)
        } catch {
            // Not an error of the look at a job: all else about it can be read, and who shows it says that this is sealed.
            return bytes
        }
    }

    func jobs(matching selector: JobSelector, before cursor: JobID?, limit: Int) async throws(JobStoreError) -> JobPage {
        try await base.jobs(matching: selector, before: cursor, limit: limit)
    }

    func states(of ids: [JobID]) async throws(JobStoreError) -> [JobState?] { try await base.states(of: ids) }

    func jobs(meantBy text: String) async throws(JobStoreError) -> [JobID] { try await base.jobs(meantBy: text) }

    func tree(rootedAt root: JobID, limit: Int) async throws(JobStoreError) -> JobTree {
        try await base.tree(rootedAt: root, limit: limit)
    }

    func stats() async throws(JobStoreError) -> StoreStats { try await base.stats() }
}
