// Export and import in the in-memory store.

public import Errand
import ErrandContext

extension ModelTables {
    func exportJobs(matching selector: JobSelector, after cursor: JobID?, through last: JobID, limit: Int) -> ExportPage {
        let matching = jobsByID.filter { job in
            (cursor.map { job.id > $0 } ?? true) && job.id <= last
                && selector.matches(job, byAnyTag: faults.contains(.anyTagWillDo))
        }
        let page = matching.prefix(max(0, limit))
        return ExportPage(jobs: page.map(exported), next: matching.count > page.count ? page.last?.id ?? cursor : nil)
    }

    private func exported(_ job: ModelJob) -> ExportedJob {
        var input = job.input
        input.runAt = job.dueAt
        input.durability = nil
        // What later enqueues are compared with; the others are those that this one was compared with.
        input.fingerprints = Array(input.fingerprints.prefix(1))
        if let keyed = job.keyed, keyed != ModelJob.Keyed(kind: input.kind, payload: input.payload), input.fingerprints.isEmpty {
            input.fingerprints = [keyed.fingerprint]
        }
        var exported = ExportedJob(id: job.id, job: input, createdAt: job.createdAt, state: job.state)
        if job.state == .scheduled || job.state == .retryable { exported.startsAt = job.startsAt }
        (exported.attempts, exported.crashes, exported.ordinal) = (job.attempts, job.crashes, job.ordinal)
        (exported.finishedAt, exported.reason, exported.result) = (job.finishedAt, job.reason, job.result)
        exported.isSuspect = job.isSuspect
        exported.job.after = (edges[job.id] ?? []).map { Dependency($0.prerequisite, ifFailed: $0.policy) }.sorted {
            ($0.prerequisite.rawValue ?? 0) < ($1.prerequisite.rawValue ?? 0)
        }
        exported.uniqueUntil = uniqueKeys.values.first { $0.owner == job.id }?.until
        exported.hasTurn = halts(job.id)
        if let wish = job.cancellation { exported.cancellation = .init(requestedAt: wish.requestedAt, reason: wish.reason) }
        if job.progress?.execution == job.executions.last?.execution { exported.progress = job.progress }
        exported.executions = job.executions
        exported.steps = (steps[job.id] ?? []).sorted { ($0.recordedAt, $0.name) < ($1.recordedAt, $1.name) }
        return exported
    }

    mutating func importJob(_ exported: ExportedJob, at now: Timestamp) -> ImportResult {
        if let problem = TransferRules.problem(with: exported, at: now) { return .refused(reason: problem) }
        if let known = jobs[exported.id] {
            return known.createdAt == exported.createdAt && known.input.kind == exported.job.kind ? .existing : .idTaken
        }
        if let key = exported.job.key, let owner = keys[key] { return .keyTaken(owner) }
        let unique = arrival(of: exported, at: now)
        if case .settled(.unique(let owner)) = unique { return .uniqueTaken(owner) }

        var job = ModelJob(exported)
        if faults.contains(.ordinalsBeginAnewOnImport) { job.ordinal = 0 }
        if !exported.state.isFinal { chooseKey(for: &job) }
        lastID = max(lastID, job.id.rawValue)
        if let key = job.input.key { keys[key] = job.id }
        if !exported.steps.isEmpty { steps[job.id] = exported.steps }
        if case .owns(let mark?) = unique { uniqueKeys[mark] = ModelUniqueKey(owner: job.id, until: exported.uniqueUntil) }
        usedScopes.formUnion([.queue(job.input.queue), .kind(job.input.kind)])
        let failure = takeUpImported(exported)
        join(job)
        enter(job, as: exported, unique: unique, at: now)
        if exported.state.isFinal, let workflow = job.input.workflow { leave(workflow, as: exported.state, at: now) }
        if let failure { cascade(to: job.id, reason: failure, at: now) }
        return .imported
    }

    /// Takes up what an imported job waits for, or has waited for; why it waits in vain, if it does.
    private mutating func takeUpImported(_ exported: ExportedJob) -> String? {
        guard !exported.job.after.isEmpty else { return nil }
        var failure: String?
        var list: [ModelEdge] = []
        for dependency in exported.job.after where !list.contains(where: { $0.prerequisite == dependency.prerequisite }) {
            let isHere =
                switch dependency.prerequisite {
                case .job(let id): jobs[id] != nil
                case .workflow(let id): workflows[id] != nil
                case .entry: false
                }
            let end = end(of: dependency.prerequisite)
            var isOpen = end == nil || end != .completed && dependency.ifFailed != .ignore
            if !isHere { isOpen = dependency.ifFailed != .ignore }
            if exported.state == .blocked, isHere, let end, end != .completed, dependency.ifFailed == .cascade {
                failure = failure ?? ModelTables.reason(dependency.prerequisite, end)
            }
            list.append(
                ModelEdge(prerequisite: dependency.prerequisite, policy: dependency.ifFailed, isOpen: isOpen && exported.state == .blocked))
        }
        edges[exported.id] = list
        return failure
    }

    mutating func importWorkflow(_ workflow: WorkflowStatus, at now: Timestamp) -> ImportResult {
        if let problem = TransferRules.problem(with: workflow, at: now) { return .refused(reason: problem) }
        if let known = workflows[workflow.id] { return known.startedAt == workflow.startedAt ? .existing : .idTaken }
        if jobs[JobID(rawValue: workflow.id.rawValue)] != nil { return .idTaken }
        if let key = workflow.key, let owner = workflows.values.first(where: { $0.key == key }) {
            return .refused(reason: "the key of the workflow \(workflow.id) belongs here to \(owner.id)")
        }
        workflows[workflow.id] = WorkflowStatus(
            id: workflow.id, name: workflow.name, key: workflow.key, isOpen: true, total: 0, live: 0, dead: 0, cancelled: 0,
            startedAt: workflow.startedAt, endedAt: nil)
        lastID = max(lastID, workflow.id.rawValue)
        return .imported
    }

    /// What becomes of a job because of its unique key.
    private mutating func arrival(of job: ExportedJob, at now: Timestamp) -> Arrival {
        guard let uniqueness = job.job.terms.uniqueness else { return .owns(nil) }
        let mark = uniqueness.mark(kind: job.job.kind, queue: job.job.queue)
        let isUsedUp = uniqueness.until == .started && !job.executions.isEmpty
        guard !isUsedUp, !job.state.isFinal || job.keepsUniqueKey(at: now) else { return .owns(nil) }
        guard let owner = uniqueOwner(of: mark, at: now) else { return .owns(mark) }
        if job.state.isFinal || owner.job == job.id { return .owns(nil) }
        if job.waitsBehindOwner, !owner.hasEnded, owner.next == nil { return .waits(mark) }
        return .settled(.unique(owner.job))
    }

    /// Puts an imported job where it stands here.
    private mutating func enter(_ job: ModelJob, as exported: ExportedJob, unique: Arrival, at now: Timestamp) {
        var job = job
        defer { jobs[job.id] = job }
        guard !exported.state.isFinal else {
            let halts = exported.state == .dead && job.input.terms.sequence?.haltsOnDeath ?? false
            if exported.hasTurn, halts, let key = sequence(of: job), giveTurn(to: job.id, in: key, at: now) {
                sequences[key]?.isHalted = true
            }
            return
        }
        tell(.enqueued, of: job, at: now)
        rings.insert(.work)
        if case .waits(let mark) = unique {
            (job.state, job.waits) = (.waiting, .behindOwner)
            uniqueKeys[mark]?.next = job.id
            return
        }
        if exported.state == .blocked {
            if isBlocked(job.id) { return }
            if job.dueAt > now {
                (job.state, job.startsAt) = (.scheduled, job.dueAt)
                return
            }
            job.dueAt = now
        }
        if exported.hasTurn, let key = sequence(of: job) { _ = giveTurn(to: job.id, in: key, at: now) }
        if exported.state != .scheduled, exported.state != .retryable { place(&job, at: now) }
    }

    /// Gives a job the turn that it had elsewhere, unless another one's has begun here; whether it has it.
    private mutating func giveTurn(to id: JobID, in key: ModelKey, at now: Timestamp) -> Bool {
        guard let current = sequences[key]?.current, current != id else {
            sequences[key] = sequences[key] ?? ModelSequence(current: id)
            return true
        }
        guard var other = jobs[current], other.executions.isEmpty, other.state == .available || other.state == .waiting else {
            return false
        }
        (other.state, other.waits) = (.waiting, .forTurn)
        jobs[current] = other
        sequences[key]?.current = id
        admitNext(self.key(of: other), at: now)
        return true
    }
}

extension ModelJob {
    /// A job as it stood in the store that it comes from; where it stands here is said by whoever places it.
    fileprivate init(_ exported: ExportedJob) {
        let dueAt = exported.job.runAt ?? exported.createdAt
        self.init(
            id: exported.id, input: exported.job, createdAt: exported.createdAt, dueAt: dueAt, startsAt: exported.startsAt ?? dueAt,
            state: exported.state)
        if let keyed = exported.job.fingerprints.first.flatMap(Keyed.init(fingerprint:)) {
            self.keyed = keyed
            input.fingerprints = []
        }
        (attempts, crashes, ordinal) = (exported.attempts, exported.crashes, exported.ordinal)
        (finishedAt, reason, result) = (exported.finishedAt, exported.reason, exported.result)
        isSuspect = exported.isSuspect && !exported.state.isFinal
        progress = exported.progress
        executions = exported.executions
    }
}

extension ModelJob.Keyed {
    private static let mark = Array("model ".utf8)

    /// What this store gives out for it: itself, since nothing here is worth a digest.
    fileprivate var fingerprint: [UInt8] { Self.mark + Array(kind.utf8) + [0] + payload }

    /// What ``fingerprint`` has written; `nil` for that of another store.
    fileprivate init?(fingerprint: [UInt8]) {
        guard fingerprint.starts(with: Self.mark), let end = fingerprint.firstIndex(of: 0) else { return nil }
        kind = String(decoding: fingerprint[Self.mark.count..<end], as: UTF8.self)
        payload = Array(fingerprint[(end + 1)...])
    }
}

extension ModelStore: TransferStore {
    /// A piece of an export; never throws.
    public func exportJobs(
        matching selector: JobSelector, after cursor: JobID?, through last: JobID, limit: Int
    ) async throws(JobStoreError) -> ExportPage {
        read { $0.exportJobs(matching: selector, after: cursor, through: last, limit: limit) }
    }

    /// Takes in jobs as they stand; never throws.
    public func importJobs(_ jobs: [ExportedJob]) async throws(JobStoreError) -> [ImportResult] {
        let now = clock.now()
        return commit { tables in
            let results = jobs.map { tables.importJob($0, at: now) }
            tables.settle(at: now)
            return results
        }
    }

    /// Takes in a workflow; never throws.
    public func importWorkflow(_ workflow: WorkflowStatus) async throws(JobStoreError) -> ImportResult {
        let now = clock.now()
        return commit { $0.importWorkflow(workflow, at: now) }
    }
}
