// After a step that failed: what it has committed all the same is found and put right.

import Errand
import ErrandContext

extension QueueDatabase {
    /// Why an execution ended that its worker never began.
    private static let unknownClaim = StoredError(
        type: "ClaimUnknown",
        message: "never began: the step that claimed it failed as far as its worker could tell, although the store had recorded it")

    /// Gives back what `worker` has running beside `held`: nobody will ever run it.
    func giveBackUnknown(
        to worker: WorkerID, beside held: [ExecutionID], now: Int64, topics: inout Set<DoorbellTopic>
    ) throws(JobStoreError) {
        let known = Set(held)
        var unknown: [HeldExecution] = []
        try connection[RescueSQL.held].bind(1, worker.rawValue).forEach { row in
            let found = HeldExecution(
                id: row.integer(0), ordinal: row.integer(1), attempt: row.integer(2), crashes: row.integer(3), worker: worker.rawValue,
                startedAt: row.integer(4), feed: row.integer(5), key: row.optionalInteger(6))
            if !known.contains(found.execution) { unknown.append(found) }
        }
        guard !unknown.isEmpty else { return }
        // The error keeps it from counting as a death of unknown cause.
        let error = try JSONText.encode(QueueDatabase.unknownClaim)
        for execution in unknown {
            try leave(
                execution, end: RecordedEnd(outcome: .interrupted, finishedAt: now, error: error), next: .giveBack, topics: &topics)
        }
    }

    /// Whether this very end of an execution is on record: a repeated report is no second one.
    func isRecorded(_ report: ExecutionReport, by worker: WorkerID) throws(JobStoreError) -> Bool {
        let (job, ordinal) = (report.execution.job.rawValue, report.execution.ordinal)
        for sql in [DoubtSQL.last, DoubtSQL.earlier] {
            let statement = try connection[sql].bind(1, job).bind(2, ordinal).bind(3, worker.rawValue).bind(4, report.outcome.code)
            if try statement.first({ _ in true }) != nil { return true }
        }
        return false
    }
}

/// The statements of doubt.
enum DoubtSQL {
    /// A job's last execution, if it ended so. Row key of `errand_finished`.
    static let last = SQL(
        "SELECT 1 FROM errand_finished WHERE id = :job AND ordinal = :ordinal AND worker = :worker AND outcome = :outcome")

    /// An earlier execution, if it ended so. Primary key of `errand_execution`.
    static let earlier = SQL(
        "SELECT 1 FROM errand_execution WHERE job = :job AND ordinal = :ordinal AND worker = :worker AND outcome = :outcome")
}
