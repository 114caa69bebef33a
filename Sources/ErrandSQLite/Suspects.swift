// Suspects: jobs that were in flight at too many deaths wait apart and are claimed alone, one at a time.

import Errand
import ErrandContext

extension QueueDatabase {
    /// Whether any job is under suspicion; asked once for each transaction in which it matters.
    func hasSuspects() throws(JobStoreError) -> Bool {
        if let known = memory.hasSuspects { return known }
        let found = try connection[SuspectSQL.any].first { _ in true } ?? false
        memory.hasSuspects = found
        return found
    }

    func isSuspect(_ id: Int64) throws(JobStoreError) -> Bool {
        guard try hasSuspects() else { return false }
        return try connection[SuspectSQL.isOne].bind(1, id).first { _ in true } ?? false
    }

    /// Puts a job under suspicion; where it stands is said by whoever places it.
    func suspect(_ id: Int64) throws(JobStoreError) {
        try connection[SuspectSQL.add].bind(1, id).run()
        memory.hasSuspects = true
    }

    /// Frees a job of suspicion; whether it was under any.
    @discardableResult
    func clear(_ id: Int64) throws(JobStoreError) -> Bool {
        guard try hasSuspects() else { return false }
        try connection[SuspectSQL.clear].bind(1, id).run()
        guard connection.changes > 0 else { return false }
        memory.hasSuspects = nil
        return true
    }

    /// Lets a suspect wait for its turn.
    func placeApart(_ id: Int64, base: Int64, attempt: Int64, crashes: Int64) throws(JobStoreError) {
        try connection[SuspectSQL.place].bind(1, base).bind(2, attempt).bind(3, crashes).bind(4, id).run()
    }

    /// The suspect whose turn it is among those of `feeds`; `nil` while another one runs, wherever that is.
    func nextSuspect(of feeds: [ClaimPlan.OpenFeed]) throws(JobStoreError) -> Candidate? {
        guard try hasSuspects(), try connection[SuspectSQL.running].first({ _ in true }) == nil else { return nil }
        var next: Candidate?
        for (index, feed) in feeds.enumerated() {
            var waiting: [Candidate] = []
            try connection[SuspectSQL.next].bind(1, feed.id).forEach { row in
                waiting.append(
                    Candidate(
                        feed: index, priority: row.integer(0), rank: row.integer(1), id: row.integer(2), key: row.optionalInteger(6),
                        base: row.integer(3), attempt: row.integer(4), crashes: row.integer(5), isSuspect: true))
            }
            for candidate in waiting where next.map({ candidate.precedes($0) }) ?? true {
                if let key = candidate.key, try account(ofKey: key).room(at: clock.now) <= 0 { continue }
                next = candidate
                break
            }
        }
        return next
    }

    /// Takes a suspect out of its waiting place; it stays under suspicion.
    func takeSuspect(_ id: Int64) throws(JobStoreError) {
        try connection[SuspectSQL.take].bind(1, id).run()
    }

    /// At how many deaths in a row `job` was in flight, before the one that is being recorded.
    func deathsInARow(_ job: Int64) throws(JobStoreError) -> Int {
        var executions: [(outcome: Outcome?, error: StoredError?)] = []
        try connection[SuspectSQL.latestExecutions].bind(1, job).bind(2, Int64(Suspicion.memory)).forEach { (row) throws(JobStoreError) in
            let error = try row.optionalText(1).map { (text) throws(JobStoreError) in try JSONText.decode(StoredError.self, text) }
            executions.append((Outcome(code: row.integer(0)), error))
        }
        return Suspicion.deathsInARow(executions)
    }
}

/// The statements about suspects: a few rows, usually none.
enum SuspectSQL {
    static let any = SQL("SELECT 1 FROM errand_suspect LIMIT 1")

    /// Row key of `errand_suspect`.
    static let isOne = SQL("SELECT 1 FROM errand_suspect WHERE id = :id")

    /// Keeps the place in the line that the job's input gives it. Row keys.
    static let add = SQL(
        """
        INSERT INTO errand_suspect(id, feed, priority, rank) SELECT id, feed, priority, run_at FROM errand_job WHERE id = :id
            ON CONFLICT(id) DO NOTHING
        """)

    /// Row key of `errand_suspect`.
    static let clear = SQL("DELETE FROM errand_suspect WHERE id = :id")

    /// Row key of `errand_suspect`.
    static let place = SQL("UPDATE errand_suspect SET base = :base, attempt = :attempt, crashes = :crashes WHERE id = :id")

    /// Row key of `errand_suspect`.
    static let take = SQL("UPDATE errand_suspect SET base = NULL, attempt = NULL, crashes = NULL WHERE id = :id")

    /// Whether a suspect runs. Walks `errand_suspect`, each with the row key of `errand_running`.
    static let running = SQL(
        "SELECT 1 FROM errand_suspect s CROSS JOIN errand_running r ON r.id = s.id WHERE s.base IS NULL LIMIT 1")

    /// The suspects of a feed that may start, as far as their limit keys let them. A range of index `errand_suspect_ready`, the input by
    /// row key.
    static let next = SQL(
        """
        SELECT s.priority, s.rank, s.id, s.base, s.attempt, s.crashes, j.key FROM errand_suspect s CROSS JOIN errand_job j ON j.id = s.id
         WHERE s.feed = :feed AND s.base IS NOT NULL ORDER BY s.priority, s.rank, s.id
        """)

    /// The end of a prefix of the primary key of `errand_execution`.
    static let latestExecutions = SQL(
        "SELECT outcome, error FROM errand_execution WHERE job = :job ORDER BY ordinal DESC LIMIT :limit")
}
