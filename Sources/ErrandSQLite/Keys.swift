// Limit keys: who may start at once, who waits for the others of its key, and who is next.

import Errand
import ErrandContext

extension QueueDatabase {
    /// At most so many jobs of one key are moved out of its line in one transaction; the rest follows in the next.
    static let admissionsPerStep = 1000
    /// The key of the jobs without one in a fair queue: they share their part of it, and no limit.
    static let sharedKey = ""

    // MARK: Accounts

    /// The number of a key of a queue, given at first use; one more job names it.
    func key(named name: String, inQueue queue: Int64) throws(JobStoreError) -> Int64 {
        // An Errand that does not keep this account would let the key's other jobs wait for ever.
        try requireWriter4()
        let key = try internKey(name, inQueue: queue)
        try changeKey(key) { $0.live += 1 }
        return key
    }

    func internKey(_ name: String, inQueue queue: Int64) throws(JobStoreError) -> Int64 {
        if let found = try connection[KeySQL.find].bind(1, queue).bind(2, text: name).first({ $0.integer(0) }) { return found }
        let added = try connection[KeySQL.add].bind(1, queue).bind(2, text: name).first { $0.integer(0) }
        guard let added else { throw .damaged(reason: "errand_key took a row and gave no number") }
        return added
    }

    /// The key that a new job of `feed` is counted under; `nil` when it shares nothing with others.
    func key(for terms: JobTerms, feed: Int64) throws(JobStoreError) -> Int64? {
        if let name = terms.limitKey { return try key(named: name, inQueue: try parts(ofFeed: feed).queue) }
        guard let limits = try limits(), !limits.fair.isEmpty else { return nil }
        let queue = try parts(ofFeed: feed).queue
        return limits.fair[queue] == nil ? nil : try key(named: QueueDatabase.sharedKey, inQueue: queue)
    }

    /// The account of a key.
    func account(ofKey key: Int64) throws(JobStoreError) -> KeyAccount {
        if let known = gathered.keys[key] { return known }
        let found = try connection[KeySQL.account].bind(1, key).first { row in
            KeyAccount(
                queue: row.integer(0), limit: row.optionalInteger(1),
                meter: row.optionalInteger(2).map { PermitMeter(interval: $0, burst: row.integer(3), fullAt: row.integer(4)) },
                running: row.integer(5), live: row.integer(6), tag: row.integer(7), weight: row.integer(8), nextAt: row.optionalInteger(9))
        }
        guard let found else { throw .damaged(reason: "jobs name limit key \(key), which errand_key does not have") }
        gathered.keys[key] = found
        return found
    }

    /// Changes the account of a key.
    @discardableResult
    func changeKey<T>(_ key: Int64, _ change: (inout KeyAccount) -> T) throws(JobStoreError) -> T {
        var account = try account(ofKey: key)
        let result = change(&account)
        account.isChanged = true
        gathered.keys[key] = account
        return result
    }

    /// Writes the accounts that have changed, and forgets all.
    func writeKeys() throws(JobStoreError) {
        let now = clock.now
        for (key, account) in gathered.keys where account.isChanged {
            var nextAt = account.nextAt
            if account.meter != nil, nextAt.map({ $0 > now }) ?? true {
                // Whoever waits for a permit is looked at when it comes; a key that nobody needs, when its permits are all back.
                if account.live == 0 {
                    nextAt = account.meter.flatMap { $0.fullAt > now ? $0.fullAt : nil }
                } else {
                    nextAt = try waits(forKey: key) ? account.nextPermit(at: now) : nil
                }
            }
            try connection[KeySQL.write].bind(1, account.running).bind(2, account.live).bind(3, account.tag)
                .bind(4, account.meter?.fullAt ?? 0).bind(5, nextAt).bind(6, key).run()
            if account.live == 0, account.meter.map({ $0.fullAt <= now }) ?? true { try connection[KeySQL.forget].bind(1, key).run() }
        }
        gathered.keys = [:]
        gathered.admitted = [:]
    }

    /// A job of a key that did not run has ended.
    func leaveKey(_ key: Int64, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        try changeKey(key) { $0.live -= 1 }
        try admitNext(ofKey: key, topics: &topics)
    }

    /// A job that had ended is counted under its key again; the row of that may have gone meanwhile.
    func takeLimitKeyAgain(_ id: Int64, feed: Int64) throws(JobStoreError) {
        guard try hasNewAccounts() else { return }
        let key = try key(for: try terms(of: id)?.terms ?? JobTerms(), feed: feed)
        try connection[KeySQL.setKey].bind(1, key).bind(2, id).run()
    }

    // MARK: Places

    /// Puts a job where it may start, if its key admits it: else it waits, behind those who were there before. A suspect stands apart.
    func put(_ job: PlacedJob) throws(JobStoreError) {
        if try isSuspect(job.id) { return try placeApart(job.id, base: job.base, attempt: job.attempt, crashes: job.crashes) }
        guard let key = job.key else {
            try connection[PlacementSQL.makeAvailable].bind(1, job.feed).bind(2, job.priority).bind(3, job.rank).bind(4, job.id)
                .bind(5, job.base).bind(6, job.attempt).bind(7, job.crashes).run()
            return
        }
        let lane = KeyLane(key: key, kind: try parts(ofFeed: job.feed).kind)
        let account = try account(ofKey: key)
        if account.isLimited {
            let isFull = try admitted(in: lane) >= account.room(at: clock.now)
            if try isFull ? true : isWaited(for: lane) { return try wait(job, in: lane) }
        }
        try admit(job, in: lane)
    }

    /// Lets a job of a key start.
    private func admit(_ job: PlacedJob, in lane: KeyLane) throws(JobStoreError) {
        if try isSuspect(job.id) { return try placeApart(job.id, base: job.base, attempt: job.attempt, crashes: job.crashes) }
        var rank = job.rank
        if let virtualTime = try limits()?.fair[try parts(ofFeed: job.feed).queue] {
            rank = try changeKey(lane.key) { $0.takeRank(at: virtualTime) }
        }
        if let known = gathered.admitted[lane] { gathered.admitted[lane] = known + 1 }
        try connection[KeySQL.makeAvailable].bind(1, job.feed).bind(2, job.priority).bind(3, rank).bind(4, job.id).bind(5, job.base)
            .bind(6, job.attempt).bind(7, job.crashes).bind(8, lane.key).bind(9, lane.kind).run()
    }

    private func isWaited(for lane: KeyLane) throws(JobStoreError) -> Bool {
        try connection[KeySQL.next].bind(1, lane.key).bind(2, lane.kind).first { _ in true } ?? false
    }

    /// How many jobs of a lane may start now and have not.
    private func admitted(in lane: KeyLane) throws(JobStoreError) -> Int {
        if let known = gathered.admitted[lane] { return known }
        let found = try connection[KeySQL.admitted].bind(1, lane.key).bind(2, lane.kind).first { Int($0.integer(0)) } ?? 0
        gathered.admitted[lane] = found
        return found
    }

    /// Jobs of a lane have started, or were taken out of where they might.
    func takeAdmitted(_ count: Int, in lane: KeyLane) {
        if let known = gathered.admitted[lane] { gathered.admitted[lane] = known - count }
    }

    /// Lets a job wait for the others of its key.
    func wait(_ job: PlacedJob, in lane: KeyLane) throws(JobStoreError) {
        try connection[KeySQL.wait].bind(1, lane.key).bind(2, lane.kind).bind(3, job.priority).bind(4, job.rank).bind(5, job.id)
            .bind(6, job.feed).bind(7, job.base).bind(8, job.attempt).bind(9, job.crashes).run()
        // Whether it waits for a permit is found out at the end.
        try changeKey(lane.key) { _ in }
    }

    /// Takes a job out of the line of its key.
    func stopWaiting(_ id: Int64, in lane: KeyLane, priority: Int64, rank: Int64) throws(JobStoreError) {
        try connection[KeySQL.stopWaiting].bind(1, lane.key).bind(2, lane.kind).bind(3, priority).bind(4, rank).bind(5, id).run()
    }

    private func waits(forKey key: Int64) throws(JobStoreError) -> Bool {
        try connection[KeySQL.anyWaiting].bind(1, key).first { _ in true } ?? false
    }

    // MARK: Moving on

    /// Admits jobs of a key that wait, lane by lane, as far as there is room: no slot stays free while a job waits for it.
    func admitNext(ofKey key: Int64, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        let room = try account(ofKey: key).room(at: clock.now)
        guard room > 0 else { return }
        var budget = QueueDatabase.admissionsPerStep
        var lane = KeyLane(key: key, kind: -1)
        while let next = try firstWaiting(KeySQL.nextLane, of: lane) {
            lane.kind = next.kind
            var head = next.job
            while try admitted(in: lane) < room {
                guard budget > 0 else {
                    try changeKey(key) { [now = clock.now] in $0.nextAt = now }
                    return
                }
                budget -= 1
                try stopWaiting(head.id, in: lane, priority: head.priority, rank: head.rank)
                try admit(head, in: lane)
                topics.insert(.work)
                guard let following = try firstWaiting(KeySQL.next, of: lane) else { break }
                head = following.job
            }
        }
    }

    private func firstWaiting(_ sql: SQL, of lane: KeyLane) throws(JobStoreError) -> (kind: Int64, job: PlacedJob)? {
        try connection[sql].bind(1, lane.key).bind(2, lane.kind).first { row in
            let job = PlacedJob(
                id: row.integer(3), feed: row.integer(4), priority: row.integer(1), rank: row.integer(2), key: lane.key,
                base: row.integer(5), attempt: row.integer(6), crashes: row.integer(7))
            return (row.integer(0), job)
        }
    }

    /// Looks at the lines of keys whose time has come.
    func admitDue(now: Int64, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        guard try hasNewAccounts() else { return }
        var due: [Int64] = []
        try connection[KeySQL.due].bind(1, now).bind(2, QueueDatabase.keysPerStep).forEach { due.append($0.integer(0)) }
        for key in due {
            try changeKey(key) { $0.nextAt = nil }
            try admitNext(ofKey: key, topics: &topics)
        }
    }

    /// How many keys' lines are looked at in one step.
    static let keysPerStep: Int64 = 64

    /// When the line of a key is to be looked at next.
    func nextKeyDue() throws(JobStoreError) -> Int64? {
        guard try hasNewAccounts() else { return nil }
        return try connection[KeySQL.nextDue].first { $0.optionalInteger(0) } ?? nil
    }
}

/// The statements of limit keys. A job without a key meets none of them.
enum KeySQL {
    /// The number of a key. Unique index of `errand_key`.
    static let find = SQL("SELECT id FROM errand_key WHERE queue = :queue AND name = :name")

    static let add = SQL("INSERT INTO errand_key(queue, name) VALUES(:queue, :name) RETURNING id")

    /// A key's account, with its own limit and rate or its queue's; the shared key of a fair queue has none. Row keys; once for each key
    /// in a transaction.
    static let account = SQL(
        """
        SELECT k.queue, iif(k.name = '', NULL, coalesce(k.max_running, q.key_max_running)),
               iif(k.name = '', NULL, coalesce(k.interval, q.key_interval)), iif(k.interval IS NULL, q.key_burst, k.burst), k.tat, k.taken,
               k.live, k.tag, k.weight, k.next_at
          FROM errand_key k CROSS JOIN errand_queue q ON q.id = k.queue WHERE k.id = :key
        """)

    /// Row key of `errand_key`; once for each key in a transaction.
    static let write = SQL(
        "UPDATE errand_key SET taken = :running, live = :live, tag = :tag, tat = :tat, next_at = :next_at WHERE id = :id")

    /// A key that no live job names goes, unless somebody has set something for it. Row key of `errand_key`.
    static let forget = SQL("DELETE FROM errand_key WHERE id = :id AND max_running IS NULL AND interval IS NULL AND weight = 1")

    /// Row key of `errand_job`.
    static let ofJob = SQL("SELECT key FROM errand_job WHERE id = :id")

    /// Row key of `errand_job`.
    static let setKey = SQL("UPDATE errand_job SET key = :key WHERE id = :id")

    /// Makes a job with a key available. Primary key of `errand_available`, index `errand_available_key`.
    static let makeAvailable = SQL(
        """
        INSERT INTO errand_available(feed, priority, rank, id, base, attempt, crashes, key, lane)
        VALUES(:feed, :priority, :rank, :id, :base, :attempt, :crashes, :key, :lane)
        """)

    /// Jobs of a lane that may start: no more than the key's limit. A prefix of index `errand_available_key`.
    static let admitted = SQL("SELECT count(*) FROM errand_available WHERE key = :key AND lane = :lane")

    /// Takes a job with a key out. Index `errand_available_key`.
    static let dropAvailable = SQL("DELETE FROM errand_available WHERE key = :key AND lane = :lane AND id = :id")

    /// Lets a job wait for its key. Primary key of `errand_waiting`.
    static let wait = SQL(
        """
        INSERT INTO errand_waiting(key, lane, priority, rank, id, feed, base, attempt, crashes)
        VALUES(:key, :lane, :priority, :rank, :id, :feed, :base, :attempt, :crashes)
        """)

    /// The beginning of a prefix of the primary key of `errand_waiting`.
    static let anyWaiting = SQL("SELECT 1 FROM errand_waiting WHERE key = :key LIMIT 1")

    private static let waiting = "SELECT lane, priority, rank, id, feed, base, attempt, crashes FROM errand_waiting"

    /// Who is first in the lane behind one. The beginning of a range of the primary key of `errand_waiting`.
    static let nextLane = SQL("\(waiting) WHERE key = :key AND lane > :lane ORDER BY lane, priority, rank, id LIMIT 1")

    /// Who is first in a lane. The beginning of a prefix of the primary key of `errand_waiting`.
    static let next = SQL("\(waiting) WHERE key = :key AND lane = :lane ORDER BY priority, rank, id LIMIT 1")

    /// Primary key of `errand_waiting`.
    static let stopWaiting = SQL(
        "DELETE FROM errand_waiting WHERE key = :key AND lane = :lane AND priority = :priority AND rank = :rank AND id = :id")

    /// Lets the lines of all keys of a queue be looked at. A prefix of the unique index of `errand_key`; an operator's, a few a day.
    static let lookAtAll = SQL("UPDATE errand_key SET next_at = :now WHERE queue = :queue")

    /// Row key of `errand_key`.
    static let setConcurrency = SQL("UPDATE errand_key SET max_running = :max_running WHERE id = :id")

    /// Row key of `errand_key`.
    static let setRate = SQL("UPDATE errand_key SET interval = :interval, burst = :burst WHERE id = :id")

    /// Row key of `errand_key`.
    static let setWeight = SQL("UPDATE errand_key SET weight = :weight WHERE id = :id")

    /// Keys with settings of their own. Walks `errand_key`, which has a row for each key with live jobs.
    static let list = SQL(
        """
        SELECT q.name, k.name, k.max_running, k.interval, k.burst, k.weight, k.taken
          FROM errand_key k CROSS JOIN errand_queue q ON q.id = k.queue
         WHERE k.max_running IS NOT NULL OR k.interval IS NOT NULL OR k.weight <> 1 ORDER BY q.name, k.name
        """)

    /// Index `errand_key_due`.
    static let due = SQL("SELECT id FROM errand_key WHERE next_at <= :now ORDER BY next_at LIMIT :limit")

    /// The beginning of index `errand_key_due`.
    static let nextDue = SQL("SELECT min(next_at) FROM errand_key WHERE next_at IS NOT NULL")
}
