// Why a job that waits is not started: nobody alive would run it, or an operator holds it back.

import Errand

/// What the live workers serve, and what holds for all of them.
struct WorkerCoverage {
    let workers: [StoreStats.WorkerStatus]
    /// What was set for queues, kinds and sequences.
    var settings: [QueueSettings] = []

    /// Why no live worker runs jobs of `kind` in `queue`, and what to do; `nil` when one does.
    func problem(queue: String, kind: String) -> String? { problems(queue: queue, kind: kind).first }

    /// All of the reasons; `sequence` is the job's own.
    func problems(queue: String, kind: String, sequence: String? = nil) -> [String] {
        held(queue: queue, kind: kind, sequence: sequence) + [unserved(queue: queue, kind: kind)].compactMap(\.self)
    }

    private func held(queue: String, kind: String, sequence: String?) -> [String] {
        let program = Session.program
        return settings.filter(\.isPaused).compactMap { setting in
            switch setting.scope {
            case .queue(queue): "the queue \"\(queue)\" is paused: `\(program) queues resume \(queue)`"
            case .kind(kind): "the kind \"\(kind)\" is paused: `\(program) queues resume --kind \(kind)`"
            case .sequence(let name, queue) where name == sequence:
                "a death has halted the sequence \(ShellText.line([name])): retry or delete that job, or go on without it: `\(program) queues resume \(queue) --sequence \(ShellText.line([name]))`"
            default: nil
            }
        }
    }

    private func unserved(queue: String, kind: String) -> String? {
        if workers.isEmpty { return "no worker is alive: start one with `\(Session.program) work`" }
        let serving = workers.filter { $0.description.queues[queue] != nil }
        if serving.isEmpty {
            return "no live worker serves the queue \"\(queue)\": start one with `\(Session.program) work --queues \(queue)`"
        }
        let able = serving.filter { $0.description.kinds.contains(kind) }
        if able.isEmpty {
            return "no live worker of the queue \"\(queue)\" handles the kind \"\(kind)\": register it in errand.yaml or in your own worker"
        }
        guard able.allSatisfy({ $0.orders.isQuiet || $0.orders.mustStop }) else { return nil }
        return able.contains { $0.orders.isQuiet && !$0.orders.mustStop }
            ? "the workers that would run it are quiet: `\(Session.program) workers resume --all`"
            : "the workers that would run it are stopping: start one with `\(Session.program) work`"
    }
}
