// What executions say of their progress, in the in-memory store.

import Errand
import ErrandContext

extension ModelTables {
    /// Keeps what executions of `worker` have said, as far as it holds them.
    mutating func note(_ progress: [JobProgress], of worker: WorkerID, at now: Timestamp) {
        for one in progress {
            guard let job = jobs[one.execution.job], job.state == .running,
                job.worker == worker && job.execution == one.execution || faults.contains(.progressUnfenced)
            else { continue }
            jobs[job.id]?.progress = one
            if faults.contains(.progressUnfenced) { jobs[job.id]?.progress?.execution = job.execution }
            tell(.progressed, of: job, in: job.execution, at: now)
            rings.insert(.log)
        }
    }
}
