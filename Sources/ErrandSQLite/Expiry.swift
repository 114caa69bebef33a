// Jobs that end by themselves: cancelled unless they have started in time, dead unless they have ended in time.

import Errand
import ErrandContext

/// What becomes of a job when its time has come: the number in `errand_expiry.what`.
enum ExpiryKind: Int64 {
    /// Cancelled, with the reason `expired`; forgotten when the job starts.
    case start = 0
    /// Dead, with the reason `deadline`; what runs is ended by its worker.
    case end = 1

    var state: FinalState { self == .start ? .cancelled : .dead }
    var reason: String { self == .start ? "expired" : "deadline" }
}

extension QueueDatabase {
    /// Notes when a new job ends by itself.
    func noteExpiry(of id: Int64, _ terms: JobTerms) throws(JobStoreError) {
        for (kind, time) in [(ExpiryKind.start, terms.expiresAt), (.end, terms.deadline)] {
            guard let time else { continue }
            try use(.expiry)
            try connection[ExpirySQL.note].bind(1, id).bind(2, kind.rawValue).bind(3, time.microseconds).run()
        }
    }

    /// Ends jobs whose time has come; whether all were reached, which is so unless there are very many: nothing may be claimed then.
    func expire(now: Int64, topics: inout Set<DoorbellTopic>) throws(JobStoreError) -> Bool {
        guard try termsInUse().contains(.expiry) else { return true }
        var due: [(id: Int64, kind: ExpiryKind)] = []
        try connection[ExpirySQL.due].bind(1, now).bind(2, QueueDatabase.promotionsPerStep).forEach { row in
            if let kind = ExpiryKind(rawValue: row.integer(1)) { due.append((row.integer(0), kind)) }
        }
        for (id, kind) in due {
            guard let job = try locate(JobID(rawValue: id)), let carried = job.carried else {
                // Both times of one job had come, and the first has ended it.
                try connection[ExpirySQL.forget].bind(1, id).run()
                continue
            }
            try takeOut(JobID(rawValue: id), job)
            try end(JobID(rawValue: id), job, carried, as: kind.state, reason: kind.reason, topics: &topics)
        }
        return due.count < QueueDatabase.promotionsPerStep
    }

    /// When the next job that does not run ends by itself.
    func nextExpiry() throws(JobStoreError) -> Int64? {
        guard try termsInUse().contains(.expiry) else { return nil }
        return try connection[ExpirySQL.next].first { $0.integer(0) }
    }

    /// By when all attempts of a job together must have ended it.
    func deadline(of id: Int64) throws(JobStoreError) -> Timestamp? {
        guard try termsInUse().contains(.expiry) else { return nil }
        return try connection[ExpirySQL.deadline].bind(1, id).first { Timestamp(microseconds: $0.integer(0)) }
    }

    /// A job that has started expires no more.
    func didStart(_ id: Int64) throws(JobStoreError) {
        try connection[ExpirySQL.forgetStart].bind(1, id).run()
    }
}

/// The statements about jobs that end by themselves.
enum ExpirySQL {
    static let any = SQL("SELECT 1 FROM errand_expiry LIMIT 1")

    static let note = SQL("INSERT INTO errand_expiry(job, what, at) VALUES(:job, :what, :at)")

    /// Jobs whose time has come, the longest due first. Index `errand_expiry_due`; those that run are skipped by the row key of
    /// `errand_running`: their workers end them, and there are no more of them than slots.
    static let due = SQL(
        """
        SELECT e.job, e.what FROM errand_expiry e WHERE e.at <= :now
           AND NOT EXISTS (SELECT 1 FROM errand_running r WHERE r.id = e.job) ORDER BY e.at, e.job, e.what LIMIT :limit
        """)

    /// The beginning of index `errand_expiry_due`, without those that run.
    static let next = SQL(
        """
        SELECT e.at FROM errand_expiry e WHERE NOT EXISTS (SELECT 1 FROM errand_running r WHERE r.id = e.job) ORDER BY e.at LIMIT 1
        """)

    /// Primary key of `errand_expiry`.
    static let deadline = SQL("SELECT at FROM errand_expiry WHERE job = :job AND what = 1")

    /// Primary key of `errand_expiry`.
    static let forgetStart = SQL("DELETE FROM errand_expiry WHERE job = :job AND what = 0")

    /// A prefix of the primary key of `errand_expiry`.
    static let forget = SQL("DELETE FROM errand_expiry WHERE job = :job")
}
