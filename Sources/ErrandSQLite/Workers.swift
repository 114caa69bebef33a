// Workers: join, one step of their life, leave.

import Errand
import ErrandContext

extension QueueDatabase {
    /// Registers a worker.
    func join(_ worker: WorkerID, lease: Int64, description: String) throws(JobStoreError) {
        let uptime = clock.uptime
        firstOrdinal = try Restore.begin(connection, now: clock.now)
        try connection[WorkerSQL.join].bind(1, worker.rawValue).bind(2, uptime &+ lease).bind(3, lease).bind(4, text: boot.boot)
            .bind(5, boot.timeNamespace).bind(6, text: description).run()
        standing.didJoin(worker, lease: lease, uptime: uptime)
    }

    /// Takes a worker from the register; what it holds is found by rescue.
    func leave(_ worker: WorkerID) throws(JobStoreError) -> Set<DoorbellTopic> {
        try connection[WorkerSQL.leave].bind(1, worker.rawValue).run()
        return try dropLeader(worker) ? QueueDatabase.periodicTopics : []
    }

    /// One step of a worker, in the order that its rules need: renew, then record, promote, claim, and tell.
    func exchange(
        _ request: ExchangeRequest, reports: [PreparedReport]
    ) throws(JobStoreError) -> (ExchangeReply, Set<DoorbellTopic>) {
        var topics: Set<DoorbellTopic> = []
        let now = clock.now
        let uptime = clock.uptime
        var reply = ExchangeReply()
        try connection[WorkerSQL.renew].bind(1, uptime).bind(2, request.worker.rawValue).run()
        reply.isRegistered = connection.changes == 1
        if reply.isRegistered { standing.didRenew(request.worker, uptime: uptime) }
        if reply.isRegistered { try noteProgress(request.progress, worker: request.worker, topics: &topics) }
        reply.results.reserveCapacity(reports.count)
        for report in reports {
            // Not by the token alone: a condemned worker's rows are still there while its children are being ended.
            var result = reply.isRegistered ? try record(report, by: request.worker, topics: &topics) : .leaseLost
            if result == .leaseLost, request.held != nil, try isRecorded(report.report, by: request.worker) { result = .accepted }
            reply.results.append(result)
        }
        if reply.isRegistered, let held = request.held {
            try giveBackUnknown(to: request.worker, beside: held, now: now, topics: &topics)
        }
        if reply.isRegistered { try noteStuck(request.stuck, worker: request.worker, now: now) }
        if try promote(now: now) > 0 { topics.insert(.work) }
        try admitDue(now: now, topics: &topics)
        let isInTime = try expire(now: now, topics: &topics)
        try settle(topics: &topics)
        if reply.isRegistered { reply.orders = try orders(for: request.worker, now: now) }
        if reply.isRegistered, let claim = request.claim, reply.orders.allowsClaims {
            reply.shortage = shortageOfRoom()
            if reply.shortage == nil, isInTime {
                (reply.claimed, reply.suspectsWait) = try claimMindingSuspects(claim, for: request.worker, now: now)
            }
            if claim.asksAboutOthers, reply.claimed.isEmpty { reply.othersHold = try othersHold(claim, beside: request.worker, now: now) }
        }
        reply.nextWake = try nextWake(of: request.claim, now: now)
        if reply.isRegistered { reply.nextSlot = try nextSlot(for: request.worker, leads: request.leads, topics: &topics) }
        if try hasWishes() {
            try connection[WorkerSQL.cancellations].bind(1, request.worker.rawValue).forEach { row in
                let execution = ExecutionID(JobID(rawValue: row.integer(0)), row.integer(1))
                reply.cancellations.append(ExchangeReply.Cancellation(execution: execution, reason: row.optionalText(2)))
            }
        }
        return (reply, topics)
    }

    /// When there is something to do next, without anybody ringing.
    private func nextWake(of claim: ClaimRequest?, now: Int64) throws(JobStoreError) -> Timestamp? {
        // A claim that has met very many jobs whose keys have no room goes on at once.
        if gathered.claimWasCut { return Timestamp(microseconds: now) }
        // So does an inbox that is not empty yet, unless there is no room for what is in it.
        if memory.inboxIsEmpty != true, shortageOfRoom() == nil { return Timestamp(microseconds: now) }
        // So does an end that very many wait for.
        if try isSettling() { return Timestamp(microseconds: now) }
        // As of this step: what it has changed about keys is written at its end.
        try writeKeys()
        return [try nextDue(), try nextExpiry(), try nextPermit(for: claim, now: now), try nextKeyDue()].compactMap(\.self).min()
            .map(Timestamp.init(microseconds:))
    }
}

/// The statements about workers. The lease is one row for each worker, whatever it holds.
enum WorkerSQL {
    static let join = SQL(
        """
        INSERT INTO errand_worker(id, beat, lease_until, lease_us, boot, time_ns, info)
        VALUES(:id, 0, :lease_until, :lease_us, :boot, :time_ns, :info)
        """)

    static let leave = SQL("DELETE FROM errand_worker WHERE id = :id")

    /// Renews a lease; no row means that the worker was rescued. Row key of `errand_worker`.
    static let renew = SQL("UPDATE errand_worker SET beat = beat + 1, lease_until = :uptime + lease_us WHERE id = :id")

    /// Executions of a worker that somebody asked to cancel. The few rows of `errand_control` lead, `errand_running` by row key.
    static let cancellations = SQL(
        """
        SELECT c.job, c.ordinal, c.reason FROM errand_control c CROSS JOIN errand_running r ON r.id = c.job
         WHERE r.worker = :worker AND r.ordinal = c.ordinal AND c.action = 1
        """)
}
