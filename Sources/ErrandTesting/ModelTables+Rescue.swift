// Who is dead, and what becomes of what they held, in the in-memory store.

import Errand
import ErrandContext

extension ModelTables {
    /// The executions that `worker` holds, in the order of their IDs.
    func held(by worker: WorkerID) -> [ExecutionID] {
        jobs.values.filter { $0.state == .running && $0.worker == worker }.map(\.execution).sorted()
    }

    func casualties(seenBy watcher: WorkerID, at uptime: Duration) -> [Casualty] {
        let maySeeOverdue = faults.contains(.judgesWhileLate) || workers[watcher]?.isInGoodStanding(at: uptime) ?? false
        let registered = workers.compactMap { id, worker -> Casualty? in
            guard id != watcher else { return nil }
            let isOverdue = uptime > worker.leaseEnd && maySeeOverdue
            guard !worker.isPresent || isOverdue else { return nil }
            return Casualty(worker: id, cause: worker.isPresent ? .overdue : .dead, beat: worker.beat, executions: held(by: id))
        }
        let holders = Set(jobs.values.compactMap { $0.state == .running ? $0.worker : nil })
        let departed = holders.filter { workers[$0] == nil && $0 != watcher }.map { id -> Casualty in
            let mayLive = condemnedAlive.contains(id) && !faults.contains(.takesCondemnedForDead)
            return Casualty(worker: id, cause: mayLive ? .overdue : .dead, beat: 0, executions: held(by: id))
        }
        return (registered + departed).sorted { $0.worker.rawValue < $1.worker.rawValue }
    }

    mutating func condemn(_ casualty: Casualty) -> Casualty? {
        guard (workers[casualty.worker]?.beat ?? 0) == casualty.beat || faults.contains(.condemnsUnfenced) else { return nil }
        if workers[casualty.worker]?.isPresent == true { condemnedAlive.insert(casualty.worker) }
        workers[casualty.worker] = nil
        leaves(casualty.worker)
        var condemned = casualty
        condemned.beat = 0
        return condemned
    }

    mutating func rescue(_ request: RescueRequest, at now: Timestamp) -> [ExecutionID] {
        let casualty = request.casualty
        guard condemn(casualty) != nil else { return [] }
        let cut = held(by: casualty.worker)
        for execution in cut {
            guard var job = jobs[execution.job] else { continue }
            let wish = job.cancellation
            var outcome = Outcome.interrupted
            let next: NextStep
            if let conviction = request.convictions.first(where: { isMeant(execution, by: $0) }) {
                next = conviction.next(afterCrashes: job.crashes, limit: request.convictionLimit)
                outcome = .crashed
                job.close(.crashed, error: conviction.error, at: now)
            } else {
                if casualty.cause == .dead {
                    job.close(.interrupted, error: request.neighbourError ?? .workerDied, at: now)
                } else {
                    job.close(.lost, error: nil, at: now)
                }
                if request.neighbourError != nil, faults.contains(.neighboursPay) { job.attempts += 1 }
                if isSuspicious(job, request) { job.isSuspect = true }
                next = .giveBack
            }
            let step = next.honouring(wish: wish.map(\.reason)).honouring(deadline: job.input.terms.deadline, at: now)
            tell([.rescued] + JobEvent.Change.changes(at: outcome, next: step), of: job, in: execution, at: now)
            countEnd(outcome, of: job, at: now)
            switch step {
            case .bury(let reason): job.finish(as: .dead, reason: reason, at: now)
            case .cancel(let reason): job.finish(as: .cancelled, reason: reason, at: now)
            case .wait(let until):
                job.state = .retryable
                job.startsAt = until
            case .complete, .giveBack:
                jobs[job.id]?.state = .scheduled
                place(&job, at: now)
            }
            keep(job)
            admitNext(key(of: job), at: now)
            rings.formUnion([.work, .outcome])
        }
        return cut
    }

    private func isMeant(_ execution: ExecutionID, by conviction: Conviction) -> Bool {
        conviction.execution == execution || (faults.contains(.convictsByJob) && conviction.execution.job == execution.job)
    }

    private func isSuspicious(_ job: ModelJob, _ request: RescueRequest) -> Bool {
        guard let threshold = request.suspectThreshold, request.casualty.cause == .dead else { return false }
        if faults.contains(.suspectsNeighbours) {
            return job.executions.reversed().prefix { $0.outcome == .interrupted }.count >= threshold
        }
        return request.neighbourError == nil && job.deathsInARow >= threshold
    }
}
