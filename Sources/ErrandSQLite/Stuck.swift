// Executions that ignore their cancellation: noted by their worker, shown to people.

import Errand
import ErrandContext

extension QueueDatabase {
    /// Notes executions that `worker` still holds and cannot end.
    func noteStuck(_ executions: [ExecutionID], worker: WorkerID, now: Int64) throws(JobStoreError) {
        guard !executions.isEmpty else { return }
        // Rows of executions that ended all the same cost nothing until here: readers compare with what runs.
        try connection[StuckSQL.forgetEnded].run()
        for execution in executions {
            try connection[StuckSQL.note].bind(1, now).bind(2, execution.job.rawValue).bind(3, execution.ordinal).bind(4, worker.rawValue)
                .run()
            if connection.changes > 0 { tell(.stuck, job: execution.job.rawValue, ordinal: execution.ordinal) }
        }
    }
}

/// The statements about stuck executions: a few rows, usually none.
enum StuckSQL {
    /// Row keys; nothing for an execution that this worker does not hold.
    static let note = SQL(
        """
        INSERT INTO errand_stuck(job, ordinal, worker, since)
        SELECT id, ordinal, worker, :since FROM errand_running WHERE id = :job AND ordinal = :ordinal AND worker = :worker
            ON CONFLICT(job) DO UPDATE SET ordinal = excluded.ordinal, worker = excluded.worker, since = excluded.since
            WHERE errand_stuck.ordinal <> excluded.ordinal
        """)

    /// Walks `errand_stuck`, each with the row key of `errand_running`.
    static let forgetEnded = SQL(
        """
        DELETE FROM errand_stuck WHERE NOT EXISTS (
            SELECT 1 FROM errand_running r WHERE r.id = errand_stuck.job AND r.ordinal = errand_stuck.ordinal)
        """)
}
