// Placement: where a job goes that could start, as far as time is concerned. Every way there leads through here.

import Errand
import ErrandContext

extension QueueDatabase {
    /// Puts a job where it may start, if its sequence and its limit key let it: else it waits. A suspect stands apart.
    func place(_ id: Int64, base: Int64, attempt: Int64, crashes: Int64) throws(JobStoreError) {
        let input = try connection[PlacementSQL.input].bind(1, id).first { row in
            let job = PlacedJob(
                id: id, feed: row.integer(0), priority: row.integer(1), rank: row.integer(2), key: row.optionalInteger(3), base: base,
                attempt: attempt, crashes: crashes)
            return (job: job, flags: JobFlags(rawValue: row.integer(4)))
        }
        guard let (job, flags) = input else { throw .damaged(reason: "job \(JobID(rawValue: id)) has a state but no input row") }
        if flags.contains(.sequenced), try !takesTurn(job) { return }
        try put(job)
    }

    /// Puts a job aside until `time`.
    func schedule(
        _ id: Int64, until time: Int64, base: Int64, attempt: Int64, crashes: Int64, reason: ScheduledReason
    ) throws(JobStoreError) {
        try connection[PlacementSQL.schedule].bind(1, id).bind(2, time).bind(3, base).bind(4, attempt).bind(5, crashes)
            .bind(6, reason.rawValue).run()
    }
}

/// The statements of placement.
enum PlacementSQL {
    /// The input columns that placement needs. Row key of `errand_job`.
    static let input = SQL("SELECT feed, priority, run_at, key, flags FROM errand_job WHERE id = :id")

    /// Makes a job available. Primary key of `errand_available`.
    static let makeAvailable = SQL(
        """
        INSERT INTO errand_available(feed, priority, rank, id, base, attempt, crashes)
        VALUES(:feed, :priority, :rank, :id, :base, :attempt, :crashes)
        """)

    /// Puts a job aside until its time. Row key of `errand_scheduled`.
    static let schedule = SQL(
        """
        INSERT INTO errand_scheduled(id, run_at, base, attempt, crashes, reason)
        VALUES(:id, :run_at, :base, :attempt, :crashes, :reason)
        """)
}
