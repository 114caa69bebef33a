// Circles: a job of a workflow that waits, on whichever way, for that workflow's end would never start.

import Errand
import ErrandContext

extension QueueDatabase {
    /// How many jobs and workflows are looked at to find a circle.
    static let circleLimit = 10_000

    /// What is wrong with new jobs of workflows that are there: one of them waits for its own workflow, by itself or through others, those
    /// of the same call among them. What waits for a workflow is looked up once for each of the call.
    func circleProblem(_ jobs: [PreparedJob]) throws(JobStoreError) -> String? {
        // One that waits for nothing is in no circle, whatever waits for its workflow.
        let workflows = Set(jobs.lazy.filter { !$0.job.after.isEmpty }.compactMap(\.job.workflow))
        for workflow in workflows.sorted() {
            // Jobs of the call that wait for the workflow.
            var waiting: Set<Int> = []
            var known: Set<Int64>?
            for (index, prepared) in jobs.enumerated() {
                if known == nil {
                    known = try waitingFor(workflow)
                    guard (known?.count ?? 0) <= QueueDatabase.circleLimit else {
                        return
                            "more than \(QueueDatabase.circleLimit) jobs wait for the workflow \(workflow): a job that waits for others cannot be added to it"
                    }
                }
                let before = known ?? []
                let reason = prepared.job.after.first { dependency in
                    if case .entry(let place) = dependency.prerequisite {
                        waiting.contains(place)
                    } else {
                        dependency.prerequisite.rawValue.map(before.contains) ?? false
                    }
                }
                var waits = reason != nil
                // It may stand for a job that is there.
                if !waits, let there = try standsFor(prepared) { waits = before.contains(there) }
                guard waits else { continue }
                waiting.insert(index)
                // The repetition of an enqueue adds nothing.
                guard prepared.job.workflow == workflow, let prerequisite = reason?.prerequisite, try earlier(prepared) == nil else {
                    continue
                }
                if prerequisite == .workflow(workflow) {
                    return "a job of the workflow \(workflow) cannot wait for the end of that workflow: give it another one, or none"
                }
                let name = if case .entry(let place) = prerequisite { "job \(place) of the call" } else { "\(prerequisite)" }
                return
                    "\(name) waits for the workflow \(workflow), so that no job of that can wait for it: that would be a circle"
            }
        }
        return nil
    }

    /// The job whose place a new one takes, or that it is the repetition of.
    private func standsFor(_ prepared: PreparedJob) throws(JobStoreError) -> Int64? {
        if let earlier = try earlier(prepared) { return earlier.id.rawValue }
        guard let uniqueness = prepared.job.terms.uniqueness else { return nil }
        return try owner(of: uniqueness.mark(kind: prepared.job.kind, queue: prepared.job.queue), now: clock.now)?.job.rawValue
    }

    /// The numbers of a workflow and of all that waits for it, on whichever way; at most one more than ``circleLimit``.
    private func waitingFor(_ workflow: WorkflowID) throws(JobStoreError) -> Set<Int64> {
        var open = [workflow.rawValue]
        var seen = Set(open)
        while let next = open.popLast(), seen.count <= QueueDatabase.circleLimit {
            var found: [Int64] = []
            try connection[DependencySQL.dependents].bind(1, next).forEach { found.append($0.integer(0)) }
            for dependent in found where seen.insert(dependent).inserted {
                open.append(dependent)
                let place = try connection[DependencySQL.place].bind(1, dependent).first { $0.optionalInteger(1) } ?? nil
                if let place, seen.insert(place).inserted { open.append(place) }
            }
        }
        return seen
    }
}
