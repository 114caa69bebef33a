// Steps: what executions have completed, one row for each name of each job.

import Errand
import ErrandContext

extension QueueDatabase {
    /// Records a step, if `worker` stands in the register and holds exactly that execution.
    func record(_ step: JobStep, by worker: WorkerID) throws(JobStoreError) -> StepRecordResult {
        let job = step.execution.job.rawValue
        // Not by the token alone: a condemned worker's rows are still there while its children are being ended.
        guard try connection[RescueSQL.isRegistered].bind(1, worker.rawValue).first({ _ in true }) ?? false,
            try connection[LeaveSQL.held].bind(1, job).bind(2, step.execution.ordinal).bind(3, worker.rawValue).first({ _ in true })
                ?? false
        else { return .leaseLost }
        let others = try connection[StepSQL.room].bind(1, job).bind(2, text: step.name).first {
            (count: Int($0.integer(0)), bytes: Int($0.integer(1)))
        }
        if let problem = StepRules.roomProblem(
            name: step.name, bytes: step.result?.count ?? 0, beside: others?.count ?? 0, total: others?.bytes ?? 0)
        {
            return .refused(reason: problem)
        }
        try use(.steps)
        try connection[StepSQL.record].bind(1, job).bind(2, text: step.name).bind(3, step.isCursor ? 1 : 0)
            .bind(4, step.execution.ordinal).bind(5, step.recordedAt.microseconds).bind(6, blob: step.result).run()
        return .recorded
    }

    /// A job has completed: what its steps gave is needed no more.
    func dropStepResults(of job: Int64) throws(JobStoreError) { try connection[StepSQL.dropResults].bind(1, job).run() }

    /// The next execution of a job begins anew.
    func forgetSteps(of job: Int64) throws(JobStoreError) { try connection[StepSQL.forget].bind(1, job).run() }
}

extension QueueReader {
    /// What the executions of a job have recorded, in the order of time.
    func steps(of job: JobID) throws(JobStoreError) -> [JobStep] {
        var steps: [JobStep] = []
        try connection[StepSQL.steps].bind(1, job.rawValue).forEach { row in
            steps.append(
                JobStep(
                    name: row.text(0), isCursor: row.integer(1) != 0, execution: ExecutionID(job, row.integer(2)),
                    result: row.optionalBytes(4), recordedAt: Timestamp(microseconds: row.integer(3))))
        }
        return steps
    }
}

/// The statements about steps. With its job's input row a job's steps go by themselves (trigger `errand_step_end`).
enum StepSQL {
    /// Whether any job has a step.
    static let any = SQL("SELECT 1 FROM errand_step LIMIT 1")

    /// A range of the primary key of `errand_step`, at most ``StepRules/count`` rows; results are not read.
    static let room = SQL("SELECT count(*), coalesce(sum(length(result)), 0) FROM errand_step WHERE job = :job AND name <> :name")

    /// Primary key of `errand_step`.
    static let record = SQL(
        """
        INSERT INTO errand_step(job, name, is_cursor, ordinal, at, result) VALUES(:job, :name, :is_cursor, :ordinal, :at, :result)
            ON CONFLICT(job, name) DO UPDATE SET is_cursor = excluded.is_cursor, ordinal = excluded.ordinal, at = excluded.at,
                result = excluded.result
        """)

    /// A range of the primary key of `errand_step`.
    static let steps = SQL("SELECT name, is_cursor, ordinal, at, result FROM errand_step WHERE job = :job ORDER BY at, name")

    /// A range of the primary key of `errand_step`.
    static let dropResults = SQL("UPDATE errand_step SET result = NULL WHERE job = :job")

    /// A range of the primary key of `errand_step`.
    static let forget = SQL("DELETE FROM errand_step WHERE job = :job")
}
