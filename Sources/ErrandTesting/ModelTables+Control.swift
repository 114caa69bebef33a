// Cancel, retry, prune: what an operator does to the in-memory store.

import Errand
import ErrandContext

extension ModelTables {
    mutating func cancel(_ id: JobID, reason: String?, at now: Timestamp) -> CancelResult {
        guard var job = jobs[id] else { return .notFound }
        switch job.state {
        case .completed, .cancelled, .dead:
            return .finished(job.state)
        case .running:
            if job.cancellation == nil { job.cancellation = .init(requestedAt: now, reason: reason) }
            jobs[id] = job
            rings.insert(.control)
            return .requested(job.execution)
        case .available, .scheduled, .retryable, .waiting, .blocked:
            job.finish(as: .cancelled, reason: reason, at: now)
            keep(job)
            admitNext(key(of: job), at: now)
            tell(.cancelled, of: job, at: now)
            rings.insert(.outcome)
            return .cancelled
        }
    }

    mutating func retry(_ id: JobID, resettingAttempts: Bool, edit: JobEdit? = nil, at now: Timestamp) -> RetryResult {
        guard var job = jobs[id] else { return .notFound }
        switch job.state {
        case .dead, .cancelled, .retryable:
            if job.state.isFinal {
                if let owner = takeKeyAgain(&job, at: now) { return .uniqueConflict(owner) }
                chooseKey(for: &job)
                rejoin(job)
                takeUpAgain(id)
            }
            if var edit {
                edit.runAt = nil
                if edit.queue != nil { leaveSequence(id, at: now) }
                job.apply(edit)
                if edit.forgetsSteps { steps[id] = nil }
            }
            if resettingAttempts {
                job.attempts = 0
                job.crashes = 0
            }
            job.input.maxAttempts = max(job.input.maxAttempts, job.attempts + 1)
            if faults.contains(.ordinalDroppedOnRetry) { job.ordinal = 0 }
            if isBlocked(id) {
                job.makeAvailable()
                job.state = .blocked
            } else {
                place(&job, at: now)
            }
            jobs[id] = job
            tell(.retrying, of: job, at: now)
            rings.insert(.work)
            return .retried
        case .available, .scheduled, .running, .waiting, .blocked, .completed:
            return .refused(job.state)
        }
    }

    mutating func prune(_ policy: RetentionPolicy, limit: Int, at now: Timestamp) -> PruneReport {
        if policy.looksInside(storeBytes: 0) { return walk(policy, limit: limit, at: now) }
        let finished = jobs.values.filter { $0.state.isFinal && !halts($0.id) && !isNeeded($0.id) }.sorted {
            ($0.finishedAt ?? now, $0.id) < ($1.finishedAt ?? now, $1.id)
        }
        let surplus = max(0, finished.count - (policy.finishedJobs ?? finished.count))
        let doomed = finished.enumerated().filter { place, job in
            place < surplus || policy.age(of: job.state).map { (job.finishedAt ?? now) + $0 <= now } ?? false
        }.map(\.element)
        for job in doomed.prefix(limit) { erase(job) }
        dropOldWorkflows()
        for (mark, key) in uniqueKeys where jobs[key.owner] == nil && key.until.map({ $0 <= now }) ?? true { uniqueKeys[mark] = nil }
        return PruneReport(jobs: doomed.prefix(limit).map(\.id), hasMore: doomed.count > limit)
    }
}
