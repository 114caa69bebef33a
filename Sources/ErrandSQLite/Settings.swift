// An operator's settings of queues and kinds: changed in one transaction, effective at the next claim of every process.

import Errand
import ErrandContext

extension QueueDatabase {
    /// Makes changes of a queue, kind, limit key or sequence.
    func change(_ scope: LimitScope, _ changes: [SettingChange]) throws(JobStoreError) -> Set<DoorbellTopic> {
        var topics: Set<DoorbellTopic> = [.work]
        // What other settings have counted in this transaction must not be lost with the memory.
        try writeKeys()
        try writeLimits()
        switch scope {
        case .queue(let name):
            let id = try intern(name, find: EnqueueSQL.findQueue, add: EnqueueSQL.addQueue)
            for change in changes {
                if try !apply(change, to: id, in: SettingSQL.queue) { try apply(change, toKeysOfQueue: id) }
            }
        case .kind(let name):
            let id = try intern(name, find: EnqueueSQL.findKind, add: EnqueueSQL.addKind)
            for change in changes { _ = try apply(change, to: id, in: SettingSQL.kind) }
        case .key(let name, let queue):
            let queueID = try intern(queue, find: EnqueueSQL.findQueue, add: EnqueueSQL.addQueue)
            try requireWriter4()
            let key = try internKey(name, inQueue: queueID)
            for change in changes { try apply(change, toKey: key) }
            // To be looked at in this transaction, and to go if nothing needs it any more.
            try changeKey(key) { [now = clock.now] in $0.nextAt = now }
        case .sequence(let name, let queue):
            if changes.contains(.resume) { try resumeSequence(name, inQueue: queue, topics: &topics) }
        }
        memory.plan = nil
        memory.limits = nil
        try admitDue(now: clock.now, topics: &topics)
        return topics
    }

    /// Makes a change that queues and kinds share; whether it is one.
    private func apply(_ change: SettingChange, to id: Int64, in table: SettingSQL.Table) throws(JobStoreError) -> Bool {
        switch change {
        case .pause: try connection[table.pause].bind(1, 1).bind(2, id).run()
        case .resume: try connection[table.pause].bind(1, 0).bind(2, id).run()
        case .concurrency(let limit):
            if limit != nil { try requireWriter4() }
            // Counted anew whenever it is set: from here on, starts and ends keep it.
            let running = limit == nil ? 0 : try connection[table.countRunning].bind(1, id).first { $0.integer(0) } ?? 0
            try connection[table.setConcurrency].bind(1, limit.map(Int64.init)).bind(2, running).bind(3, id).run()
        case .rate(let rate):
            if rate != nil { try requireWriter4() }
            let meter = rate.map { PermitMeter($0) }
            try connection[table.setRate].bind(1, meter?.interval).bind(2, meter?.burst).bind(3, id).run()
        case .keyConcurrency, .keyRate, .fair, .weight: return false
        }
        return true
    }

    /// Makes a change that concerns a queue's order, or its limit keys.
    private func apply(_ change: SettingChange, toKeysOfQueue id: Int64) throws(JobStoreError) {
        try requireWriter4()
        switch change {
        case .keyConcurrency(let limit): try connection[SettingSQL.setKeyConcurrency].bind(1, limit.map(Int64.init)).bind(2, id).run()
        case .keyRate(let rate):
            let meter = rate.map { PermitMeter($0) }
            try connection[SettingSQL.setKeyRate].bind(1, meter?.interval).bind(2, meter?.burst).bind(3, id).run()
        case .fair(let isFair):
            // Virtual time begins behind every job that stands in the line by its time.
            try connection[SettingSQL.setFair].bind(1, isFair ? 1 : 0).bind(2, clock.now).bind(3, id).run()
        case .weight(let weight): try connection[SettingSQL.setWeight].bind(1, Int64(weight)).bind(2, id).run()
        case .pause, .resume, .concurrency, .rate: return
        }
        // Whoever a higher limit lets is admitted by the next steps, some keys in each; a lower one sends jobs back as claims meet them.
        try connection[KeySQL.lookAtAll].bind(1, clock.now).bind(2, id).run()
    }

    private func apply(_ change: SettingChange, toKey key: Int64) throws(JobStoreError) {
        switch change {
        case .concurrency(let limit): try connection[KeySQL.setConcurrency].bind(1, limit.map(Int64.init)).bind(2, key).run()
        case .rate(let rate):
            let meter = rate.map { PermitMeter($0) }
            try connection[KeySQL.setRate].bind(1, meter?.interval).bind(2, meter?.burst).bind(3, key).run()
        case .weight(let weight): try connection[KeySQL.setWeight].bind(1, Int64(weight)).bind(2, key).run()
        case .pause, .resume, .keyConcurrency, .keyRate, .fair: break
        }
    }
}

extension QueueReader {
    /// What stands for every queue and kind, for limit keys with settings of their own, and which sequences are halted.
    func settings() throws(JobStoreError) -> [QueueSettings] {
        try snapshot { () throws(JobStoreError) in
            var settings: [QueueSettings] = []
            for (sql, scope) in [(SettingSQL.queue.list, LimitScope.queue), (SettingSQL.kind.list, LimitScope.kind)] {
                try connection[sql].forEach { row in
                    settings.append(
                        QueueSettings(
                            scope: scope(row.text(0)), isPaused: row.integer(1) != 0, concurrency: row.optionalInteger(2).map(Int.init),
                            rate: QueueReader.rate(row, 3), keyConcurrency: row.optionalInteger(6).map(Int.init),
                            keyRate: QueueReader.rate(row, 7), isFair: row.integer(9) != 0, weight: Int(row.integer(10)),
                            running: Int(row.integer(5))))
                }
            }
            try connection[KeySQL.list].forEach { row in
                settings.append(
                    QueueSettings(
                        scope: .key(row.text(1), queue: row.text(0)), concurrency: row.optionalInteger(2).map(Int.init),
                        rate: QueueReader.rate(row, 3), weight: Int(row.integer(5)), running: Int(row.integer(6))))
            }
            try connection[SequenceSQL.list].forEach { row in
                settings.append(QueueSettings(scope: .sequence(row.text(1), queue: row.text(0)), isPaused: true))
            }
            return settings
        }
    }

    private static func rate(_ row: Statement, _ column: Int32) -> RateLimit? {
        row.optionalInteger(column).map { RateLimit(interval: .microseconds($0), burst: Int(row.integer(column + 1))) }
    }
}

extension StoreCore: QueueControl {
    func change(_ scope: LimitScope, _ changes: [SettingChange]) async throws(JobStoreError) {
        for change in changes {
            if let problem = SettingRules.problem(with: change, of: scope) { throw .refused(reason: problem) }
        }
        try await queue.perform(acknowledged) { (database) throws(JobStoreError) in ((), try database.change(scope, changes)) }
    }

    func settings() async throws(JobStoreError) -> [QueueSettings] {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.settings() }
    }
}

/// The statements of settings; an operator's, a few a day.
enum SettingSQL {
    /// The same statements for queues and for kinds.
    struct Table {
        /// Row key.
        let pause: SQL
        /// Row key.
        let setConcurrency: SQL
        /// What is used of the rate stays used, unless there is none any more. Row key.
        let setRate: SQL
        /// Walks `errand_running`, which is as small as the slots of all workers; row key of `errand_feed`.
        let countRunning: SQL
        /// All rows by name, each with what runs: walks `errand_running` once.
        let list: SQL

        /// `order` is what only queues have.
        init(_ column: String, order: String) {
            let table = "errand_\(column)"
            pause = SQL("UPDATE \(table) SET paused = :paused WHERE id = :id")
            setConcurrency = SQL("UPDATE \(table) SET max_running = :max_running, running = :running WHERE id = :id")
            setRate = SQL("UPDATE \(table) SET tat = iif(:interval IS NULL, 0, tat), interval = :interval, burst = :burst WHERE id = :id")
            countRunning = SQL(
                "SELECT count(*) FROM errand_running r CROSS JOIN errand_feed f ON f.id = r.feed WHERE f.\(column) = :id")
            list = SQL(
                """
                SELECT t.name, t.paused, t.max_running, t.interval, t.burst, coalesce(n.jobs, 0), \(order) FROM \(table) t
                  LEFT JOIN (SELECT f.\(column) AS owner, count(*) AS jobs FROM errand_running r CROSS JOIN errand_feed f ON f.id = r.feed
                    GROUP BY f.\(column)) n ON n.owner = t.id
                 ORDER BY t.name
                """)
        }
    }

    static let queue = Table("queue", order: "t.key_max_running, t.key_interval, t.key_burst, t.fair, t.weight")
    static let kind = Table("kind", order: "NULL, NULL, NULL, 0, 1")

    /// Row key of `errand_queue`.
    static let setKeyConcurrency = SQL("UPDATE errand_queue SET key_max_running = :max_running WHERE id = :id")

    /// Row key of `errand_queue`.
    static let setKeyRate = SQL("UPDATE errand_queue SET key_interval = :interval, key_burst = :burst WHERE id = :id")

    /// Row key of `errand_queue`.
    static let setFair = SQL("UPDATE errand_queue SET fair = :fair, vtime = max(vtime, :now) WHERE id = :id")

    /// Row key of `errand_queue`.
    static let setWeight = SQL("UPDATE errand_queue SET weight = :weight WHERE id = :id")
}
