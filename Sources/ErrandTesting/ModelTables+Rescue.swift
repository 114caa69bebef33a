// Who is dead, and what becomes of what they held, in the in-memory store.

import Errand
import ErrandContext

extension ModelTables {
    /// The executions that `worker` holds, in the order of their IDs.
    func held(by worker: WorkerID) -> [ExecutionID] {
        jobs.values.filter { $0.state == .running && $0.worker == worker }.map(\.execution).sorted()
    }

    func casualties(seenBy watcher: WorkerID, at uptime: Duration) -> [Casualty] {
        let maySeeOverdue = workers[watcher]?.isInGoodStanding(at: uptime) ?? false
        let registered = workers.compactMap { id, worker -> Casualty? in
            guard id != watcher else { return nil }
            let isOverdue = uptime > worker.leaseEnd && maySeeOverdue
            guard !worker.isPresent || isOverdue else { return nil }
            return Casualty(worker: id, cause: worker.isPresent ? .overdue : .dead, beat: worker.beat, executions: held(by: id))
        }
        let holders = Set(jobs.values.compactMap { $0.state == .running ? $0.worker : nil })
        let departed = holders.filter { workers[$0] == nil && $0 != watcher }.map { id in
            Casualty(worker: id, cause: .dead, beat: 0, executions: held(by: id))
        }
        return (registered + departed).sorted { $0.worker.rawValue < $1.worker.rawValue }
    }

    mutating func condemn(_ casualty: Casualty) -> Casualty? {
        guard (workers[casualty.worker]?.beat ?? 0) == casualty.beat else { return nil }
        workers[casualty.worker] = nil
        var condemned = casualty
        condemned.beat = 0
        return condemned
    }

    mutating func rescue(_ casualty: Casualty, poisonThreshold: Int?, at now: Timestamp) -> [ExecutionID] {
        guard condemn(casualty) != nil else { return [] }
        let cut = held(by: casualty.worker)
        for execution in cut {
            guard var job = jobs[execution.job] else { continue }
            let wish = job.cancellation
            job.close(casualty.cause == .dead ? .interrupted : .lost, error: nil, at: now)
            if let poisonThreshold, job.interruptionsInARow >= poisonThreshold {
                job.finish(as: .dead, reason: "poison", at: now)
            } else if let wish {
                job.finish(as: .cancelled, reason: wish.reason, at: now)
            } else {
                job.makeAvailable()
            }
            jobs[job.id] = job
            rings.formUnion([.work, .outcome])
        }
        return cut
    }
}
