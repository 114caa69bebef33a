// An operator's settings of queues and kinds: changed in one transaction, effective at the next claim of every process.

import Errand
import ErrandContext

extension QueueDatabase {
    /// Makes changes of a queue or kind.
    func change(_ scope: LimitScope, _ changes: [SettingChange]) throws(JobStoreError) -> Set<DoorbellTopic> {
        let table: SettingSQL.Table
        let id: Int64
        switch scope {
        case .queue(let name):
            table = SettingSQL.queue
            id = try intern(name, find: EnqueueSQL.findQueue, add: EnqueueSQL.addQueue)
        case .kind(let name):
            table = SettingSQL.kind
            id = try intern(name, find: EnqueueSQL.findKind, add: EnqueueSQL.addKind)
        }
        // What other settings have counted in this transaction must not be lost with the memory.
        try writeLimits()
        for change in changes { try apply(change, to: id, in: table) }
        memory.plan = nil
        memory.limits = nil
        return [.work]
    }

    private func apply(_ change: SettingChange, to id: Int64, in table: SettingSQL.Table) throws(JobStoreError) {
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
        }
    }
}

extension QueueReader {
    /// What stands for every queue and kind.
    func settings() throws(JobStoreError) -> [QueueSettings] {
        try snapshot { () throws(JobStoreError) in
            var settings: [QueueSettings] = []
            for (sql, scope) in [(SettingSQL.queue.list, LimitScope.queue), (SettingSQL.kind.list, LimitScope.kind)] {
                try connection[sql].forEach { row in
                    let rate = row.optionalInteger(3).map { RateLimit(interval: .microseconds($0), burst: Int(row.integer(4))) }
                    settings.append(
                        QueueSettings(
                            scope: scope(row.text(0)), isPaused: row.integer(1) != 0, concurrency: row.optionalInteger(2).map(Int.init),
                            rate: rate, running: Int(row.integer(5))))
                }
            }
            return settings
        }
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

        init(_ column: String) {
            let table = "errand_\(column)"
            pause = SQL("UPDATE \(table) SET paused = :paused WHERE id = :id")
            setConcurrency = SQL("UPDATE \(table) SET max_running = :max_running, running = :running WHERE id = :id")
            setRate = SQL("UPDATE \(table) SET tat = iif(:interval IS NULL, 0, tat), interval = :interval, burst = :burst WHERE id = :id")
            countRunning = SQL(
                "SELECT count(*) FROM errand_running r CROSS JOIN errand_feed f ON f.id = r.feed WHERE f.\(column) = :id")
            list = SQL(
                """
                SELECT t.name, t.paused, t.max_running, t.interval, t.burst, coalesce(n.jobs, 0) FROM \(table) t
                  LEFT JOIN (SELECT f.\(column) AS owner, count(*) AS jobs FROM errand_running r CROSS JOIN errand_feed f ON f.id = r.feed
                    GROUP BY f.\(column)) n ON n.owner = t.id
                 ORDER BY t.name
                """)
        }
    }

    static let queue = Table("queue")
    static let kind = Table("kind")
}
