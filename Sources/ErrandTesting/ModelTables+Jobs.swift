// Enqueue, report, promote, claim: a job's way through the in-memory store.

import Errand
import ErrandContext

extension ModelTables {
    mutating func enqueue(_ inputs: [NewJob], at now: Timestamp, using generator: inout some RandomNumberGenerator) -> [EnqueueResult] {
        var results: [EnqueueResult] = []
        for input in inputs { results.append(enqueue(input, after: results, at: now, using: &generator)) }
        settle(at: now)
        return results
    }

    /// Adds one job of a call, behind those with `results`.
    private mutating func enqueue(
        _ input: NewJob, after results: [EnqueueResult], at now: Timestamp, using generator: inout some RandomNumberGenerator
    ) -> EnqueueResult {
        var input = input
        if let key = input.key, let owner = keys[key] {
            guard let job = jobs[owner] else { return .existing(owner) }
            let isSame =
                if let known = job.input.fingerprints.first {
                    input.fingerprints.contains(known)
                } else {
                    job.original == ModelJob.Keyed(kind: input.kind, payload: input.payload)
                }
            return isSame ? .existing(owner) : .conflict(owner)
        }
        let arrival = arrive(&input, at: now)
        if case .settled(let result) = arrival { return result }
        let id = nextID(at: now, using: &generator)
        let dueAt = input.runAt ?? now
        var job = ModelJob(id: id, input: input, createdAt: now, dueAt: dueAt, startsAt: dueAt, state: .scheduled)
        chooseKey(for: &job)
        tell(.enqueued, of: job, at: now)
        join(job)
        var failure: String?
        if !input.after.isEmpty { failure = takeUp(input.after, of: id, results: results) }
        if case .waits(let mark) = arrival {
            job.state = .waiting
            uniqueKeys[mark]?.next = id
        } else if isBlocked(id) {
            job.state = .blocked
        } else if dueAt <= now {
            place(&job, at: now)
        }
        jobs[id] = job
        if case .owns(let mark?) = arrival {
            uniqueKeys[mark] = ModelUniqueKey(owner: id, until: input.terms.uniqueness?.period.map { now + $0 })
        }
        if let key = input.key { keys[key] = id }
        usedScopes.formUnion([.queue(input.queue), .kind(input.kind)])
        if let failure { cascade(to: id, reason: failure, at: now) }
        rings.insert(.work)
        return .added(id)
    }

    /// Milliseconds since 2025-01-01 shifted left by 22 bits, with chance in those bits, and always more than the last one.
    mutating func nextID(at now: Timestamp, using generator: inout some RandomNumberGenerator) -> JobID {
        let milliseconds = max(0, now.microseconds / 1000 - 1_735_689_600_000)
        lastID = max(milliseconds << 22 | Int64.random(in: 0..<(1 << 22), using: &generator), lastID + 1)
        return JobID(rawValue: lastID)
    }

    /// Everything of a step but the claim.
    mutating func begin(_ request: ExchangeRequest, at moment: Moment) -> ExchangeReply {
        var reply = ExchangeReply(isRegistered: workers[request.worker] != nil)
        reply.orders = tellOrders(to: request.worker)
        workers[request.worker]?.renew(at: moment.uptime)
        if reply.isRegistered { note(request.progress, of: request.worker, at: moment.wall) }
        reply.results = request.reports.map { report in
            let mayReport = reply.isRegistered || faults.contains(.condemnedReport)
            let result = mayReport ? record(report, by: request.worker, at: moment.wall) : .leaseLost
            return result == .leaseLost && request.held != nil && isRecorded(report, by: request.worker) ? .accepted : result
        }
        if reply.isRegistered, let held = request.held { giveBackUnknown(to: request.worker, beside: held, at: moment.wall) }
        for execution in request.stuck where reply.isRegistered {
            guard let job = jobs[execution.job], job.state == .running, job.worker == request.worker, job.execution == execution else {
                continue
            }
            guard job.stuckSince == nil else { continue }
            jobs[execution.job]?.stuckSince = moment.wall
            tell(.stuck, of: job, in: execution, at: moment.wall)
        }
        promote(at: moment.wall)
        admitDue(at: moment.wall)
        expire(at: moment.wall)
        settle(at: moment.wall)
        return reply
    }

    /// The rest of a step, after the claim.
    mutating func finish(_ reply: inout ExchangeReply, after request: ExchangeRequest, at now: Timestamp) {
        let worker = request.worker
        if let claim = request.claim, claim.asksAboutOthers, reply.isRegistered, reply.claimed.isEmpty {
            reply.othersHold =
                jobs.values.contains { job in
                    job.state == .running && job.worker != worker && claim.kinds.contains(job.input.kind)
                        && claim.queues.contains { $0.queue == job.input.queue }
                } || holdsBack(claim, at: now)
        }
        let delayed = jobs.values.filter { $0.state == .scheduled || $0.state == .retryable }
        let ending = jobs.values.filter { !$0.state.isFinal && $0.state != .running }.compactMap { $0.nextEnd?.time }
        reply.nextWake = (delayed.map(\.startsAt) + ending + nextPermits(for: request.claim, at: now) + nextKeyPermits(at: now)).min()
        if reply.isRegistered { reply.nextSlot = nextSlot(for: worker, leads: request.leads) }
        reply.cancellations = jobsByID.compactMap { job in
            guard job.state == .running, job.worker == worker, let wish = job.cancellation else { return nil }
            return .init(execution: job.execution, reason: wish.reason)
        }
    }

    private mutating func record(_ report: ExecutionReport, by worker: WorkerID, at now: Timestamp) -> ReportResult {
        guard var job = jobs[report.execution.job], job.state == .running, job.worker == worker,
            job.ordinal == report.execution.ordinal || faults.contains(.noOrdinalCheck)
        else { return .leaseLost }
        if makesRoom(job) { rings.insert(.work) }
        let next = report.next.honouring(wish: job.cancellation.map(\.reason))
            .honouring(deadline: job.input.terms.deadline, at: report.finishedAt)
        tell(JobEvent.Change.changes(at: report.outcome, next: next), of: job, in: job.execution, at: now)
        countEnd(report.outcome, of: job, at: report.finishedAt)
        job.close(report.outcome, error: report.error, at: report.finishedAt)
        switch next {
        case .complete:
            job.finish(as: .completed, reason: nil, at: report.finishedAt)
            job.result = report.result
        case .cancel(let reason):
            job.finish(as: .cancelled, reason: reason, at: report.finishedAt)
        case .bury(let reason):
            job.finish(as: .dead, reason: reason, at: report.finishedAt)
        case .wait(let until):
            job.state = report.outcome.isRetried ? .retryable : .scheduled
            job.startsAt = until
            if faults.contains(.ordinalDroppedOnRetry) { job.ordinal = 0 }
            rings.insert(.work)
        case .giveBack:
            jobs[job.id]?.state = .scheduled
            place(&job, at: now)
            rings.insert(.work)
        }
        keep(job)
        admitNext(key(of: job), at: now)
        rings.insert(.outcome)
        return .accepted
    }

    private mutating func promote(at now: Timestamp) {
        let due = jobs.values.filter { ($0.state == .scheduled || $0.state == .retryable) && $0.startsAt <= now }
        for var job in due.sorted(by: { ($0.startsAt, $0.id) < ($1.startsAt, $1.id) }) {
            place(&job, at: now)
            jobs[job.id] = job
        }
    }

    /// Begins an execution of each of `ids` for `worker`.
    mutating func take(_ ids: [JobID], for worker: WorkerID, at now: Timestamp) -> [ClaimedJob] {
        ids.compactMap { id in
            guard var job = jobs[id] else { return nil }
            let previous = job.executions.last?.execution
            job.state = .running
            job.worker = worker
            job.ordinal += 1
            let attempt = job.attempts + 1
            job.executions.append(
                ExecutionRecord(
                    execution: job.execution, attempt: attempt, worker: worker, startedAt: now, finishedAt: nil, outcome: nil, error: nil))
            jobs[id] = job
            tell(.started, of: job, in: job.execution, at: now)
            if previous == nil { count(.wait, of: job, now - job.dueAt) }
            let input = job.input
            if input.terms.uniqueness?.until == .started { freeKey(of: id, keptFor: false, at: now) }
            usePermits(for: input, at: now)
            useKey(of: job, at: now)
            var claimed = ClaimedJob(
                execution: job.execution, attempt: attempt, maxAttempts: input.maxAttempts, crashes: job.crashes,
                isSuspect: job.isSuspect, queue: input.queue, kind: input.kind, payload: input.payload, timeout: input.timeout,
                key: input.key, meta: input.meta, terms: input.terms, trace: input.trace,
                traceRelation: input.traceRelation, parent: input.parent, root: input.root, previous: previous, dueAt: job.dueAt,
                startedAt: now)
            claimed.workflow = input.workflow
            claimed.hasPrerequisites = !(edges[id] ?? []).isEmpty
            return claimed
        }
    }
}
