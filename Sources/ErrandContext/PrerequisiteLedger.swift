// Where an execution looks up what its job has waited for; the worker or an isolated process's channel stands behind it.

/// What the job has waited for, and what that gave.
package protocol PrerequisiteLedger: Sendable {
    /// Everything that the job has waited for, in the order of IDs.
    func prerequisites() async throws -> [KnownPrerequisite]

    /// The result of a job: JSON; `nil` when it gave none.
    func result(of job: JobID) async throws -> [UInt8]?
}

/// One thing that a job has waited for.
package struct KnownPrerequisite: Sendable, Hashable, Codable {
    /// A job; `nil` for a workflow.
    package var job: JobID?
    /// A workflow; `nil` for a job.
    package var workflow: WorkflowID?
    /// What it is called.
    package var name: String?
    /// The word for where it stands; `nil` when it is not on record any more.
    package var state: String?

    package init(job: JobID?, workflow: WorkflowID?, name: String?, state: String?) {
        self.job = job
        self.workflow = workflow
        self.name = name
        self.state = state
    }
}
