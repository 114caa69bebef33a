// Who is dead or overdue: looked for on a reader, without the write lock.

import Errand
import ErrandContext

/// `queue.db` as those who look see it. Used by one reader thread.
final class QueueReader: ReadableDatabase {
    let connection: Connection
    let boot: BootIdentity
    let clock: MachineClock
    let standing: Standing
    let lock: StoreLock

    /// The last heartbeat seen of workers whose boot clock cannot be compared with ours, and when it was first seen by ours.
    private var foreignBeats: [Int64: (beat: Int64, since: Int64)] = [:]

    init(connection: Connection, boot: BootIdentity, clock: MachineClock, standing: Standing, lock: StoreLock) {
        self.connection = connection
        self.boot = boot
        self.clock = clock
        self.standing = standing
        self.lock = lock
    }

    /// Runs `body` on one snapshot, which ends with it.
    func snapshot<Value>(_ body: () throws(JobStoreError) -> Value) throws(JobStoreError) -> Value {
        try connection[ReaderSQL.begin].run()
        defer { connection.rollback() }
        return try body()
    }

    private struct Worker {
        var id: WorkerID
        var beat: Int64
        var leaseUntil: Int64
        var lease: Int64
        var boot: BootIdentity
    }

    /// The workers that `observer` may have rescued.
    func casualties(seenBy observer: WorkerID) throws(JobStoreError) -> [Casualty] {
        let workers = try self.workers()
        let uptime = clock.uptime
        var found: [Casualty] = []
        for worker in workers where worker.id != observer {
            guard let cause = try cause(of: worker, seenBy: observer, uptime: uptime) else { continue }
            found.append(Casualty(worker: worker.id, cause: cause, beat: worker.beat, executions: try held(by: worker.id)))
        }
        let known = Set(workers.map(\.id.rawValue))
        foreignBeats = foreignBeats.filter { known.contains($0.key) }
        var missing: [WorkerID] = []
        try connection[ReaderSQL.unregistered].forEach { row in missing.append(WorkerID(rawValue: row.integer(0))) }
        for worker in missing {
            // It was condemned, and its rescuer died or is still at work: by time, if it lives.
            let cause: Casualty.Cause = try lock.isPresent(worker) ? .overdue : .dead
            found.append(Casualty(worker: worker, cause: cause, beat: QueueDatabase.missingBeat, executions: try held(by: worker)))
        }
        return found
    }

    private func workers() throws(JobStoreError) -> [Worker] {
        var workers: [Worker] = []
        try connection[ReaderSQL.workers].forEach { row in
            workers.append(
                Worker(
                    id: WorkerID(rawValue: row.integer(0)), beat: row.integer(1), leaseUntil: row.integer(2), lease: row.integer(3),
                    boot: BootIdentity(boot: row.text(4), timeNamespace: row.integer(5))))
        }
        return workers
    }

    private func cause(of worker: Worker, seenBy observer: WorkerID, uptime: Int64) throws(JobStoreError) -> Casualty.Cause? {
        if worker.boot.boot != boot.boot { return .dead }
        if try !lock.isPresent(worker.id) { return .dead }
        guard standing.isGood(observer, uptime: uptime) else { return nil }
        if worker.boot.timeNamespace == boot.timeNamespace { return worker.leaseUntil < uptime ? .overdue : nil }
        // Another time namespace has another boot clock: a lease is over when its beat has not changed for as long by ours.
        let seen = foreignBeats[worker.id.rawValue]
        guard let seen, seen.beat == worker.beat else {
            foreignBeats[worker.id.rawValue] = (worker.beat, uptime)
            return nil
        }
        return uptime - seen.since > worker.lease ? .overdue : nil
    }

    func held(by worker: WorkerID) throws(JobStoreError) -> [ExecutionID] {
        var executions: [ExecutionID] = []
        try connection[RescueSQL.held].bind(1, worker.rawValue).forEach { row in
            executions.append(ExecutionID(JobID(rawValue: row.integer(0)), row.integer(1)))
        }
        return executions
    }
}

/// The statements of looking for the dead.
enum ReaderSQL {
    static let begin = SQL("BEGIN")

    /// All workers: a few rows.
    static let workers = SQL("SELECT id, beat, lease_until, lease_us, boot, time_ns FROM errand_worker")

    /// Workers that hold something although they are not registered. Walks `errand_running`, which is as small as the slots of all
    /// workers; row key of `errand_worker`.
    static let unregistered = SQL(
        "SELECT DISTINCT r.worker FROM errand_running r WHERE NOT EXISTS (SELECT 1 FROM errand_worker w WHERE w.id = r.worker)")
}
