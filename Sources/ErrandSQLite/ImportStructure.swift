// What imported jobs wait for, and the workflows that they belong to.

import Errand
import ErrandContext

extension QueueDatabase {
    /// Takes up what an imported job waits for, or has waited for; what it waits for here. What is not here may have been left out of the
    /// import, or have been deleted there: the job waits until somebody lets it go on, unless it ignores failures.
    func takeUpImported(_ job: ExportedJob) throws(JobStoreError) -> Waiting {
        guard !job.job.after.isEmpty else { return .forOthers(0) }
        try use(.structure)
        var needs: Int64 = 0
        var failure: String?
        var seen: Set<Int64> = []
        for dependency in job.job.after {
            let (prerequisite, policy) = (dependency.prerequisite, dependency.ifFailed)
            guard let number = prerequisite.rawValue, seen.insert(number).inserted else { continue }
            var state: EdgeState
            switch (try prerequisiteState(prerequisite), policy) {
            case (.ended(.completed), _): state = .met
            case (.live, .cascade), (.live, .ignore): state = .open
            case (.live, .hold), (.missing, .hold), (.missing, .cascade), (.ended, .hold): state = .openHolding
            case (.missing, .ignore), (.ended, .ignore): state = .ignored
            case (.ended(let ended), .cascade):
                state = .open
                if job.state == .blocked { failure = failure ?? QueueDatabase.reason(prerequisite, ended) }
            }
            if job.state.isFinal {
                state = .over
            } else if job.state != .blocked, state.rawValue < EdgeState.met.rawValue {
                // It was released where it comes from.
                state = .ignored
            }
            if state == .open || state == .openHolding { needs += 1 }
            let mark = if case .workflow = prerequisite { QueueDatabase.workflowMark } else { Int64(0) }
            try connection[DependencySQL.add].bind(1, number).bind(2, state.rawValue).bind(3, job.id.rawValue).bind(4, policy.code | mark)
                .run()
        }
        return failure.map { .inVain($0) } ?? .forOthers(needs)
    }

    /// Takes in a workflow, open.
    func takeIn(_ workflow: WorkflowStatus) throws(JobStoreError) -> Result<ImportResult, JobStoreError> {
        if let shortage = shortageOfRoom() { return .failure(.full(reason: shortage)) }
        let id = workflow.id.rawValue
        if let startedAt = try connection[ImportWorkflowSQL.known].bind(1, id).first({ $0.integer(0) }) {
            return .success(startedAt == workflow.startedAt.microseconds ? .existing : .idTaken)
        }
        if try connection[InspectSQL.exists].bind(1, id).first({ _ in true }) ?? false { return .success(.idTaken) }
        if let key = workflow.key, let owner = try connection[WorkflowSQL.keyed].bind(1, text: key).first({ $0.integer(0) }) {
            return .success(.refused(reason: "the key of the workflow \(workflow.id) belongs here to \(WorkflowID(rawValue: owner))"))
        }
        try use(.structure)
        try connection[WorkflowSQL.add].bind(1, id).bind(2, text: workflow.name).bind(3, text: workflow.key)
            .bind(4, workflow.startedAt.microseconds).bind(5, blob: nil).run()
        try takeID(id)
        return .success(.imported)
    }
}

/// The statements of importing workflows.
enum ImportWorkflowSQL {
    /// Row key of `errand_workflow`.
    static let known = SQL("SELECT started_at FROM errand_workflow WHERE id = :id")
}
