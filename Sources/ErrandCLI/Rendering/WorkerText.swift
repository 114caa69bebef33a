// Live workers, for people and for scripts.

import Errand

/// Describes workers.
enum WorkerText {
    /// One line for each worker, tab-separated, or aligned under a heading.
    static func table(_ workers: [StoreStats.WorkerStatus], now: Timestamp, hasHeading: Bool) -> [String] {
        let rows = workers.map { worker in
            [
                worker.id.description, "\(worker.running)/\(worker.slots)", state(worker),
                "\(DurationText.format(worker.heartbeatAge)) ago",
                TerminalText.escaped(worker.description.version),
                TerminalText.escaped("\(worker.description.host) pid \(worker.description.pid)"),
                "up \(DurationText.format(max(.zero, now - worker.description.startedAt)))",
            ]
        }
        guard hasHeading else { return rows.map { $0.joined(separator: "\t") } }
        return StatsText.aligned([["WORKER", "RUNNING", "STATE", "HEARTBEAT", "VERSION", "HOST", ""]] + rows)
    }

    /// One worker in full.
    static func lines(_ worker: StoreStats.WorkerStatus, executions: [ExecutionID], now: Timestamp) -> [String] {
        let about = worker.description
        return [
            "worker     \(worker.id)  \(state(worker))",
            "host       \(TerminalText.escaped("\(about.host) pid \(about.pid)")), errand \(TerminalText.escaped(about.version))",
            "running    \(worker.running) of \(worker.slots)\(worker.slots == about.concurrency ? "" : " (\(about.concurrency) of its own)")",
            "queues     "
                + TerminalText.escaped(about.queues.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(separator: " ")),
            "kinds      " + TerminalText.escaped(about.kinds.sorted().joined(separator: " ")),
            "heartbeat  \(DurationText.format(worker.heartbeatAge)) ago, lease \(DurationText.format(about.lease))",
            "up         \(DurationText.format(max(.zero, now - about.startedAt)))",
        ] + executions.map { "executes   \($0)" }
    }

    /// What it does, as operators have it.
    static func state(_ worker: StoreStats.WorkerStatus) -> String {
        let state = worker.orders.mustStop ? "stopping" : worker.orders.isQuiet ? "quiet" : "working"
        return worker.hasHeard ? state : "\(state) (not heard yet)"
    }

    /// One worker as a JSON object, with what it runs where that is known.
    static func json(_ worker: StoreStats.WorkerStatus, executions: [ExecutionID]?) -> [UInt8] {
        JSONWriter.versioned { writer in
            StatsJSON.members(of: worker, to: &writer)
            if let executions {
                writer.member("executions", raw: JSONWriter.array(executions.map { JSONWriter.string($0.description) }))
            }
        }
    }
}
