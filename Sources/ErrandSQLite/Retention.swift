// Retention: finished jobs that nobody wants to keep any longer go, a bounded slice at a time.

import Errand
import ErrandContext

extension QueueDatabase {
    /// At most so many finished rows are looked at in one slice.
    static let rowsPerSweep = 2000
    /// How long what ended in a minute is remembered: eight days, a week to compare with.
    static let tallyMinutes: Int64 = 8 * 24 * 60

    /// A finished job, as retention meets it.
    struct Finished {
        var id: Int64
        var state: FinalState
        var finishedAt: Int64
    }

    /// Deletes at most `limit` finished jobs: the oldest beyond the count, and those older than their state allows.
    ///
    /// The sweep over ages goes on where the last one stopped and skips what is young: a job that was delayed for long has an old
    /// ID and ends late.
    func prune(_ policy: RetentionPolicy, limit: Int) throws(JobStoreError) -> (PruneReport, Set<DoorbellTopic>) {
        var report = PruneReport(jobs: [], hasMore: false)
        if policy.looksInside(storeBytes: try usedBytes()) {
            try walk(policy, limit: limit, into: &report)
            try sweepAway()
            return (report, [])
        }
        if let kept = policy.finishedJobs {
            let total = try connection[RetentionSQL.total].first { Int($0.integer(0)) } ?? 0
            let excess = max(0, total - kept)
            try dropOldest(excess, limit: limit, into: &report)
        }
        if !report.hasMore { try sweep(policy, limit: limit, into: &report) }
        try sweepAway()
        return (report, [])
    }

    /// So many rows are passed over at most that may not go yet.
    private static let rowsPassedOver = 20_000

    /// Deletes, of the oldest `excess`, those that may go: at most `limit` in a slice.
    private func dropOldest(_ excess: Int, limit: Int, into report: inout PruneReport) throws(JobStoreError) {
        var left = excess
        var budget = QueueDatabase.rowsPassedOver
        var position: Int64 = -1
        while left > 0, budget > 0 {
            let page = try finished(after: position, limit: min(500, left))
            guard !page.isEmpty else { return }
            for job in page {
                guard report.jobs.count < limit else {
                    report.hasMore = true
                    return
                }
                position = job.id
                left -= 1
                if try !delete(job, into: &report) { budget -= 1 }
            }
        }
    }

    /// Forgets what belongs to no job and is over.
    private func sweepAway() throws(JobStoreError) {
        try freeOverdueKeys()
        try dropOldWorkflows()
        try connection[RetentionSQL.dropTallies].bind(1, clock.now / 60_000_000 - QueueDatabase.tallyMinutes).run()
        try dropOldEvents()
    }

    private func sweep(_ policy: RetentionPolicy, limit: Int, into report: inout PruneReport) throws(JobStoreError) {
        let now = clock.now
        let start = sweepPosition
        var budget = QueueDatabase.rowsPerSweep
        var hasWrapped = start <= 0
        while true {
            let page = try finished(after: sweepPosition, limit: min(budget, 500))
            for job in page {
                if hasWrapped, start > 0, job.id > start { return }
                if isOver(job, policy, now: now) {
                    guard report.jobs.count < limit else {
                        report.hasMore = true
                        return
                    }
                    try delete(job, into: &report)
                }
                sweepPosition = job.id
            }
            budget -= page.count
            if page.isEmpty || page.count < 500 && budget > 0 {
                // The end of the table: once around is enough, and a slice that began in the middle looks at the beginning, too.
                sweepPosition = 0
                guard !hasWrapped else { return }
                hasWrapped = true
            } else if budget <= 0 {
                report.hasMore = !hasWrapped || start <= 0
                return
            }
        }
    }

    private func isOver(_ job: Finished, _ policy: RetentionPolicy, now: Int64) -> Bool {
        guard let age = policy.age(of: job.state.jobState) else { return false }
        return now - job.finishedAt > age.wholeMicroseconds
    }

    private func finished(after id: Int64, limit: Int) throws(JobStoreError) -> [Finished] {
        guard limit > 0 else { return [] }
        var rows: [Finished] = []
        try connection[RetentionSQL.finished].bind(1, id).bind(2, Int64(limit)).forEach { row in
            guard let state = FinalState(rawValue: row.integer(1)) else { return }
            rows.append(Finished(id: row.integer(0), state: state, finishedAt: row.integer(2)))
        }
        return rows
    }

    /// Deletes a finished job, unless its death halts its sequence: whoever decides how that goes on wants to see why; or a live job waits
    /// for it, or may ask what it gave.
    /// - Returns: Whether it is deleted.
    @discardableResult
    func delete(_ job: Finished, into report: inout PruneReport) throws(JobStoreError) -> Bool {
        if job.state == .dead, try halts(job.id) { return false }
        if try isNeeded(job.id) { return false }
        try connection[ControlSQL.dropFinished].bind(1, job.id).run()
        if let feed = try erase(job.id) { count(job.state, feed: feed, by: -1) }
        report.jobs.append(JobID(rawValue: job.id))
        return true
    }
}

/// The statements of retention.
enum RetentionSQL {
    /// Forgets minutes of long ago. A prefix of the primary key of `errand_tally`.
    static let dropTallies = SQL("DELETE FROM errand_tally WHERE minute < :minute")

    /// Finished jobs in all, from the counters.
    static let total = SQL("SELECT coalesce(sum(jobs), 0) FROM errand_counter")

    /// Finished jobs in the order of their IDs. Row key of `errand_finished`.
    static let finished = SQL("SELECT id, state, finished_at FROM errand_finished WHERE id > :id ORDER BY id LIMIT :limit")

    /// What says which side rows a job has. Row key of `errand_job`.
    static let input = SQL("SELECT feed, flags, idempotency_key, batch FROM errand_job WHERE id = :id")

    /// A prefix of the primary key of `errand_execution`.
    static let dropExecutions = SQL("DELETE FROM errand_execution WHERE job = :job")

    /// Primary key of `errand_idempotency`.
    static let dropKey = SQL("DELETE FROM errand_idempotency WHERE key = :key AND job = :job")

    /// Row key of `errand_job`.
    static let dropInput = SQL("DELETE FROM errand_job WHERE id = :id")
}
