// From what a person types to the workflow, or the job, that they mean.

import Errand

/// Finds workflows by ID or its beginning, and what can be waited for.
struct WorkflowResolver {
    let store: Store

    /// The workflow that `text` means.
    /// - Throws: ``Failure``: 3 when there is none, 2 when there are several; `JobStoreError`.
    func workflow(_ text: String) async throws -> WorkflowID {
        guard let found = try await workflowIfAny(text) else {
            let hint = JobID(text) == nil ? "" : "that is a job's ID, a workflow's begins with w, and "
            throw Failure(
                .notFound,
                "there is no workflow \"\(TerminalText.escaped(TerminalText.cut(text, to: 80)))\": \(hint)`\(Session.program) workflow` lists them"
            )
        }
        return found
    }

    /// The job or workflow that `text` means.
    /// - Throws: As ``workflow(_:)``.
    func prerequisite(_ text: String) async throws -> Prerequisite {
        if let workflow = try await workflowIfAny(text) { return .workflow(workflow) }
        if WorkflowID(text) != nil { return .workflow(try await workflow(text)) }
        return .job(try await JobResolver(inspection: store.inspection).target(text).job)
    }

    /// The same, unless no workflow is meant.
    func workflowIfAny(_ text: String) async throws -> WorkflowID? {
        // A letter alone, or with little behind it, is more likely the end of a job's ID.
        guard text.utf8.count >= 4, text.hasPrefix("w") || text.hasPrefix("W") else { return nil }
        let found = try await store.workflows.workflows(meantBy: text)
        guard found.count <= 1 else {
            throw Failure(
                .usage,
                "\"\(text)\" may mean several workflows: \(found.map(\.description).joined(separator: ", ")); write more of the ID")
        }
        return found.first
    }
}
