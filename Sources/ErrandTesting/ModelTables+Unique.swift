// Unique keys, expiry and deadlines in the in-memory store.

import Errand
import ErrandContext

/// A unique key, and whose it is.
struct ModelUniqueKey {
    var owner: JobID
    /// How long it is kept after the owner has completed.
    var until: Timestamp?
    /// The job that waits behind the owner.
    var next: JobID?
}

extension ModelTables {
    /// What becomes of `input` because of its unique key: the key, whether it waits behind the owner, or the result of not being added.
    enum Arrival {
        case owns([UInt8]?)
        case waits([UInt8])
        case settled(EnqueueResult)
    }

    mutating func arrive(_ input: inout NewJob, at now: Timestamp) -> Arrival {
        guard let uniqueness = input.terms.uniqueness else { return .owns(nil) }
        let mark = uniqueness.mark(kind: input.kind, queue: input.queue)
        guard let owner = uniqueOwner(of: mark, at: now) else {
            input.runAt = uniqueness.firstRunAt(now: now) ?? input.runAt
            return .owns(mark)
        }
        switch uniqueness.move(beside: owner, runAt: input.runAt, now: now) {
        case .refuse: return .settled(.unique(owner.job))
        case .wait: return .waits(mark)
        case .substitute(let id, let runAt, let result):
            input.runAt = runAt
            substitute(id, by: input, at: now)
            return .settled(result)
        }
    }

    mutating func uniqueOwner(of mark: [UInt8], at now: Timestamp) -> UniqueOwner? {
        guard let key = uniqueKeys[mark], !faults.contains(.forgetsUniqueKeys) else { return nil }
        guard let job = jobs[key.owner], !job.state.isFinal else {
            if let until = key.until, until > now {
                return UniqueOwner(job: key.owner, hasStarted: true, hasEnded: true, createdAt: now, runAt: now)
            }
            uniqueKeys[mark] = nil
            return nil
        }
        return UniqueOwner(
            job: job.id, hasStarted: !job.executions.isEmpty, hasEnded: false, createdAt: job.createdAt, runAt: job.dueAt, next: key.next,
            nextRunAt: key.next.flatMap { jobs[$0]?.dueAt })
    }

    private mutating func substitute(_ id: JobID, by input: NewJob, at now: Timestamp) {
        guard let old = jobs[id] else { return }
        var input = input
        var keyed: ModelJob.Keyed?
        if let key = old.input.key {
            if input.key == nil {
                (input.key, input.fingerprints) = (key, old.input.fingerprints)
                keyed = old.original
            } else {
                keys[key] = nil
            }
        }
        input.workflow = old.input.workflow
        if old.input.terms.sequence != input.terms.sequence || old.input.queue != input.queue { leaveSequence(id, at: now) }
        let dueAt = input.runAt ?? now
        var job = ModelJob(id: id, input: input, createdAt: old.createdAt, dueAt: dueAt, startsAt: dueAt, state: .scheduled)
        job.keyed = keyed
        chooseKey(for: &job)
        tell(.enqueued, of: job, at: now)
        if old.state == .blocked {
            job.state = .blocked
        } else if old.state == .waiting, old.waits == .behindOwner {
            job.state = .waiting
        } else if dueAt <= now {
            jobs[id] = nil
            place(&job, at: now)
        }
        jobs[id] = job
        if let key = input.key { keys[key] = id }
        admitNext(key(of: old), at: now)
        rings.insert(.work)
    }

    /// Keeps a job that may have ended; if it has, its unique key goes on.
    mutating func keep(_ job: ModelJob) {
        jobs[job.id] = job
        guard job.state.isFinal, let finishedAt = job.finishedAt else { return }
        for (mark, key) in uniqueKeys where key.next == job.id { uniqueKeys[mark]?.next = nil }
        if !faults.contains(.keepsUniqueKeys) { freeKey(of: job.id, keptFor: job.state == .completed, at: finishedAt) }
        turnEnds(of: job.id, as: job.state, at: finishedAt)
        structureEnds(at: job, as: job.state, at: finishedAt)
        if job.state == .completed { dropStepResults(of: job.id) }
    }

    /// The key of a job goes to whoever waits behind it; else it is free, at once or later.
    mutating func freeKey(of id: JobID, keptFor isKept: Bool, at time: Timestamp) {
        guard let (mark, key) = uniqueKeys.first(where: { $0.value.owner == id }) else { return }
        if let next = key.next {
            uniqueKeys[mark] = ModelUniqueKey(owner: next)
            guard var job = jobs[next] else { return }
            if job.dueAt > time { job.state = .scheduled } else { place(&job, at: time) }
            jobs[next] = job
            rings.insert(.work)
        } else if !isKept || key.until.map({ $0 <= time }) ?? true {
            uniqueKeys[mark] = nil
        }
    }

    /// Gives a job the unique key that it has after `edit`; whoever else has that, if somebody does.
    mutating func takeUniqueKey(_ job: inout ModelJob, _ edit: JobEdit, at now: Timestamp) -> JobID? {
        guard edit.uniqueKey != nil || edit.queue != nil else { return nil }
        let before = job.input.terms.uniqueness
        var after = before
        if let key = edit.uniqueKey {
            after = before ?? Uniqueness(key: key)
            after?.key = key
        }
        guard let after else { return nil }
        let mark = after.mark(kind: job.input.kind, queue: edit.queue ?? job.input.queue)
        let old = uniqueKeys.first { $0.value.owner == job.id }?.key
        if old != mark, old != nil || before == nil {
            if let owner = uniqueOwner(of: mark, at: now) { return owner.job }
            if old != nil { freeKey(of: job.id, keptFor: false, at: now) }
            uniqueKeys[mark] = ModelUniqueKey(owner: job.id)
        }
        job.input.terms.uniqueness = after
        return nil
    }

    /// Lets a job that had ended have its key again; the job that has it by now, if one does.
    mutating func takeKeyAgain(_ job: inout ModelJob, at now: Timestamp) -> JobID? {
        if let uniqueness = job.input.terms.uniqueness, uniqueness.until == .ended || job.executions.isEmpty {
            let mark = uniqueness.mark(kind: job.input.kind, queue: job.input.queue)
            if let owner = uniqueOwner(of: mark, at: now) { return owner.job }
            uniqueKeys[mark] = ModelUniqueKey(owner: job.id)
        }
        (job.input.terms.expiresAt, job.input.terms.deadline) = (nil, nil)
        return nil
    }

    /// Ends jobs whose time has come; those that run are ended by their workers.
    mutating func expire(at now: Timestamp) {
        guard !faults.contains(.neverExpires) else { return }
        for var job in jobsByID where !job.state.isFinal && job.state != .running {
            guard let (time, state, reason) = job.nextEnd, time <= now else { continue }
            job.finish(as: state, reason: reason, at: now)
            tell(state == .dead ? .died : .cancelled, of: job, at: now)
            keep(job)
            admitNext(key(of: job), at: now)
            rings.insert(.outcome)
        }
    }
}

extension ModelJob {
    /// When the job ends by itself, and how, unless it runs.
    var nextEnd: (time: Timestamp, state: JobState, reason: String)? {
        let expiry = executions.isEmpty ? input.terms.expiresAt.map { ($0, JobState.cancelled, "expired") } : nil
        let deadline = input.terms.deadline.map { ($0, JobState.dead, "deadline") }
        return [expiry, deadline].compactMap(\.self).min { $0.0 < $1.0 }
    }
}
