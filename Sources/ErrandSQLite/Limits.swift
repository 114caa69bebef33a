// Limits of queues and kinds at work: how many jobs a claim may take, and what starts and ends count.

import Errand
import ErrandContext

extension QueueDatabase {
    /// The limits that stand; `nil` when there are none.
    func limits() throws(JobStoreError) -> LimitTable? {
        if let known = memory.limits { return known.isEmpty ? nil : known }
        guard try hasNewAccounts() else { return nil }
        var table = LimitTable()
        try connection[LimitSQL.queues].forEach { row in table.queues[row.integer(0)] = QueueDatabase.limit(row) }
        try connection[LimitSQL.kinds].forEach { row in table.kinds[row.integer(0)] = QueueDatabase.limit(row) }
        try connection[LimitSQL.orders].forEach { row in
            if row.integer(1) != 0 { table.fair[row.integer(0)] = row.integer(2) }
            if row.integer(3) != 1 { table.weights[row.integer(0)] = row.integer(3) }
        }
        memory.limits = table
        return table.isEmpty ? nil : table
    }

    private static func limit(_ row: Statement) -> LimitTable.Limit {
        let meter = row.optionalInteger(4).map { PermitMeter(interval: $0, burst: row.integer(5), fullAt: row.integer(6)) }
        return LimitTable.Limit(name: row.text(1), maxRunning: row.optionalInteger(2), running: row.integer(3), meter: meter)
    }

    /// Those of `feeds`, of any queues, of which a job may start.
    func feedsWithRoom(_ feeds: [ClaimPlan.OpenFeed], now: Int64) throws(JobStoreError) -> [ClaimPlan.OpenFeed] {
        guard let limits = try limits() else { return feeds }
        return feeds.filter { feed in
            limits.queues[feed.queueID]?.room(at: now) ?? 1 > 0 && limits.kinds[feed.kindID]?.room(at: now) ?? 1 > 0
        }
    }

    /// Whether a limit keeps back a job of `feeds`.
    func holdsBack(_ feeds: [ClaimPlan.OpenFeed], now: Int64) throws(JobStoreError) -> Bool {
        if try hasNewAccounts() {
            let asked = Set(feeds.map(\.id))
            let waiting = try connection[LimitSQL.waiting]
            defer { waiting.reset() }
            while try waiting.step() { if asked.contains(waiting.integer(0)) { return true } }
        }
        guard try limits() != nil else { return false }
        let open = Set(try feedsWithRoom(feeds, now: now).map(\.id))
        for feed in feeds where !open.contains(feed.id) {
            if try connection[LimitSQL.hasAvailable].bind(1, feed.id).first({ _ in true }) != nil { return true }
            if try hasSuspects(), try connection[SuspectSQL.next].bind(1, feed.id).first({ _ in true }) != nil { return true }
        }
        return false
    }

    /// Counts jobs that have started.
    func countStarts(_ count: Int, of feed: ClaimPlan.OpenFeed, now: Int64) {
        memory.limits?.start(count, queue: feed.queueID, kind: feed.kindID, at: now)
    }

    /// Counts a job of `feed` that has ended or was given back; whether that lets another one start.
    func countEnd(ofFeed feed: Int64) throws(JobStoreError) -> Bool {
        guard try limits() != nil else { return false }
        let parts = try parts(ofFeed: feed)
        return memory.limits?.end(queue: parts.queue, kind: parts.kind) ?? false
    }

    /// The queue and the kind of a feed.
    func parts(ofFeed feed: Int64) throws(JobStoreError) -> (queue: Int64, kind: Int64) {
        if let known = memory.feedParts[feed] { return known }
        let found = try connection[LimitSQL.parts].bind(1, feed).first { (queue: $0.integer(0), kind: $0.integer(1)) }
        guard let found else { throw .damaged(reason: "jobs name feed \(feed), which errand_feed does not have") }
        memory.feedParts[feed] = found
        return found
    }

    /// When the first of the queues and kinds that `claim` asks for, and that have used up their rates, may start jobs again.
    func nextPermit(for claim: ClaimRequest?, now: Int64) throws(JobStoreError) -> Int64? {
        guard let claim, let limits = try limits() else { return nil }
        let queues = limits.queues.values.filter { limit in claim.queues.contains { $0.queue == limit.name } }
        let kinds = limits.kinds.values.filter { claim.kinds.contains($0.name) }
        return (queues + kinds).compactMap { $0.meter?.nextPermit(at: now) }.min()
    }

    /// Writes what has been counted.
    func writeLimits() throws(JobStoreError) {
        guard let limits = memory.limits else { return }
        for (ids, table, sql) in [
            (limits.changedQueues, limits.queues, LimitSQL.writeQueue), (limits.changedKinds, limits.kinds, LimitSQL.writeKind),
        ] {
            for id in ids {
                guard let limit = table[id] else { continue }
                try connection[sql].bind(1, limit.running).bind(2, limit.meter?.fullAt ?? 0).bind(3, id).run()
            }
        }
        for id in limits.changedFair { try connection[LimitSQL.writeFair].bind(1, limits.fair[id] ?? 0).bind(2, id).run() }
        memory.limits?.changedFair = []
        memory.limits?.changedQueues = []
        memory.limits?.changedKinds = []
    }
}

/// The statements of limits.
enum LimitSQL {
    /// Queues with a limit. Walks `errand_queue`, which has a row for each name; asked only where limits may be in use, when other
    /// processes have written.
    static let queues = SQL(
        """
        SELECT id, name, max_running, running, interval, burst, tat FROM errand_queue WHERE max_running IS NOT NULL OR interval IS NOT NULL
        """)

    /// Kinds with a limit; as ``queues``.
    static let kinds = SQL(
        """
        SELECT id, name, max_running, running, interval, burst, tat FROM errand_kind WHERE max_running IS NOT NULL OR interval IS NOT NULL
        """)

    /// Queues whose order is not the usual one; as ``queues``.
    static let orders = SQL("SELECT id, fair, vtime, weight FROM errand_queue WHERE fair <> 0 OR weight <> 1")

    /// Jobs that wait for their keys, until one is found that was asked for. Walks `errand_waiting`; asked only by a worker that found
    /// nothing and would leave.
    static let waiting = SQL("SELECT feed FROM errand_waiting")

    /// Once for each fair queue in a transaction. Row key of `errand_queue`.
    static let writeFair = SQL("UPDATE errand_queue SET vtime = max(vtime, :vtime) WHERE id = :id")

    /// Row key of `errand_feed`.
    static let parts = SQL("SELECT queue, kind FROM errand_feed WHERE id = :feed")

    /// The beginning of a prefix of the primary key of `errand_available`.
    static let hasAvailable = SQL("SELECT 1 FROM errand_available WHERE feed = :feed LIMIT 1")

    /// Once for each limited queue in a transaction. Row key of `errand_queue`.
    static let writeQueue = SQL("UPDATE errand_queue SET running = :running, tat = :tat WHERE id = :id")

    /// Once for each limited kind in a transaction. Row key of `errand_kind`.
    static let writeKind = SQL("UPDATE errand_kind SET running = :running, tat = :tat WHERE id = :id")
}
