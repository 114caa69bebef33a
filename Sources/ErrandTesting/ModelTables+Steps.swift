// Steps in the in-memory store.

import Errand
import ErrandContext

extension ModelTables {
    mutating func record(_ step: JobStep, by worker: WorkerID) -> StepRecordResult {
        let id = step.execution.job
        guard let job = jobs[id] else { return .leaseLost }
        let isHeld = workers[worker] != nil && job.state == .running && job.worker == worker && job.execution == step.execution
        guard isHeld || faults.contains(.stepsUnfenced) else { return .leaseLost }
        var others = steps[id, default: []].filter { $0.name != step.name }
        if let problem = StepRules.roomProblem(
            name: step.name, bytes: step.result?.count ?? 0, beside: others.count, total: others.reduce(0) { $0 + ($1.result?.count ?? 0) })
        {
            return .refused(reason: problem)
        }
        others.append(step)
        steps[id] = others
        return .recorded
    }

    /// A job has completed.
    mutating func dropStepResults(of id: JobID) {
        guard let known = steps[id] else { return }
        steps[id] = known.map { step in
            var step = step
            step.result = nil
            return step
        }
    }
}
