// Whether anybody alive would run a job.

import Errand

/// What the live workers serve.
struct WorkerCoverage {
    let workers: [StoreStats.WorkerStatus]

    /// Why no live worker runs jobs of `kind` in `queue`, and what to do; `nil` when one does.
    func problem(queue: String, kind: String) -> String? {
        if workers.isEmpty { return "no worker is alive: start one with `\(Session.program) work`" }
        let serving = workers.filter { $0.description.queues[queue] != nil }
        if serving.isEmpty {
            return "no live worker serves the queue \"\(queue)\": start one with `\(Session.program) work --queues \(queue)`"
        }
        if serving.contains(where: { $0.description.kinds.contains(kind) }) { return nil }
        return "no live worker of the queue \"\(queue)\" handles the kind \"\(kind)\": register it in errand.yaml or in your own worker"
    }
}
