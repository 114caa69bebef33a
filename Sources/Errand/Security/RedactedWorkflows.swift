// Workflows without secrets: what people have called them.

/// Workflows whose names and keys are redacted.
struct RedactedWorkflows: WorkflowStore {
    let base: any WorkflowStore
    let redaction: Redaction

    private func redacted(_ workflow: WorkflowStatus) -> WorkflowStatus {
        var workflow = workflow
        workflow.name = workflow.name.map { redaction.redacted($0) }
        workflow.key = workflow.key.map { redaction.redacted($0) }
        return workflow
    }

    func start(_ workflow: NewWorkflow) async throws(JobStoreError) -> WorkflowStart { try await base.start(workflow) }

    func close(_ workflow: WorkflowID) async throws(JobStoreError) -> WorkflowStatus? { try await base.close(workflow).map(redacted) }

    func workflow(_ id: WorkflowID) async throws(JobStoreError) -> WorkflowStatus? { try await base.workflow(id).map(redacted) }

    func workflows(before cursor: WorkflowID?, limit: Int) async throws(JobStoreError) -> [WorkflowStatus] {
        try await base.workflows(before: cursor, limit: limit).map(redacted)
    }

    func workflows(meantBy text: String) async throws(JobStoreError) -> [WorkflowID] { try await base.workflows(meantBy: text) }

    func jobs(of workflow: WorkflowID, after cursor: JobID?, limit: Int) async throws(JobStoreError) -> [JobID] {
        try await base.jobs(of: workflow, after: cursor, limit: limit)
    }

    func dependencies(of jobs: [JobID]) async throws(JobStoreError) -> [JobID: [DependencyRecord]] {
        try await base.dependencies(of: jobs).mapValues { records in
            records.map { record in
                var record = record
                record.name = record.name.map { redaction.redacted($0) }
                return record
            }
        }
    }

    func dependents(of prerequisites: [Prerequisite], limit: Int) async throws(JobStoreError) -> [JobID] {
        try await base.dependents(of: prerequisites, limit: limit)
    }
}
