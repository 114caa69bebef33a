// Promotion: jobs whose time has come become available.

import Errand

extension QueueDatabase {
    /// At most so many in one transaction; the rest follows in the next, which the reply's `nextWake` asks for at once.
    static let promotionsPerStep: Int64 = 500

    /// Makes jobs available whose time has come; gives how many.
    func promote(now: Int64) throws(JobStoreError) -> Int {
        struct Due {
            var id: Int64
            var base: Int64
            var attempt: Int64
            var crashes: Int64
        }
        var due: [Due] = []
        try connection[PromoteSQL.due].bind(1, now).bind(2, QueueDatabase.promotionsPerStep).forEach { row in
            due.append(Due(id: row.integer(0), base: row.integer(1), attempt: row.integer(2), crashes: row.integer(3)))
        }
        for job in due {
            try connection[PromoteSQL.drop].bind(1, job.id).run()
            try place(job.id, base: job.base, attempt: job.attempt, crashes: job.crashes)
        }
        return due.count
    }

    /// When the next scheduled job becomes due.
    func nextDue() throws(JobStoreError) -> Int64? {
        try connection[PromoteSQL.next].first { $0.optionalInteger(0) } ?? nil
    }
}

/// The statements of promotion.
enum PromoteSQL {
    /// Jobs that are due, the longest due first. Index `errand_scheduled_due`.
    static let due = SQL(
        "SELECT id, base, attempt, crashes FROM errand_scheduled WHERE run_at <= :now ORDER BY run_at LIMIT :limit")

    /// Row key of `errand_scheduled`.
    static let drop = SQL("DELETE FROM errand_scheduled WHERE id = :id")

    /// The first entry of index `errand_scheduled_due`.
    static let next = SQL("SELECT min(run_at) FROM errand_scheduled")
}
