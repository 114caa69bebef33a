// After a step that failed: what it has done all the same, in the in-memory store.

import Errand
import ErrandContext

extension ModelTables {
    /// Gives back what `worker` has running beside `held`.
    mutating func giveBackUnknown(to worker: WorkerID, beside held: [ExecutionID], at now: Timestamp) {
        let known = Set(held)
        for execution in self.held(by: worker) where !known.contains(execution) {
            guard var job = jobs[execution.job] else { continue }
            let next = NextStep.giveBack.honouring(wish: job.cancellation.map(\.reason))
                .honouring(deadline: job.input.terms.deadline, at: now)
            tell(JobEvent.Change.changes(at: .interrupted, next: next), of: job, in: execution, at: now)
            countEnd(.interrupted, of: job, at: now)
            job.close(.interrupted, error: StoredError(type: "ClaimUnknown", message: "never began"), at: now)
            switch next {
            case .cancel(let reason): job.finish(as: .cancelled, reason: reason, at: now)
            case .bury(let reason): job.finish(as: .dead, reason: reason, at: now)
            case .complete, .wait, .giveBack:
                jobs[job.id]?.state = .scheduled
                place(&job, at: now)
            }
            keep(job)
            admitNext(key(of: job), at: now)
            rings.formUnion([.work, .outcome])
        }
    }

    /// Whether this very end of an execution is on record.
    func isRecorded(_ report: ExecutionReport, by worker: WorkerID) -> Bool {
        jobs[report.execution.job]?.executions.contains {
            $0.execution == report.execution && $0.worker == worker && $0.outcome == report.outcome
        } ?? false
    }
}
