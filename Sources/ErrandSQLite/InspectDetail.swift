// One job in full, and the store at a glance.

import Errand
import ErrandContext

extension QueueReader {
    /// Everything about one job.
    func job(_ id: JobID) throws(JobStoreError) -> JobDetail? {
        try snapshot { () throws(JobStoreError) in
            guard let summary = try summary(of: id.rawValue) else { return nil }
            let input = try connection[DetailSQL.input].bind(1, id.rawValue)
            defer { input.reset() }
            guard try input.step() else { return nil }
            let extras = try JobExtras(input, from: 1)
            let executions = try executions(of: id)
            let result = try connection[DetailSQL.result].bind(1, id.rawValue).first { $0.optionalBytes(0) } ?? nil
            let cancel = try connection[DetailSQL.cancel].bind(1, id.rawValue).first { $0.integer(0) }
            var detail = JobDetail(
                summary: summary, payload: input.bytes(0), result: result,
                error: summary.state == .completed ? nil : executions.last { $0.error != nil }?.error, timeout: extras.timeout,
                terms: extras.terms, parent: extras.parent, root: extras.root, trace: extras.trace, traceRelation: extras.traceRelation,
                cancelRequestedAt: cancel.map(Timestamp.init(microseconds:)), executions: executions)
            if let newest = executions.last { detail.progress = try progress(of: newest.execution) }
            return detail
        }
    }

    func executions(of id: JobID) throws(JobStoreError) -> [ExecutionRecord] {
        var records: [ExecutionRecord] = []
        for sql in [DetailSQL.executions, DetailSQL.lastExecution, DetailSQL.runningExecution] {
            try connection[sql].bind(1, id.rawValue).forEach { (row) throws(JobStoreError) in
                records.append(
                    ExecutionRecord(
                        execution: ExecutionID(id, row.integer(0)), attempt: Int(row.integer(1)),
                        worker: row.optionalInteger(2).map(WorkerID.init(rawValue:)), startedAt: Timestamp(microseconds: row.integer(3)),
                        finishedAt: row.optionalInteger(4).map(Timestamp.init(microseconds:)),
                        outcome: row.optionalInteger(5).flatMap(Outcome.init(code:)),
                        error: try row.optionalText(6).map { (text) throws(JobStoreError) in try JSONText.decode(StoredError.self, text) }))
            }
        }
        return records
    }

    // MARK: The store at a glance

    /// Counts, workers, ages and the last hour, from counters and live tables.
    func stats() throws(JobStoreError) -> StoreStats {
        try snapshot { () throws(JobStoreError) in
            let feeds = try feedNames()
            var counts: [StoreStats.Count] = []
            func add(_ sql: SQL, _ state: (Statement) -> JobState?) throws(JobStoreError) {
                try connection[sql].forEach { row in
                    guard let feed = feeds[row.integer(0)], let state = state(row), row.integer(2) > 0 else { return }
                    counts.append(StoreStats.Count(queue: feed.queue, kind: feed.kind, state: state, jobs: Int(row.integer(2))))
                }
            }
            try add(StatsSQL.available) { _ in .available }
            try add(StatsSQL.scheduled) { $0.integer(1) == ScheduledReason.retry.rawValue ? .retryable : .scheduled }
            try add(StatsSQL.waiting) { _ in .waiting }
            try add(StatsSQL.blocked) { _ in .blocked }
            try add(StatsSQL.running) { _ in .running }
            try add(StatsSQL.finished) { FinalState(rawValue: $0.integer(1))?.jobState }
            return StoreStats(
                counts: counts, workers: try liveWorkers(), oldestAvailable: try oldestAvailable(feeds), lastHour: try lastHour(feeds))
        }
    }

    func feedNames() throws(JobStoreError) -> [Int64: QueueDatabase.FeedName] {
        var names: [Int64: QueueDatabase.FeedName] = [:]
        try connection[StatsSQL.feeds].forEach { row in
            names[row.integer(0)] = QueueDatabase.FeedName(queue: row.text(1), kind: row.text(2))
        }
        return names
    }

    private func liveWorkers() throws(JobStoreError) -> [StoreStats.WorkerStatus] {
        var found: [StoreStats.WorkerStatus] = []
        try connection[StatsSQL.workers].forEach { (row) throws(JobStoreError) in
            let id = WorkerID(rawValue: row.integer(0))
            guard row.text(1) == boot.boot, try lock.isPresent(id) else { return }
            let description = try JSONText.decode(WorkerDescription.self, row.text(2))
            let (orders, hasHeard) = try WorkerOrders.read(connection, id)
            // A lease begins with the sign of life that renews it, by the boot clock of its own time namespace.
            let age = row.integer(6) == boot.timeNamespace ? clock.uptime - (row.integer(4) - row.integer(5)) : 0
            found.append(
                StoreStats.WorkerStatus(
                    id: id, description: description, running: Int(row.integer(3)), heartbeatAge: .microseconds(max(0, age)),
                    orders: orders, hasHeard: hasHeard))
        }
        return found
    }

    private func oldestAvailable(_ feeds: [Int64: QueueDatabase.FeedName]) throws(JobStoreError) -> [StoreStats.OldestAvailable] {
        var found: [StoreStats.OldestAvailable] = []
        for (id, feed) in feeds.sorted(by: { $0.key < $1.key }) {
            // One seek for each priority in use: within one the order is by rank.
            var oldest: Int64?
            var priority: Int64 = .min
            while let (next, rank) = try connection[StatsSQL.oldest].bind(1, id).bind(2, priority).first({ ($0.integer(0), $0.integer(1)) })
            {
                oldest = min(oldest ?? .max, rank)
                priority = next
            }
            if let oldest {
                found.append(StoreStats.OldestAvailable(queue: feed.queue, kind: feed.kind, since: Timestamp(microseconds: oldest)))
            }
        }
        return found
    }

    private func lastHour(_ feeds: [Int64: QueueDatabase.FeedName]) throws(JobStoreError) -> [StoreStats.OutcomeCount] {
        var found: [StoreStats.OutcomeCount] = []
        try connection[StatsSQL.lastHour].bind(1, clock.now / 60_000_000 - 59).forEach { row in
            guard let feed = feeds[row.integer(0)], let outcome = Outcome(code: row.integer(1)) else { return }
            found.append(
                StoreStats.OutcomeCount(
                    queue: feed.queue, kind: feed.kind, outcome: outcome, executions: Int(row.integer(2)),
                    runTime: .microseconds(row.integer(3))))
        }
        return found
    }
}

/// The statements behind one job in full.
enum DetailSQL {
    /// Row key of `errand_job`.
    static let input = SQL("SELECT payload, \(JobExtras.columns) FROM errand_job WHERE id = :id")

    /// Row key of `errand_finished`.
    static let result = SQL("SELECT result FROM errand_finished WHERE id = :id")

    /// Row keys of `errand_control` and `errand_running`.
    static let cancel = SQL(
        "SELECT c.requested_at FROM errand_control c JOIN errand_running r ON r.id = c.job AND r.ordinal = c.ordinal WHERE c.job = :id")

    /// Executions that were not the last. A prefix of the primary key of `errand_execution`, in order.
    static let executions = SQL(
        """
        SELECT ordinal, attempt, worker, started_at, finished_at, outcome, error FROM errand_execution WHERE job = :id ORDER BY ordinal
        """)

    /// The last execution of a job that ended in one. Row key of `errand_finished`.
    static let lastExecution = SQL(
        """
        SELECT ordinal, attempt + (outcome IN (\(Outcome.refundedCodes))), worker, started_at, finished_at, outcome, error FROM errand_finished
         WHERE id = :id AND outcome IS NOT NULL
        """)

    /// The execution that runs. Row key of `errand_running`.
    static let runningExecution = SQL(
        "SELECT ordinal, attempt, worker, started_at, NULL, NULL, NULL FROM errand_running WHERE id = :id")
}

/// The statements behind the store at a glance: counters and live tables only.
enum StatsSQL {
    static let feeds = SQL(
        "SELECT f.id, q.name, k.name FROM errand_feed f JOIN errand_queue q ON q.id = f.queue JOIN errand_kind k ON k.id = f.kind")

    /// Walks the primary key of `errand_available` and the index `errand_suspect_ready`.
    static let available = SQL(
        """
        SELECT feed, 0, sum(jobs) FROM (
            SELECT feed, count(*) AS jobs FROM errand_available GROUP BY feed
            UNION ALL SELECT feed, count(*) FROM errand_suspect WHERE base IS NOT NULL GROUP BY feed) GROUP BY feed
        """)

    /// Walks `errand_scheduled`, with the input by row key.
    static let scheduled = SQL(
        """
        SELECT j.feed, s.reason, count(*) FROM errand_scheduled s CROSS JOIN errand_job j ON j.id = s.id GROUP BY j.feed, s.reason = 1
        """)

    /// Walks `errand_waiting`, and `errand_held` with the input by row key.
    static let waiting = SQL(
        """
        SELECT feed, 0, count(*) FROM (
            SELECT feed FROM errand_waiting UNION ALL SELECT j.feed FROM errand_held h CROSS JOIN errand_job j ON j.id = h.id) GROUP BY feed
        """)

    /// Walks `errand_blocked`, of small rows.
    static let blocked = SQL("SELECT feed, 0, count(*) FROM errand_blocked GROUP BY feed")

    /// Walks `errand_running`.
    static let running = SQL("SELECT feed, 0, count(*) FROM errand_running GROUP BY feed")

    /// The counters.
    static let finished = SQL("SELECT feed, state, jobs FROM errand_counter")

    /// All workers, and how many executions each holds.
    static let workers = SQL(
        """
        SELECT w.id, w.boot, w.info, (SELECT count(*) FROM errand_running r WHERE r.worker = w.id), w.lease_until, w.lease_us, w.time_ns
          FROM errand_worker w ORDER BY w.id
        """)

    /// The first job of the next priority of a feed, with when it was due. A range of the primary key of `errand_available`, the input by
    /// row key.
    static let oldest = SQL(
        """
        SELECT a.priority, j.run_at FROM errand_available a CROSS JOIN errand_job j ON j.id = a.id
         WHERE a.feed = :feed AND a.priority > :priority ORDER BY a.priority, a.rank, a.id LIMIT 1
        """)

    /// A range of the primary key of `errand_tally`.
    static let lastHour = SQL(
        "SELECT feed, outcome, sum(n), sum(run_us) FROM errand_tally WHERE minute >= :minute GROUP BY feed, outcome")
}
