// What running executions say of their progress: one row for each job that ever said anything.

import Errand
import ErrandContext

extension QueueDatabase {
    /// Writes what executions of `worker` have said, as far as it holds them.
    func noteProgress(_ progress: [JobProgress], worker: WorkerID, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        guard !progress.isEmpty else { return }
        memory.hasProgress = nil
        for one in progress {
            try connection[ProgressSQL.note].bind(1, one.at.microseconds).bind(2, real: one.fraction).bind(3, text: one.message)
                .bind(4, one.execution.job.rawValue).bind(5, one.execution.ordinal).bind(6, worker.rawValue).run()
            if connection.changes > 0 { tell(.progressed, job: one.execution.job.rawValue, ordinal: one.execution.ordinal) }
        }
        topics.insert(.log)
    }

    /// Forgets what a job has said that is being deleted; costs a store nothing whose jobs say nothing.
    func dropProgress(of job: Int64) throws(JobStoreError) {
        if memory.hasProgress == nil { memory.hasProgress = try connection[ProgressSQL.any].first { _ in true } ?? false }
        if memory.hasProgress == true { try connection[ProgressSQL.drop].bind(1, job).run() }
    }
}

extension QueueReader {
    /// What `execution` has said of its progress.
    func progress(of execution: ExecutionID) throws(JobStoreError) -> JobProgress? {
        try connection[ProgressSQL.read].bind(1, execution.job.rawValue).bind(2, execution.ordinal).first { row in
            JobProgress(
                execution: execution, fraction: row.optionalReal(1), message: row.optionalText(2),
                at: Timestamp(microseconds: row.integer(0)))
        }
    }
}

/// The statements about progress.
enum ProgressSQL {
    /// Row keys; nothing for an execution that this worker does not hold.
    static let note = SQL(
        """
        INSERT INTO errand_progress(job, ordinal, at, fraction, message)
        SELECT id, ordinal, :at, :fraction, :message FROM errand_running WHERE id = :job AND ordinal = :ordinal AND worker = :worker
            ON CONFLICT(job) DO UPDATE SET ordinal = excluded.ordinal, at = excluded.at, fraction = excluded.fraction,
                message = excluded.message
        """)

    /// Row key of `errand_progress`.
    static let read = SQL("SELECT at, fraction, message FROM errand_progress WHERE job = :job AND ordinal = :ordinal")

    /// Whether any job has said anything.
    static let any = SQL("SELECT 1 FROM errand_progress LIMIT 1")

    /// Row key of `errand_progress`.
    static let drop = SQL("DELETE FROM errand_progress WHERE job = :job")
}
