// Workflows: one row of counts each, kept by the ends of their jobs.

import Errand
import ErrandContext

/// A workflow with everything worked out that needs no database, on the caller's thread.
struct PreparedWorkflow: Sendable {
    var workflow: NewWorkflow
    var jobs: [PreparedJob] = []
    var followers: [PreparedJob] = []
    /// What recognises a repetition of a start with a key.
    var digest: [UInt8]?

    init(_ workflow: NewWorkflow) throws(JobStoreError) {
        self.workflow = workflow
        for job in workflow.jobs { jobs.append(try PreparedJob(job)) }
        for follower in workflow.followers { followers.append(try PreparedJob(follower.job)) }
        if workflow.key != nil { digest = SHA256.digest(workflow.shape) }
    }
}

extension QueueDatabase {
    /// Starts a workflow with its jobs, or finds the one that its key has; as a result, since others may share the transaction.
    func start(_ prepared: PreparedWorkflow) throws(JobStoreError) -> (Result<WorkflowStart, JobStoreError>, Set<DoorbellTopic>) {
        if let key = prepared.workflow.key,
            let found = try connection[WorkflowSQL.keyed].bind(1, text: key).first({ ($0.integer(0), $0.optionalBytes(1)) })
        {
            let id = WorkflowID(rawValue: found.0)
            // One that was imported does not know what it began with.
            guard found.1 == nil || found.1 == prepared.digest else {
                return (.failure(.refused(reason: NewWorkflow.conflict(key, id))), [])
            }
            return (.success(WorkflowStart(id: id, isExisting: true, jobs: [], followers: [])), [])
        }
        if let shortage = shortageOfRoom() { return (.failure(.full(reason: shortage)), []) }
        // Not yet as jobs of the workflow, which does not exist.
        for jobs in [prepared.jobs, prepared.followers] {
            if let problem = try dependencyProblem(jobs) { return (.failure(.refused(reason: problem)), []) }
        }
        try use(.structure)
        let now = clock.now
        let id = try takeID(now: now)
        try connection[WorkflowSQL.add].bind(1, id).bind(2, text: prepared.workflow.name).bind(3, text: prepared.workflow.key)
            .bind(4, now).bind(5, blob: prepared.digest).run()
        let workflow = WorkflowID(rawValue: id)
        var (members, topics) = try enqueue(
            prepared.jobs.map { job in
                var job = job
                job.job.workflow = workflow
                return job
            })
        let (followers, more) = try enqueue(
            zip(prepared.followers, prepared.workflow.followers).map { job, follower in
                var job = job
                job.job.follow(workflow, ifFailed: follower.ifFailed)
                return job
            })
        topics.formUnion(more)
        if !prepared.workflow.isOpen { try close(id, topics: &topics) }
        try settle(topics: &topics)
        return (.success(WorkflowStart(id: workflow, isExisting: false, jobs: members, followers: followers)), topics)
    }

    /// Closes a workflow: it ends with its last live job, or now.
    func close(_ id: Int64, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        try connection[WorkflowSQL.close].bind(1, id).run()
        try endWorkflowIfDone(id, topics: &topics)
        try settle(topics: &topics)
    }

    /// Where the workflow with the number `id` stands; `missing` when that is none's.
    func workflowState(_ id: Int64) throws(JobStoreError) -> PrerequisiteState {
        let row = try connection[WorkflowSQL.end].bind(1, id).first { (hasEnded: !$0.isNull(0), failed: $0.integer(1)) }
        guard let row else { return .missing }
        return row.hasEnded ? .ended(row.failed == 0 ? .completed : .dead) : .live
    }

    /// A job was added to a workflow.
    func memberJoins(_ workflow: Int64) throws(JobStoreError) {
        try use(.structure)
        try connection[WorkflowSQL.join].bind(1, workflow).run()
    }

    /// A job of a workflow has ended.
    func memberEnds(of workflow: Int64, _ state: FinalState, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        try connection[WorkflowSQL.leave].bind(1, workflow).bind(2, state == .dead ? 1 : 0).bind(3, state == .cancelled ? 1 : 0).run()
        try endWorkflowIfDone(workflow, topics: &topics)
    }

    /// A job of a workflow that had ended is live again, and with it the workflow.
    func memberReturns(_ id: Int64, from state: FinalState) throws(JobStoreError) {
        guard try termsInUse().contains(.structure) else { return }
        let workflow = try connection[DependencySQL.place].bind(1, id).first { $0.optionalInteger(1) } ?? nil
        guard let workflow else { return }
        try connection[WorkflowSQL.rejoin].bind(1, workflow).bind(2, state == .dead ? 1 : 0).bind(3, state == .cancelled ? 1 : 0).run()
        try connection[DependencySQL.dropSettling].bind(1, workflow).run()
    }

    private func endWorkflowIfDone(_ id: Int64, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        try connection[WorkflowSQL.finish].bind(1, id).bind(2, clock.now).run()
        guard connection.changes == 1, case .ended(let state) = try workflowState(id) else { return }
        try noteEnd(of: id, state, topics: &topics)
        topics.insert(.outcome)
    }

    /// A job of a workflow is deleted.
    func memberGoes(from workflow: Int64) throws(JobStoreError) { try connection[WorkflowSQL.keepLess].bind(1, workflow).run() }

    /// Forgets, a slice at a time, workflows that have ended, none of whose jobs is left, and which nobody waits for.
    func dropOldWorkflows() throws(JobStoreError) {
        guard try termsInUse().contains(.structure) else { return }
        try connection[WorkflowSQL.dropEmpty].bind(1, QueueDatabase.promotionsPerStep).run()
    }
}

/// The statements of workflows.
enum WorkflowSQL {
    /// Unique index of `errand_workflow`.
    static let keyed = SQL("SELECT id, digest FROM errand_workflow WHERE key = :key")

    static let add = SQL(
        "INSERT INTO errand_workflow(id, name, key, is_open, started_at, digest) VALUES(:id, :name, :key, 1, :started_at, :digest)")

    /// Row key of `errand_workflow`.
    static let close = SQL("UPDATE errand_workflow SET is_open = 0 WHERE id = :id")

    /// Row key of `errand_workflow`.
    static let end = SQL("SELECT ended_at, dead + cancelled FROM errand_workflow WHERE id = :id")

    /// Row key of `errand_workflow`.
    static let join = SQL("UPDATE errand_workflow SET total = total + 1, live = live + 1, kept = kept + 1 WHERE id = :id")

    /// Row key of `errand_workflow`.
    static let leave = SQL(
        "UPDATE errand_workflow SET live = live - 1, dead = dead + ?2, cancelled = cancelled + ?3 WHERE id = ?1")

    /// Row key of `errand_workflow`.
    static let rejoin = SQL(
        "UPDATE errand_workflow SET live = live + 1, dead = dead - ?2, cancelled = cancelled - ?3, ended_at = NULL WHERE id = ?1")

    /// Ends a workflow that is closed and has no live job. Row key of `errand_workflow`.
    static let finish = SQL(
        "UPDATE errand_workflow SET ended_at = ?2 WHERE id = ?1 AND is_open = 0 AND live = 0 AND ended_at IS NULL")

    /// Row key of `errand_workflow`.
    static let keepLess = SQL("UPDATE errand_workflow SET kept = kept - 1 WHERE id = :id")

    /// Index `errand_workflow_empty`, a range of the primary key of `errand_dependency` for each.
    static let dropEmpty = SQL(
        """
        DELETE FROM errand_workflow WHERE id IN (SELECT w.id FROM errand_workflow w WHERE w.kept = 0 AND w.ended_at IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM errand_dependency d WHERE d.prerequisite = w.id AND d.state < 4) ORDER BY w.id LIMIT :limit)
        """)

    private static let columns = "SELECT id, name, key, is_open, total, live, dead, cancelled, started_at, ended_at FROM errand_workflow"

    /// Row key of `errand_workflow`.
    static let one = SQL("\(columns) WHERE id = :id")

    /// The row key of `errand_workflow` backwards.
    static let list = SQL("\(columns) WHERE id < :before ORDER BY id DESC LIMIT :limit")

    /// A range of row keys of `errand_workflow`.
    static let range = SQL("SELECT id FROM errand_workflow WHERE id BETWEEN :first AND :last ORDER BY id LIMIT :limit")

    /// A range of index `errand_job_batch`.
    static let jobs = SQL("SELECT id FROM errand_job WHERE batch = :workflow AND id > :after ORDER BY id LIMIT :limit")

    /// The same range backwards.
    static let jobsBackwards = SQL("SELECT id FROM errand_job WHERE batch = :workflow AND id < :before ORDER BY id DESC LIMIT :limit")
}
