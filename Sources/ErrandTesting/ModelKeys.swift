// Limit keys in the in-memory store: who may start, who waits for the others of its key, and who is next.

import Errand
import ErrandContext

/// What jobs of one queue share: a limit key or a sequence. The same name in another queue is another one.
struct ModelKey: Hashable {
    var queue: String
    var name: String
}

extension ModelTables {
    /// The key that a job is counted under; `nil` when it shares nothing.
    func key(of job: ModelJob) -> ModelKey? {
        if let name = job.input.terms.limitKey { return ModelKey(queue: job.input.queue, name: name) }
        return job.sharesTurn ? ModelKey(queue: job.input.queue, name: "") : nil
    }

    /// Whether a job without a key is counted under the one that all such jobs of a fair queue share.
    mutating func chooseKey(for job: inout ModelJob) {
        job.sharesTurn = job.input.terms.limitKey == nil && limits[.queue(job.input.queue)]?.isFair ?? false
    }

    /// How many of a key's jobs may run at once.
    func concurrency(of key: ModelKey) -> Int? {
        guard !key.name.isEmpty else { return nil }
        return limits[.key(key.name, queue: key.queue)]?.concurrency ?? limits[.queue(key.queue)]?.keyConcurrency
    }

    /// How much of a key's rate is used up.
    func meter(of key: ModelKey) -> PermitMeter? {
        guard !key.name.isEmpty else { return nil }
        let rate = limits[.key(key.name, queue: key.queue)]?.rate ?? limits[.queue(key.queue)]?.keyRate
        return rate.map { PermitMeter($0, fullAt: keyMeters[key] ?? 0) }
    }

    /// How many more of a key's jobs may start.
    func room(of key: ModelKey, at now: Timestamp) -> Int {
        let left = concurrency(of: key).map { max(0, $0 - running(of: key)) } ?? .max
        return min(left, meter(of: key)?.permits(at: now.microseconds) ?? .max)
    }

    func running(of key: ModelKey) -> Int { jobs.values.count { $0.state == .running && self.key(of: $0) == key } }

    private func admitted(_ key: ModelKey, kind: String, besides id: JobID) -> Int {
        jobs.values.count { $0.state == .available && !$0.isSuspect && $0.id != id && $0.input.kind == kind && self.key(of: $0) == key }
    }

    /// Puts a job where it may start, if its sequence and its limit key let it: else it waits.
    mutating func place(_ job: inout ModelJob, at now: Timestamp) {
        job.makeAvailable()
        if takesTurn(job) {
            put(&job, at: now)
        } else {
            (job.state, job.waits) = (.waiting, .forTurn)
        }
    }

    private mutating func put(_ job: inout ModelJob, at now: Timestamp) {
        job.makeAvailable()
        guard !job.isSuspect, let key = key(of: job) else { return }
        if !mayStart(job, of: key, at: now) || !waiting(for: key, kind: job.input.kind, besides: job.id).isEmpty, isLimited(key) {
            (job.state, job.waits) = (.waiting, .forKey)
        } else {
            takeRank(&job, of: key)
        }
    }

    private func isLimited(_ key: ModelKey) -> Bool { concurrency(of: key) != nil || meter(of: key) != nil }

    private func mayStart(_ job: ModelJob, of key: ModelKey, at now: Timestamp) -> Bool {
        !isLimited(key) || admitted(key, kind: job.input.kind, besides: job.id) < room(of: key, at: now)
    }

    /// Gives a job its place in a fair queue.
    private mutating func takeRank(_ job: inout ModelJob, of key: ModelKey) {
        guard let queue = limits[.queue(key.queue)], queue.isFair else { return }
        let rank = max(queue.virtualTime, keyTags[key] ?? 0)
        keyTags[key] = rank + max(1, 1000 / Int64(limits[.key(key.name, queue: key.queue)]?.weight ?? 1))
        job.rank = rank
    }

    private func waiting(for key: ModelKey, kind: String? = nil, besides id: JobID? = nil) -> [ModelJob] {
        jobs.values.filter { job in
            job.state == .waiting && job.waits == .forKey && job.id != id && self.key(of: job) == key
                && kind.map { $0 == job.input.kind } ?? true
        }
    }

    /// Admits jobs of the key that wait, kind by kind, as far as there is room.
    mutating func admitNext(_ key: ModelKey?, at now: Timestamp) {
        guard let key, !faults.contains(.keepsWaiting) else { return }
        for var job in waiting(for: key).sorted(by: ModelTables.precedes) where mayStart(job, of: key, at: now) {
            job.makeAvailable()
            if !job.isSuspect { takeRank(&job, of: key) }
            jobs[job.id] = job
            rings.insert(.work)
        }
    }

    /// Who is first of two in the line of their key.
    static func precedes(_ one: ModelJob, _ other: ModelJob) -> Bool {
        (one.input.priority, one.dueAt, one.id) < (other.input.priority, other.dueAt, other.id)
    }

    /// Keys with jobs that wait.
    private var waitingKeys: Set<ModelKey> { Set(jobs.values.filter { $0.state == .waiting && $0.waits == .forKey }.compactMap(key(of:))) }

    /// Lets permits act that have come.
    mutating func admitDue(at now: Timestamp) {
        for key in waitingKeys { admitNext(key, at: now) }
    }

    /// When permits come that jobs wait for.
    func nextKeyPermits(at now: Timestamp) -> [Timestamp] {
        waitingKeys.compactMap { key in
            guard let meter = meter(of: key) else { return nil }
            let permits = meter.permits(at: now.microseconds)
            guard concurrency(of: key).map({ max(0, $0 - running(of: key)) > permits }) ?? true else { return nil }
            return meter.nextPermit(after: permits, at: now.microseconds).map(Timestamp.init(microseconds:))
        }
    }

    /// A job of a key starts.
    mutating func useKey(of job: ModelJob, at now: Timestamp) {
        guard let key = key(of: job) else { return }
        if var meter = meter(of: key) {
            meter.take(1, at: now.microseconds)
            keyMeters[key] = meter.fullAt
        }
        if let rank = job.rank, let virtualTime = limits[.queue(key.queue)]?.virtualTime, rank > virtualTime {
            limits[.queue(key.queue)]?.virtualTime = rank
        }
    }
}
