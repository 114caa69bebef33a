// What a worker that ends by itself leaves behind, and why it did not run it.

import Errand
import Logging

/// Jobs that are not finished when a worker leaves.
struct LeftWaiting: Hashable {
    /// Jobs in queues that it does not serve, by queue.
    private(set) var otherQueues: [String: Int] = [:]
    /// Jobs of kinds that it does not handle, in queues that it serves, by kind.
    private(set) var otherKinds: [String: Int] = [:]
    /// Jobs that it would run, but later.
    private(set) var dueLater = 0
    /// When the first of those is due; `nil` when there are too many to look at.
    private(set) var nextDue: Timestamp?
    /// Jobs that it could have run at once.
    private(set) var ready = 0
    /// Jobs that wait for others.
    private(set) var held = 0
    /// Jobs that other workers run.
    private(set) var running = 0

    /// How many jobs are looked at to find the next that is due.
    private static let lookLimit = 5_000

    /// Counts what is left for a worker that serves `queues` and `kinds`.
    /// - Throws: `JobStoreError`.
    init(in inspection: any JobInspection, queues: Set<String>, kinds: Set<String>) async throws {
        for count in try await inspection.stats().counts where !count.state.isFinal {
            if count.state == .running {
                running += count.jobs
            } else if !queues.contains(count.queue) {
                otherQueues[count.queue, default: 0] += count.jobs
            } else if !kinds.contains(count.kind) {
                otherKinds[count.kind, default: 0] += count.jobs
            } else {
                switch count.state {
                case .scheduled, .retryable: dueLater += count.jobs
                case .waiting, .blocked: held += count.jobs
                case .available, .running, .completed, .cancelled, .dead: ready += count.jobs
                }
            }
        }
        guard dueLater > 0 else { return }
        var selector = JobSelector()
        selector.queues = queues.sorted()
        selector.kinds = kinds.sorted()
        selector.states = [.scheduled, .retryable]
        var next: Timestamp?
        let rest = try await JobList(inspection: inspection, selector: selector, limit: LeftWaiting.lookLimit).forEachPage { jobs in
            for job in jobs { next = min(next ?? job.runAt, job.runAt) }
        }
        nextDue = rest == nil ? next : nil
    }

    /// Whether nothing is left.
    var isEmpty: Bool { otherQueues.isEmpty && otherKinds.isEmpty && dueLater == 0 && ready == 0 && held == 0 && running == 0 }

    /// Tells it in the worker's own log; says nothing when nothing is left.
    func tell(_ logger: Logger) {
        guard !isEmpty else { return }
        var reasons: Logger.Metadata = [:]
        if !otherQueues.isEmpty { reasons["queues_not_served"] = "\(LeftWaiting.list(otherQueues))" }
        if !otherKinds.isEmpty { reasons["kinds_not_handled"] = "\(LeftWaiting.list(otherKinds))" }
        if dueLater > 0 { reasons["due_later"] = "\(dueLater)" }
        if let nextDue { reasons["next_due"] = "\(nextDue)" }
        if ready > 0 { reasons["ready"] = "\(ready)" }
        if held > 0 { reasons["waiting_for_others"] = "\(held)" }
        if running > 0 { reasons["running_elsewhere"] = "\(running)" }
        logger.notice("left waiting", metadata: reasons)
    }

    private static func list(_ counts: [String: Int]) -> String {
        counts.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(separator: ",")
    }
}
