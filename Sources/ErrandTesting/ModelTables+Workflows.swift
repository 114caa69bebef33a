// Dependencies and workflows in the in-memory store: an end is told at once to all that wait for it.

import Errand
import ErrandContext

/// One thing that a job waits for, or has waited for.
struct ModelEdge {
    var prerequisite: Prerequisite
    var policy: DependencyPolicy
    /// Whether it keeps the job blocked.
    var isOpen: Bool
}

extension ModelTables {
    /// How something that is waited for has ended: `nil` while it is live, `.completed` when nothing is known of it any more.
    func end(of prerequisite: Prerequisite) -> JobState? {
        switch prerequisite {
        case .job(let id):
            guard let job = jobs[id] else { return .completed }
            return job.state.isFinal ? job.state : nil
        case .workflow(let id):
            guard let workflow = workflows[id] else { return .completed }
            return workflow.endedAt == nil ? nil : workflow.state
        case .entry: return nil
        }
    }

    func dependencyProblem(_ inputs: [NewJob]) -> String? {
        var waiting: [WorkflowID: Set<Int>] = [:]
        for (index, input) in inputs.enumerated() {
            for workflow in Set(inputs.compactMap(\.workflow)) {
                let through = Set(
                    input.after.map { dependency in
                        guard case .entry(let place) = dependency.prerequisite else { return dependency.prerequisite }
                        return waiting[workflow]?.contains(place) ?? false ? .workflow(workflow) : dependency.prerequisite
                    })
                let standsFor = input.key.flatMap { keys[$0] }.map { [Prerequisite.job($0)] } ?? []
                if waitsForItself(workflow, through: through.union(standsFor)) { waiting[workflow, default: []].insert(index) }
            }
            if let key = input.key, keys[key] != nil { continue }
            if let workflow = input.workflow {
                guard let status = workflows[workflow] else { return "there is no workflow \(workflow)" }
                guard status.endedAt == nil else { return "the workflow \(workflow) has ended" }
                if waiting[workflow]?.contains(index) ?? false { return "a circle" }
            }
            for dependency in input.after {
                switch dependency.prerequisite {
                case .job(let id): if jobs[id] == nil { return "there is no job \(id)" }
                case .workflow(let id): if workflows[id] == nil { return "there is no workflow \(id)" }
                case .entry(let place): if !(0..<index).contains(place) { return "job \(place) does not come before job \(index)" }
                }
            }
        }
        return nil
    }

    /// Whether one of `wanted` waits for `workflow`.
    private func waitsForItself(_ workflow: WorkflowID, through wanted: Set<Prerequisite>) -> Bool {
        var open: [Prerequisite] = [.workflow(workflow)]
        var seen = Set(open)
        while let next = open.popLast() {
            if wanted.contains(next) { return true }
            for (dependent, list) in edges where list.contains(where: { $0.prerequisite == next }) {
                let further = [Prerequisite.job(dependent)] + (jobs[dependent]?.input.workflow.map { [.workflow($0)] } ?? [])
                open += further.filter { seen.insert($0).inserted }
            }
        }
        return false
    }

    /// Takes up what a new job waits for; why it will never start, if that is so.
    mutating func takeUp(_ dependencies: [Dependency], of id: JobID, results: [EnqueueResult]) -> String? {
        var failure: String?
        var list: [ModelEdge] = []
        for dependency in dependencies {
            var prerequisite = dependency.prerequisite
            if case .entry(let place) = prerequisite {
                if case .conflict(let other) = results[place] { failure = "after a job that was not added: its key belongs to \(other)" }
                prerequisite = .job(results[place].id)
            }
            guard !list.contains(where: { $0.prerequisite == prerequisite }) else { continue }
            let end = end(of: prerequisite)
            let isOpen = end == nil || end != .completed && dependency.ifFailed == .hold
            list.append(ModelEdge(prerequisite: prerequisite, policy: dependency.ifFailed, isOpen: isOpen))
            if let end, end != .completed, dependency.ifFailed == .cascade {
                failure = failure ?? ModelTables.reason(prerequisite, end)
            }
        }
        // What waits in vain is blocked until it is cancelled, at once.
        if failure != nil, !list.isEmpty { list[0].isOpen = true }
        edges[id] = list
        return failure
    }

    static func reason(_ prerequisite: Prerequisite, _ end: JobState) -> String {
        switch prerequisite {
        case .workflow: "after \(prerequisite), not all of whose jobs completed"
        case .job, .entry: end == .dead ? "after \(prerequisite), which died" : "after \(prerequisite), which was cancelled"
        }
    }

    func isBlocked(_ id: JobID) -> Bool { !faults.contains(.ignoresDependencies) && edges[id]?.contains { $0.isOpen } ?? false }

    /// A job that had ended is live again, and waits for what has not ended.
    mutating func takeUpAgain(_ id: JobID) {
        settling[id.rawValue] = nil
        guard let list = edges[id] else { return }
        edges[id] = list.map { edge in
            var edge = edge
            edge.isOpen = end(of: edge.prerequisite) == nil
            return edge
        }
    }

    /// A blocked job waits for nothing any more.
    mutating func waitForNothing(_ id: JobID) {
        guard let list = edges[id] else { return }
        edges[id] = list.map { ModelEdge(prerequisite: $0.prerequisite, policy: $0.policy, isOpen: false) }
    }

    /// Whether somebody who lives waits for a job, or may still ask what it gave.
    func isNeeded(_ id: JobID) -> Bool { isNeeded(.job(id)) }

    private func isNeeded(_ prerequisite: Prerequisite) -> Bool {
        edges.contains { dependent, list in
            jobs[dependent].map { !$0.state.isFinal } ?? false && list.contains { $0.prerequisite == prerequisite }
        }
    }

    /// A job has ended: whoever waits for it learns that, and its workflow counts it.
    mutating func structureEnds(at job: ModelJob, as state: JobState, at now: Timestamp) {
        settling[job.id.rawValue] = (.job(job.id), state)
        if let id = job.input.workflow { leave(id, as: state, at: now) }
    }

    /// A job of a workflow has ended.
    mutating func leave(_ id: WorkflowID, as state: JobState, at now: Timestamp) {
        workflows[id]?.live -= 1
        if state == .dead { workflows[id]?.dead += 1 }
        if state == .cancelled { workflows[id]?.cancelled += 1 }
        endWorkflowIfDone(id, at: now)
    }

    /// Tells those that wait of all ends since the last time, the oldest job or workflow first; and of those that follow from that.
    mutating func settle(at now: Timestamp) {
        while let first = settling.keys.min(), let (prerequisite, state) = settling.removeValue(forKey: first) {
            tell(prerequisite, endedAs: state, at: now)
        }
    }

    private mutating func tell(_ prerequisite: Prerequisite, endedAs state: JobState, at now: Timestamp) {
        let waiting = edges.compactMap { id, list -> (holds: Int, id: JobID)? in
            list.first { $0.prerequisite == prerequisite && $0.isOpen }.map { ($0.policy == .hold ? 1 : 0, id) }
        }
        for (_, id) in waiting.sorted(by: <) {
            guard let job = jobs[id], !job.state.isFinal, let place = edges[id]?.firstIndex(where: { $0.prerequisite == prerequisite })
            else { continue }
            let policy = edges[id]?[place].policy ?? .cascade
            if state != .completed, policy == .hold { continue }
            if state != .completed, policy == .cascade, !faults.contains(.neverCascades) {
                cascade(to: id, reason: ModelTables.reason(prerequisite, state), at: now)
                continue
            }
            edges[id]?[place].isOpen = false
            if !(edges[id]?.contains { $0.isOpen } ?? false), job.state == .blocked { release(id, at: now) }
        }
    }

    private mutating func release(_ id: JobID, at now: Timestamp) {
        guard var job = jobs[id] else { return }
        if job.dueAt > now {
            job.state = .scheduled
            job.startsAt = job.dueAt
        } else {
            job.dueAt = now
            jobs[id]?.state = .scheduled
            place(&job, at: now)
        }
        jobs[id] = job
        rings.insert(.work)
    }

    /// Cancels a job that waits in vain.
    mutating func cascade(to id: JobID, reason: String, at now: Timestamp) {
        guard var job = jobs[id] else { return }
        job.finish(as: .cancelled, reason: reason, at: now)
        tell(.cancelled, of: job, at: now)
        keep(job)
        admitNext(key(of: job), at: now)
        rings.insert(.outcome)
    }

    // MARK: Workflows

    mutating func start(
        _ workflow: NewWorkflow, at now: Timestamp, using generator: inout some RandomNumberGenerator
    ) -> Result<WorkflowStart, JobStoreError> {
        if let key = workflow.key, let known = workflows.values.first(where: { $0.key == key }) {
            guard workflowShapes[known.id].map({ $0 == workflow.shape }) ?? true else {
                return .failure(.refused(reason: NewWorkflow.conflict(key, known.id)))
            }
            return .success(WorkflowStart(id: known.id, isExisting: true, jobs: [], followers: []))
        }
        if let problem = dependencyProblem(workflow.jobs) ?? dependencyProblem(workflow.followers.map(\.job)) {
            return .failure(.refused(reason: problem))
        }
        let id = WorkflowID(rawValue: nextID(at: now, using: &generator).rawValue)
        workflows[id] = WorkflowStatus(
            id: id, name: workflow.name, key: workflow.key, isOpen: true, total: 0, live: 0, dead: 0, cancelled: 0, startedAt: now,
            endedAt: nil)
        workflowShapes[id] = workflow.shape
        let members = enqueue(
            workflow.jobs.map { job in
                var job = job
                job.workflow = id
                return job
            }, at: now, using: &generator)
        let followers = enqueue(
            workflow.followers.map { follower in
                var job = follower.job
                job.follow(id, ifFailed: follower.ifFailed)
                return job
            }, at: now, using: &generator)
        if !workflow.isOpen { close(id, at: now) }
        settle(at: now)
        return .success(WorkflowStart(id: id, isExisting: false, jobs: members, followers: followers))
    }

    mutating func close(_ id: WorkflowID, at now: Timestamp) {
        workflows[id]?.isOpen = false
        endWorkflowIfDone(id, at: now)
    }

    /// A new job is counted by its workflow.
    mutating func join(_ job: ModelJob) {
        guard let id = job.input.workflow else { return }
        workflows[id]?.total += 1
        workflows[id]?.live += 1
    }

    /// A job of a workflow that had ended is live again.
    mutating func rejoin(_ job: ModelJob) {
        guard let id = job.input.workflow else { return }
        workflows[id]?.live += 1
        settling[id.rawValue] = nil
        if job.state == .dead { workflows[id]?.dead -= 1 }
        if job.state == .cancelled { workflows[id]?.cancelled -= 1 }
        workflows[id]?.endedAt = nil
    }

    private mutating func endWorkflowIfDone(_ id: WorkflowID, at now: Timestamp) {
        guard let status = workflows[id], !status.isOpen, status.live == 0, status.endedAt == nil else { return }
        workflows[id]?.endedAt = now
        rings.insert(.outcome)
        if let state = workflows[id]?.state { settling[id.rawValue] = (.workflow(id), state) }
    }

    /// Forgets workflows that have ended, none of whose jobs is left, and which nobody waits for.
    mutating func dropOldWorkflows() {
        for (id, status) in workflows where status.endedAt != nil && !isNeeded(.workflow(id)) {
            if !jobs.values.contains(where: { $0.input.workflow == id }) { workflows[id] = nil }
        }
    }

    // MARK: Looking

    func dependencies(of id: JobID) -> [DependencyRecord] {
        let isOver = jobs[id]?.state.isFinal ?? true
        return (edges[id] ?? []).map { edge in
            var record = DependencyRecord(
                prerequisite: edge.prerequisite, ifFailed: edge.policy, isOpen: edge.isOpen && !isOver, state: nil, name: nil)
            switch edge.prerequisite {
            case .job(let id): (record.state, record.name) = (jobs[id]?.state, jobs[id]?.input.terms.name)
            case .workflow(let id): (record.state, record.name) = (workflows[id]?.state, workflows[id]?.name)
            case .entry: break
            }
            return record
        }.sorted { ($0.prerequisite.rawValue ?? 0) < ($1.prerequisite.rawValue ?? 0) }
    }
}
