// Promote, edit, delete: an operator's changes of jobs that do not run, in the in-memory store.

import Errand
import ErrandContext

extension ModelTables {
    mutating func promote(_ id: JobID, despiteDependencies: Bool, at now: Timestamp) -> ChangeResult {
        guard var job = jobs[id] else { return .notFound }
        if job.state == .blocked, despiteDependencies {
            waitForNothing(id)
        } else if job.state != .scheduled, job.state != .retryable {
            return .refused(job.state)
        }
        job.dueAt = min(job.dueAt, now)
        place(&job, at: now)
        jobs[id] = job
        rings.insert(.work)
        return .changed
    }

    mutating func edit(_ id: JobID, _ edit: JobEdit, at now: Timestamp) -> ChangeResult {
        guard var job = jobs[id] else { return .notFound }
        let before = job
        switch job.state {
        case .running where faults.contains(.editsWhatRuns): job.apply(edit)
        case .running, .completed, .cancelled, .dead: return .refused(job.state)
        case .available, .scheduled, .retryable, .waiting, .blocked:
            if let owner = takeUniqueKey(&job, edit, at: now) { return .uniqueConflict(owner) }
            let isTimed = job.state == .scheduled || job.state == .retryable
            if !isTimed { jobs[id]?.state = .scheduled }
            if edit.queue != nil { leaveSequence(id, at: now) }
            job.apply(edit)
            if edit.forgetsSteps { steps[id] = nil }
            if edit.queue != nil { chooseKey(for: &job) }
            // One that waits behind another goes on waiting, for its new time perhaps, once it is placed.
            if job.state == .waiting && job.waits == .behindOwner || isTimed && edit.runAt == nil || job.state == .blocked { break }
            if let runAt = edit.runAt, runAt > now {
                job.startsAt = runAt
                if job.state != .retryable { job.state = .scheduled }
            } else {
                place(&job, at: now)
            }
        }
        jobs[id] = job
        admitNext(key(of: before), at: now)
        rings.insert(.work)
        return .changed
    }

    mutating func delete(_ id: JobID, evenLive: Bool, at now: Timestamp) -> ChangeResult {
        guard let job = jobs[id] else { return .notFound }
        guard job.state.isFinal || evenLive && job.state != .running else { return .refused(job.state) }
        if !job.state.isFinal { jobs[id]?.state = .scheduled }
        for (mark, key) in uniqueKeys where key.next == id { uniqueKeys[mark]?.next = nil }
        freeKey(of: id, keptFor: false, at: now)
        turnEnds(of: id, as: .cancelled, at: now)
        if !job.state.isFinal { structureEnds(at: job, as: .cancelled, at: now) }
        erase(job)
        if !job.state.isFinal { admitNext(key(of: job), at: now) }
        rings.insert(.outcome)
        return .changed
    }

    /// Forgets a job and frees what it held.
    mutating func erase(_ job: ModelJob) {
        jobs[job.id] = nil
        steps[job.id] = nil
        edges[job.id] = nil
        if let key = job.input.key, !faults.contains(.keysOutliveJobs) { keys[key] = nil }
    }
}

extension ModelJob {
    /// Replaces what `edit` names in the input.
    mutating func apply(_ edit: JobEdit) {
        if let payload = edit.payload {
            keyed = original
            input.payload = payload
        }
        if let priority = edit.priority { input.priority = priority }
        if let queue = edit.queue { input.queue = queue }
        if let runAt = edit.runAt { dueAt = runAt }
    }
}
