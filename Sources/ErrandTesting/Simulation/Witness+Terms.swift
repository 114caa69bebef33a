// The witness of terms: unique keys, limits, sequences, ends that the store makes by itself, and what operators said.

import Errand
import ErrandContext

extension Witness.Job {
    /// Whether it is there and not over.
    var isLive: Bool { final == nil && !isDeleted }
    /// Whether its time may be over without anybody's doing.
    var mayEndByItself: Bool { isLive && holder == nil && (isDoomed || input.terms.expiresAt != nil || input.terms.deadline != nil) }
    /// Whether it has its unique key: until its end, or its first start.
    var holdsKey: Bool { isLive && (input.terms.uniqueness?.until == .ended || history.isEmpty) }
    /// What its unique key is kept under.
    var mark: [UInt8]? { input.terms.uniqueness?.mark(kind: input.kind, queue: input.queue) }
    var row: Witness.Row? { input.terms.sequence.map { Witness.Row(queue: input.queue, name: $0.key) } }

    fileprivate func isOf(_ scope: LimitScope) -> Bool {
        switch scope {
        case .queue(let name): input.queue == name
        case .kind(let name): input.kind == name
        case .key(let name, let queue): input.queue == queue && input.terms.limitKey == name
        case .sequence(let name, let queue): row == Witness.Row(queue: queue, name: name)
        }
    }
}

extension Witness {
    /// A sequence of a queue.
    struct Row: Hashable {
        var queue: String
        var name: String
    }

    /// What operators have set, as they remember it.
    struct Rules {
        var concurrency: [LimitScope: Int] = [:]
        var keyConcurrency: [String: Int] = [:]
        var paused: Set<LimitScope> = []
        /// Sequences that a death has halted.
        var halted: Set<Row> = []
        var quiet: Set<WorkerID> = []
    }

    // MARK: Unique keys

    /// A job was added: nobody else may have its unique key, but one that it waits behind.
    mutating func checkKey(ofAdded id: JobID) {
        let job = self[id]
        guard let mark = job.mark else { return }
        // It takes its turn when its delay is over.
        if case .debounce = job.input.terms.uniqueness?.onConflict { self[id].isOutOfTurn = true }
        let others = jobs.filter { $0.id != id && $0.mark == mark && $0.holdsKey }
        guard !others.isEmpty else { return }
        if job.input.terms.uniqueness?.onConflict == .keepLast, others.count == 1, !others[0].history.isEmpty {
            self[id].isOutOfTurn = true
        } else {
            broken("\(name(id)) was added although \(name(others[0].id)) has its unique key")
        }
    }

    /// A job was not added since another has its unique key.
    mutating func didRefuse(_ input: NewJob, becauseOf id: JobID) {
        let mark = input.terms.uniqueness?.mark(kind: input.kind, queue: input.queue)
        if mark == nil || self[id].mark != mark || !self[id].holdsKey {
            broken("a job was refused for the unique key of \(name(id)), which does not have it")
        }
    }

    /// A job took another's place.
    mutating func didReplace(_ id: JobID, by input: NewJob, isAcknowledged: Bool) {
        didRefuse(input, becauseOf: id)
        if !self[id].history.isEmpty { broken("\(name(id)) was replaced although it had started") }
        self[id].input = input
        self[id].maxAttempts = input.maxAttempts
        self[id].isOutOfTurn = true
        if isAcknowledged { self[id].isAcknowledged = true }
    }

    // MARK: Ends

    /// The wall clock stands at `time`: by the latest that it ever was, something may be over although it was set back since.
    mutating func note(wall time: Timestamp) { latestWall = max(latestWall, time) }

    /// A job is over without anybody's doing: its time was.
    mutating func didEndByItself(_ id: JobID, _ summary: JobSummary) {
        guard summary.state.isFinal, self[id].isLive else { return }
        // What it waits for is older, and known to have ended by now.
        tellEnds()
        if summary.state == .cancelled, summary.reason?.hasPrefix("after ") == true, self[id].isDoomed {
            cascades += 1
            (self[id].final, self[id].reason, self[id].isSuspect) = (.cancelled, summary.reason, false)
            return
        }
        let (time, isFine): (Timestamp?, Bool) =
            switch (summary.state, summary.reason) {
            case (.cancelled, "expired"): (self[id].input.terms.expiresAt, self[id].history.isEmpty)
            case (.dead, "deadline"): (self[id].input.terms.deadline, true)
            default: (nil, false)
            }
        guard let time, isFine, time <= latestWall else {
            return broken("\(name(id)) is \(summary.state) (\(summary.reason ?? "no reason")) all of a sudden")
        }
        (self[id].final, self[id].reason, self[id].isSuspect) = (summary.state, summary.reason, false)
    }

    // MARK: Claims

    /// A job was handed out: every limit must have had room, and it must be its turn.
    mutating func checkTerms(ofClaimed id: JobID, by worker: WorkerID) {
        let job = self[id]
        let scopes = [LimitScope.queue(job.input.queue), .kind(job.input.kind)]
        for scope in scopes where rules.paused.contains(scope) { broken("\(name(id)) was handed out although \(scope) is paused") }
        let key = job.input.terms.limitKey.map { LimitScope.key($0, queue: job.input.queue) }
        for scope in scopes + [key].compactMap(\.self) {
            guard let limit = limit(of: scope) else { continue }
            let running = jobs.count { $0.holder != nil && $0.isOf(scope) }
            if running > limit { broken("\(running) jobs of \(scope) run, and \(limit) may") }
        }
        if rules.quiet.contains(worker) { broken("\(name(worker)) is quiet, and got \(name(id))") }
        checkTurn(of: job)
    }

    /// A job whose time is over was not to be started.
    mutating func checkTime(ofClaimed claimed: ClaimedJob) {
        let job = self[claimed.execution.job]
        if let expiresAt = job.input.terms.expiresAt, job.history.count == 1, claimed.startedAt >= expiresAt {
            broken("\(name(job.id)) was started although it had expired")
        }
        if let deadline = job.input.terms.deadline, claimed.startedAt >= deadline {
            broken("\(name(job.id)) was started after its deadline")
        }
    }

    private func limit(of scope: LimitScope) -> Int? {
        guard case .key(_, let queue) = scope else { return rules.concurrency[scope] }
        return rules.concurrency[scope] ?? rules.keyConcurrency[queue]
    }

    private mutating func checkTurn(of job: Job) {
        guard let row = job.row else { return }
        if let other = jobs.first(where: { $0.number != job.number && $0.row == row && $0.holder != nil }) {
            broken("\(name(job.id)) runs beside \(name(other.id)) of the same sequence")
        }
        if rules.halted.contains(row) { broken("\(name(job.id)) was handed out although a death has halted its sequence") }
        guard !job.isOutOfTurn else { return }
        let earlier = jobs.first { $0.number < job.number && $0.row == row && $0.isLive && !$0.isOutOfTurn }
        if let earlier { broken("\(name(job.id)) was handed out before \(name(earlier.id)) of the same sequence had ended") }
    }

    /// A job that ran is dead: its sequence may stop.
    mutating func noteDeath(of job: Job) {
        if job.final == .dead, job.input.terms.sequence?.haltsOnDeath == true, let row = job.row { rules.halted.insert(row) }
    }

    // MARK: Operators

    mutating func didChange(_ scope: LimitScope, _ change: SettingChange) {
        switch (change, scope) {
        case (.pause, _): rules.paused.insert(scope)
        case (.resume, .sequence(let name, let queue)): rules.halted.remove(Row(queue: queue, name: name))
        case (.resume, _): rules.paused.remove(scope)
        case (.concurrency(let limit), _): rules.concurrency[scope] = limit
        case (.keyConcurrency(let limit), .queue(let queue)): rules.keyConcurrency[queue] = limit
        default: break
        }
    }

    mutating func didDirect(_ worker: WorkerID, _ directive: WorkerDirective) {
        switch directive {
        case .quiet: rules.quiet.insert(worker)
        case .resume: rules.quiet.remove(worker)
        case .stop, .scale: break
        }
    }

    mutating func didRetry(_ id: JobID) {
        if self[id].final != nil {
            (self[id].input.terms.expiresAt, self[id].input.terms.deadline) = (nil, nil)
            self[id].isOutOfTurn = true
        }
        if let row = self[id].row { rules.halted.remove(row) }
        self[id].final = nil
        waitAgain(id)
    }

    mutating func didEdit(_ id: JobID, _ edit: JobEdit) {
        if !self[id].isLive || self[id].holder != nil { broken("\(name(id)) was edited although it runs or is over") }
        if let priority = edit.priority { self[id].input.priority = priority }
        if let queue = edit.queue {
            self[id].input.queue = queue
            self[id].isOutOfTurn = true
        }
    }

    mutating func didDelete(_ id: JobID) {
        if self[id].holder != nil { broken("\(name(id)) was deleted although it runs") }
        if let row = self[id].row { rules.halted.remove(row) }
        self[id].isDeleted = true
    }
}
