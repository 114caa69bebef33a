// Jobs on their way out: pages in the order of IDs, each job at one moment, with what the other tables know of it.

import Errand
import ErrandContext

extension QueueReader {
    /// A page is cut behind the job that brings it to so many bytes: 4 MiB.
    private static let bytesPerPage = 4 << 20

    /// Jobs that match, oldest first.
    func exportJobs(
        matching selector: JobSelector, after cursor: JobID?, through last: JobID, limit: Int
    ) throws(JobStoreError) -> ExportPage {
        guard limit > 0 else { return ExportPage(jobs: [], next: cursor) }
        return try snapshot { () throws(JobStoreError) in
            let ids = try candidates(matching: selector, after: cursor?.rawValue ?? .min, through: last.rawValue)
            var page = ExportPage(jobs: [], next: nil)
            var bytes = 0
            for id in ids {
                guard let summary = try summary(of: id), selector.matches(summary), try holds(selector.arguments, summary.id),
                    let job = try exported(summary)
                else { continue }
                page.jobs.append(job)
                bytes += job.bytes
                if page.jobs.count >= limit || bytes >= QueueReader.bytesPerPage {
                    page.next = summary.id
                    return page
                }
            }
            if selector.ids.isEmpty, ids.count >= QueueReader.rowsPerPage, let end = ids.last { page.next = JobID(rawValue: end) }
            return page
        }
    }

    /// The next jobs that may match; at most a page's worth of looking, unless they are named.
    private func candidates(matching selector: JobSelector, after: Int64, through last: Int64) throws(JobStoreError) -> [Int64] {
        guard selector.ids.isEmpty else { return Set(selector.ids.map(\.rawValue)).filter { $0 > after && $0 <= last }.sorted() }
        var ids: [Int64] = []
        try connection[ExportSQL.ids].bind(1, after).bind(2, last).bind(3, Int64(QueueReader.rowsPerPage)).forEach {
            ids.append($0.integer(0))
        }
        return ids
    }

    /// One job in full.
    private func exported(_ summary: JobSummary) throws(JobStoreError) -> ExportedJob? {
        let id = summary.id
        let input = try connection[ExportSQL.input].bind(1, id.rawValue)
        defer { input.reset() }
        guard try input.step() else { return nil }
        let extras = try JobExtras(input, from: 2)
        var job = NewJob(kind: summary.kind, payload: input.bytes(0))
        (job.queue, job.priority, job.maxAttempts) = (summary.queue, summary.priority, summary.maxAttempts)
        (job.key, job.meta, job.label, job.timeout) = (extras.key, extras.meta, extras.label, extras.timeout)
        (job.terms, job.trace, job.traceRelation) = (extras.terms, extras.trace, extras.traceRelation)
        (job.parent, job.root) = (extras.parent, extras.root)
        job.runAt = Timestamp(microseconds: input.integer(1))
        job.workflow = extras.workflow
        job.after = try QueueDatabase.edges(of: id.rawValue, connection).map { Dependency($0.prerequisite, ifFailed: $0.policy) }

        var exported = ExportedJob(id: id, job: job, createdAt: summary.createdAt, state: summary.state)
        if summary.state == .scheduled || summary.state == .retryable { exported.startsAt = summary.runAt }
        exported.attempts = summary.attempt - (summary.state == .running ? 1 : 0)
        (exported.crashes, exported.isSuspect) = (summary.crashes, summary.isSuspect)
        (exported.finishedAt, exported.reason) = (summary.finishedAt, summary.reason)
        if summary.state == .completed {
            exported.result = try connection[DetailSQL.result].bind(1, id.rawValue).first { $0.optionalBytes(0) } ?? nil
        }
        exported.executions = try executions(of: id)
        exported.steps = try steps(of: id)
        if let newest = exported.executions.last { exported.progress = try progress(of: newest.execution) }
        try addPlace(to: &exported)
        return exported
    }

    /// What the tables around the job know of it.
    private func addPlace(to job: inout ExportedJob) throws(JobStoreError) {
        let row = try connection[ExportSQL.place].bind(1, job.id.rawValue)
        defer { row.reset() }
        guard try row.step() else { return }
        job.ordinal = max(row.integer(0), job.executions.last?.execution.ordinal ?? 0)
        if let digest = row.optionalBytes(1), digest != PreparedJob.digest(of: job.job) { job.job.fingerprints = [digest] }
        job.uniqueUntil = row.optionalInteger(2).map(Timestamp.init(microseconds:))
        job.hasTurn = row.integer(3) != 0
        if let requestedAt = row.optionalInteger(4) {
            job.cancellation = .init(requestedAt: Timestamp(microseconds: requestedAt), reason: row.optionalText(5))
        }
    }
}

/// The statements of an export.
enum ExportSQL {
    /// A range of row keys of `errand_job`.
    static let ids = SQL("SELECT id FROM errand_job WHERE id > :after AND id <= :last ORDER BY id LIMIT :limit")

    /// Row key of `errand_job`.
    static let input = SQL("SELECT payload, run_at, \(JobExtras.columns) FROM errand_job WHERE id = :id")

    /// The ordinal, and what holds for a job outside its own rows. Row keys, primary keys, and the indexes `errand_available_key`,
    /// `errand_unique_key_job` and `errand_sequence_current`.
    static let place = SQL(
        """
        SELECT coalesce(r.ordinal, f.ordinal, coalesce(s.base, a.base, b.base, u.base, h.base, w.base, e.base) + m.boot_number, 0), i.digest,
               k.until, t.id IS NOT NULL, c.requested_at, c.reason
          FROM errand_job j
          CROSS JOIN errand_meta m ON m.one = 1
          CROSS JOIN errand_feed d ON d.id = j.feed
          LEFT JOIN errand_running r ON r.id = j.id
          LEFT JOIN errand_finished f ON f.id = j.id
          LEFT JOIN errand_scheduled s ON s.id = j.id
          LEFT JOIN errand_available a ON j.key IS NULL AND a.feed = j.feed AND a.priority = j.priority AND a.rank = j.run_at
               AND a.id = j.id
          LEFT JOIN errand_available b ON b.key = j.key AND b.lane = d.kind AND b.id = j.id
          LEFT JOIN errand_suspect u ON u.id = j.id
          LEFT JOIN errand_held h ON h.id = j.id
          LEFT JOIN errand_waiting w ON w.key = j.key AND w.lane = d.kind AND w.priority = j.priority AND w.rank = j.run_at AND w.id = j.id
          LEFT JOIN errand_blocked e ON e.id = j.id
          LEFT JOIN errand_idempotency i ON i.key = j.idempotency_key AND i.job = j.id
          LEFT JOIN errand_unique_key k ON k.job = j.id
          LEFT JOIN errand_sequence t ON t.current = j.id
          LEFT JOIN errand_control c ON c.job = r.id AND c.ordinal = r.ordinal
         WHERE j.id = :id
        """)
}
