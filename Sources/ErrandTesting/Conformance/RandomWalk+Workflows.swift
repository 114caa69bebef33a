// Dependencies and workflows in a random walk.

import Errand
import ErrandContext

extension RandomWalk {
    /// What can be waited for, by its number in both stores.
    enum Wanted {
        case job(Int)
        case workflow(Int)
    }

    /// What a new job waits for: mostly nothing, else some of the newest.
    mutating func dependencies() -> [(what: Wanted, policy: DependencyPolicy)] {
        guard roll(3) == 0 else { return [] }
        return (0...roll(2)).compactMap { _ in
            let policy = DependencyPolicy.allCases[roll(3)]
            if roll(5) == 0, !workflows.isEmpty { return (.workflow(workflows.count - 1 - roll(min(3, workflows.count))), policy) }
            return pickJob().map { (.job($0), policy) }
        }
    }

    func prerequisite(_ wanted: Wanted, _ side: Side<JobID>, _ workflow: Side<WorkflowID>) -> Prerequisite {
        switch wanted {
        case .job(let number): .job(jobs[number][keyPath: side])
        case .workflow(let number): .workflow(workflows[number][keyPath: workflow])
        }
    }

    /// What `body` gives; `nil` when it is refused.
    func unlessRefused<T>(_ body: () async throws(JobStoreError) -> T) async throws -> T? {
        do throws(JobStoreError) {
            return try await body()
        } catch {
            guard case .refused = error else { throw error }
            return nil
        }
    }

    /// Starts a workflow, or closes one.
    mutating func startWorkflow() async throws {
        if roll(4) == 0, !workflows.isEmpty {
            let number = workflows.count - 1 - roll(min(3, workflows.count))
            operation = "close of workflow \(number)"
            let seen = try await anyOpening().workflows.close(workflows[number].subject)
            let wanted = try await model.store.workflows.close(workflows[number].model)
            return compare(seen.map(describe), wanted.map(describe), "answer")
        }
        operation = "start of workflow \(workflows.count)"
        var draft = NewWorkflow()
        draft.isOpen = roll(3) == 0
        for number in 0...roll(4) {
            let after = (0..<number).filter { _ in roll(3) == 0 }.map {
                Dependency(.entry($0), ifFailed: DependencyPolicy.allCases[roll(3)])
            }
            draft.jobs.append(
                RuleCheck.input { input in
                    input.queue = "queue0"
                    input.kind = "kind0"
                    input.after = after
                })
        }
        for policy in DependencyPolicy.allCases where roll(2) == 0 {
            let follower = RuleCheck.input {
                $0.queue = "queue1"
                $0.kind = "kind0"
            }
            draft.followers.append(.init(follower, ifFailed: policy))
        }
        let seen = try await anyOpening().workflows.start(draft)
        let wanted = try await model.store.workflows.start(draft)
        workflows.append((seen.id, wanted.id))
        for (one, other) in zip(seen.jobs + seen.followers, wanted.jobs + wanted.followers) { jobs.append((one.id, other.id)) }
    }

    mutating func compareWorkflows() async throws {
        let opening = anyOpening()
        for (number, ids) in workflows.enumerated() {
            let seen = try await opening.workflows.workflow(ids.subject)
            let wanted = try await model.store.workflows.workflow(ids.model)
            compare(seen.map(describe), wanted.map(describe), "workflow \(number)")
        }
        let seen = try await opening.workflows.dependencies(of: jobs.map(\.subject))
        let wanted = try await model.store.workflows.dependencies(of: jobs.map(\.model))
        for (number, ids) in jobs.enumerated() {
            compare(
                (seen[ids.subject] ?? []).map { describe($0, \.subject, \.subject) }.sorted(),
                (wanted[ids.model] ?? []).map { describe($0, \.model, \.model) }.sorted(), "what job \(number) waits for")
        }
    }

    func describe(_ workflow: WorkflowStatus) -> String {
        """
        open \(workflow.isOpen) total \(workflow.total) live \(workflow.live) dead \(workflow.dead) cancelled \(workflow.cancelled) \
        ended \(workflow.endedAt != nil)
        """
    }

    func describe(_ record: DependencyRecord, _ side: Side<JobID>, _ workflow: Side<WorkflowID>) -> String {
        let what =
            switch record.prerequisite {
            case .job(let id): name(id, side)
            case .workflow(let id): workflows.firstIndex { $0[keyPath: workflow] == id }.map { "workflow \($0)" } ?? "unknown \(id)"
            case .entry(let place): "entry \(place)"
            }
        return "\(what) \(record.ifFailed) open \(record.isOpen) \(record.state?.rawValue ?? "gone")"
    }

    /// Why a job has ended, with the numbers that both stores share instead of IDs.
    func reason(_ job: JobSummary, _ side: Side<JobID>) -> String {
        guard let reason = job.reason, reason.hasPrefix("after ") else { return job.reason ?? "-" }
        return reason.hasPrefix("after w") ? "after a workflow" : "after a job"
    }
}
