// Retention by queue, kind, count, bytes and results: a walk over finished jobs, newest first, a slice at a time.

import Errand
import ErrandContext

/// Where a walk over finished jobs is. Each process has its own; a walk that is cut short begins anew.
struct RetentionWalk {
    let policy: RetentionPolicy
    var tally: RetentionTally
    /// The lowest ID that was looked at.
    var below = Int64.max
}

extension QueueDatabase {
    /// Judges at most a slice of finished jobs, and lets at most `limit` of them go or lose something.
    func walk(_ policy: RetentionPolicy, limit: Int, into report: inout PruneReport) throws(JobStoreError) {
        var walk =
            retentionWalk.flatMap { $0.policy == policy ? $0 : nil }
            ?? RetentionWalk(policy: policy, tally: RetentionTally(policy, now: Timestamp(microseconds: clock.now)))
        let names = try feedNames()
        var touched = 0
        var budget = QueueDatabase.rowsPerSweep
        while budget > 0 {
            let page = try finished(below: walk.below, names: names, limit: min(budget, 500))
            guard !page.isEmpty else {
                retentionWalk = nil
                return
            }
            for row in page {
                guard touched < limit else {
                    retentionWalk = walk
                    report.hasMore = true
                    return
                }
                switch walk.tally.judge(row.facts) {
                case .goes:
                    if try delete(row.job, into: &report) { touched += 1 }
                case .stays(let withoutResult, let withoutLogs):
                    let losesResult = try withoutResult ? !isNeeded(row.job.id) : false
                    if losesResult {
                        try connection[RetentionWalkSQL.dropResult].bind(1, row.job.id).run()
                        report.results += 1
                    }
                    let losesLogs = withoutLogs && !row.flags.contains(.logsGone)
                    if losesLogs {
                        try connection[RetentionWalkSQL.markLogs].bind(1, row.job.id).run()
                        report.logs.append(JobID(rawValue: row.job.id))
                    }
                    if losesResult || losesLogs { touched += 1 }
                }
                walk.below = row.job.id
            }
            budget -= page.count
        }
        retentionWalk = walk
        report.hasMore = true
    }

    /// What of the file is in use: more than the payloads and results in it.
    func usedBytes() throws(JobStoreError) -> Int {
        let pages = try connection[RetentionWalkSQL.pages].first { $0.integer(0) } ?? 0
        let free = try connection[RetentionWalkSQL.freePages].first { $0.integer(0) } ?? 0
        let size = try connection[RetentionWalkSQL.pageSize].first { $0.integer(0) } ?? 0
        return Int((pages - free) * size)
    }

    private func feedNames() throws(JobStoreError) -> [Int64: FeedName] {
        var names: [Int64: FeedName] = [:]
        try connection[StatsSQL.feeds].forEach { row in names[row.integer(0)] = FeedName(queue: row.text(1), kind: row.text(2)) }
        return names
    }

    private func finished(
        below id: Int64, names: [Int64: FeedName], limit: Int
    ) throws(JobStoreError) -> [(job: Finished, facts: FinishedJob, flags: JobFlags)] {
        var rows: [(job: Finished, facts: FinishedJob, flags: JobFlags)] = []
        try connection[RetentionWalkSQL.finished].bind(1, id).bind(2, Int64(limit)).forEach { row in
            guard let state = FinalState(rawValue: row.integer(1)), let name = names[row.integer(3)] else { return }
            let facts = FinishedJob(
                queue: name.queue, kind: name.kind, state: state.jobState, finishedAt: Timestamp(microseconds: row.integer(2)),
                payloadBytes: Int(row.integer(4)), resultBytes: Int(row.integer(5)))
            rows.append(
                (Finished(id: row.integer(0), state: state, finishedAt: row.integer(2)), facts, JobFlags(rawValue: row.integer(6))))
        }
        return rows
    }
}

/// The statements of the walk.
enum RetentionWalkSQL {
    /// Finished jobs from the newest down, with their sizes, which need none of their overflow pages. The row key of `errand_finished`
    /// backwards, the input by row key.
    static let finished = SQL(
        """
        SELECT f.id, f.state, f.finished_at, j.feed, length(j.payload), coalesce(length(f.result), 0), j.flags
          FROM errand_finished f CROSS JOIN errand_job j ON j.id = f.id WHERE f.id < :below ORDER BY f.id DESC LIMIT :limit
        """)

    /// Row key of `errand_finished`.
    static let dropResult = SQL("UPDATE errand_finished SET result = NULL WHERE id = :id")

    /// Row key of `errand_job`.
    static let markLogs = SQL("UPDATE errand_job SET flags = flags | \(JobFlags.logsGone.rawValue) WHERE id = :id")

    /// Row key of `errand_job`.
    static let unmarkLogs = SQL("UPDATE errand_job SET flags = flags & ~\(JobFlags.logsGone.rawValue) WHERE id = :id")

    static let pages = SQL("PRAGMA page_count")
    static let freePages = SQL("PRAGMA freelist_count")
    static let pageSize = SQL("PRAGMA page_size")
}
