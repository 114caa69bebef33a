// Rescue: what a dead or overdue worker held becomes available again, fenced by the heartbeat that condemned it.

import Errand
import ErrandContext

/// A rescue with its errors already written as JSON, on the caller's thread.
struct PreparedRescue: Sendable {
    var request: RescueRequest
    var convictions: [ExecutionID: (Conviction, error: String)] = [:]
    /// What is kept with every other interruption.
    var interruption: String

    init(_ request: RescueRequest) throws(JobStoreError) {
        self.request = request
        for conviction in request.convictions {
            convictions[conviction.execution] = (conviction, try JSONText.encode(conviction.error))
        }
        interruption = try JSONText.encode(request.neighbourError ?? .workerDied)
    }
}

extension QueueDatabase {
    /// The beat of a casualty whose worker row was missing although executions name it.
    static let missingBeat: Int64 = -1

    /// Takes the worker of `casualty` from the register, unless it has given a sign of life since.
    func condemn(_ casualty: Casualty) throws(JobStoreError) -> Casualty? {
        let worker = casualty.worker.rawValue
        guard casualty.beat != QueueDatabase.missingBeat else {
            return try connection[RescueSQL.isRegistered].bind(1, worker).first({ _ in true }) == nil ? casualty : nil
        }
        // Whoever waited long to get here may see only its own delay (RELIABILITY I6).
        if casualty.cause == .overdue, !standing.mayRescueByTime(uptime: clock.uptime) { return nil }
        try connection[RescueSQL.remove].bind(1, worker).bind(2, casualty.beat).run()
        guard connection.changes == 1 else { return nil }
        var condemned = casualty
        condemned.beat = QueueDatabase.missingBeat
        return condemned
    }

    /// Ends what the casualty held, unless it has given a sign of life since.
    func rescue(_ request: PreparedRescue) throws(JobStoreError) -> ([ExecutionID], Set<DoorbellTopic>) {
        let casualty = request.request.casualty
        let worker = casualty.worker.rawValue
        guard try condemn(casualty) != nil else { return ([], []) }
        var held: [HeldExecution] = []
        try connection[RescueSQL.held].bind(1, worker).forEach { row in
            held.append(
                HeldExecution(
                    id: row.integer(0), ordinal: row.integer(1), attempt: row.integer(2), crashes: row.integer(3), worker: worker,
                    startedAt: row.integer(4), feed: row.integer(5), key: row.optionalInteger(6)))
        }
        var topics: Set<DoorbellTopic> = []
        for execution in held {
            let (end, next) = try judge(execution, request)
            tell(.rescued, job: execution.id, ordinal: execution.ordinal, feed: execution.feed)
            try leave(execution, end: end, next: next, topics: &topics)
        }
        try settle(topics: &topics)
        return (held.map(\.execution), topics)
    }

    /// How an execution of a casualty ends, and where its job goes.
    private func judge(_ held: HeldExecution, _ rescue: PreparedRescue) throws(JobStoreError) -> (RecordedEnd, NextStep) {
        let request = rescue.request
        if let (conviction, error) = rescue.convictions[held.execution] {
            return (
                RecordedEnd(outcome: .crashed, finishedAt: clock.now, error: error),
                conviction.next(afterCrashes: Int(held.crashes), limit: request.convictionLimit)
            )
        }
        // A worker that is merely overdue may live: nobody died.
        guard request.casualty.cause == .dead else { return (RecordedEnd(outcome: .lost, finishedAt: clock.now), .giveBack) }
        let end = RecordedEnd(outcome: .interrupted, finishedAt: clock.now, error: rescue.interruption)
        // Whoever knows the culprit does not suspect its neighbours.
        if request.neighbourError == nil, let threshold = request.suspectThreshold, try deathsInARow(held.id) + 1 >= threshold {
            try suspect(held.id)
        }
        return (end, .giveBack)
    }
}

/// The statements of rescue.
enum RescueSQL {
    /// Removes a worker whose heartbeat is still the one that was read: no row means that it lives. Row key of `errand_worker`.
    static let remove = SQL("DELETE FROM errand_worker WHERE id = :id AND beat = :beat")

    /// Row key of `errand_worker`.
    static let isRegistered = SQL("SELECT 1 FROM errand_worker WHERE id = :id")

    /// What a worker holds. Walks `errand_running`, which is as small as the slots of all workers; only rescue does.
    static let held = SQL("SELECT id, ordinal, attempt, crashes, started_at, feed, key FROM errand_running WHERE worker = :worker")
}
