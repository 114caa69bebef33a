// Lists and states of jobs, read without the write lock.

import Errand
import ErrandContext

extension QueueReader {
    /// At most so many input rows are looked at for one page, so that a rare match never makes one call long.
    static let rowsPerPage = 5000

    /// One page of jobs that match, newest first.
    func jobs(matching selector: JobSelector, before cursor: JobID?, limit: Int) throws(JobStoreError) -> JobPage {
        guard limit > 0 else { return JobPage(jobs: [], next: cursor) }
        let below = cursor?.rawValue ?? .max
        if !selector.ids.isEmpty {
            let ids = Set(selector.ids.map(\.rawValue)).filter { $0 < below }.sorted(by: >)
            return try page(of: ids, matching: selector, limit: limit)
        }
        if let workflow = selector.workflow {
            return try page(of: try ids(of: workflow, below: below), matching: selector, limit: limit)
        }
        if let tag = selector.tags.first {
            return try page(of: try ids(tagged: tag, below: below), matching: selector, limit: limit)
        }
        if !selector.states.isEmpty, selector.states.isSubset(of: [.running, .scheduled, .retryable, .blocked, .cancelled, .dead]) {
            let ids = try idsInStates(selector.states, below: below)
            return try page(of: ids, matching: selector, limit: limit)
        }
        return try scan(matching: selector, below: below, limit: limit)
    }

    /// Walks the jobs themselves, newest first.
    private func scan(matching selector: JobSelector, below: Int64, limit: Int) throws(JobStoreError) -> JobPage {
        var page = JobPage(jobs: [], next: nil)
        let rows = try connection[InspectSQL.summaries].bind(1, below)
        defer { rows.reset() }
        while try rows.step() {
            guard page.jobs.count < limit, page.looked < QueueReader.rowsPerPage(for: selector) else {
                // The row that is under the cursor begins the next page.
                page.next = JobID(rawValue: rows.integer(0) + 1)
                return page
            }
            page.looked += 1
            if selector.since.map({ rows.integer(5) < $0.microseconds }) ?? false { continue }
            let summary = try summary(rows)
            if selector.matches(summary), try holds(selector.arguments, summary.id) { page.jobs.append(summary) }
        }
        return page
    }

    /// The newest jobs of a workflow, up to a page's worth of looking.
    private func ids(of workflow: WorkflowID, below: Int64) throws(JobStoreError) -> [Int64] {
        var ids: [Int64] = []
        try connection[WorkflowSQL.jobsBackwards].bind(1, workflow.rawValue).bind(2, below).bind(3, Int64(QueueReader.rowsPerPage))
            .forEach { ids.append($0.integer(0)) }
        return ids
    }

    /// The newest jobs in states that have tables of their own, up to a page's worth of looking.
    private func idsInStates(_ states: Set<JobState>, below: Int64) throws(JobStoreError) -> [Int64] {
        var ids: [Int64] = []
        func add(_ statement: Statement) throws(JobStoreError) {
            try statement.forEach { row in ids.append(row.integer(0)) }
        }
        let most = Int64(QueueReader.rowsPerPage)
        if states.contains(.blocked) { try add(try connection[InspectSQL.blocked].bind(1, below).bind(2, most)) }
        if states.contains(.running) { try add(try connection[InspectSQL.running].bind(1, below).bind(2, most)) }
        for reason in [ScheduledReason.delayed, .retry, .snooze] where states.contains(reason.jobState) {
            try add(try connection[InspectSQL.scheduled].bind(1, below).bind(2, reason.rawValue).bind(3, most))
        }
        for state in [FinalState.cancelled, .dead] where states.contains(state.jobState) {
            try add(try connection[InspectSQL.ended].bind(1, state.rawValue).bind(2, below).bind(3, most))
        }
        return Array(Set(ids)).sorted(by: >)
    }

    private func page(of ids: [Int64], matching selector: JobSelector, limit: Int) throws(JobStoreError) -> JobPage {
        var page = JobPage(jobs: [], next: nil)
        for (index, id) in ids.enumerated() {
            guard page.jobs.count < limit, index < QueueReader.rowsPerPage(for: selector) else {
                page.next = JobID(rawValue: id + 1)
                return page
            }
            page.looked += 1
            if let summary = try summary(of: id), selector.matches(summary), try holds(selector.arguments, summary.id) {
                page.jobs.append(summary)
            }
        }
        // Each state's list was cut at a page's worth of looking: below the last one there may be more.
        if selector.ids.isEmpty, ids.count >= QueueReader.rowsPerPage, let last = ids.last { page.next = JobID(rawValue: last) }
        return page
    }

    /// What a list shows of one job.
    func summary(of id: Int64) throws(JobStoreError) -> JobSummary? {
        let row = try connection[InspectSQL.summary].bind(1, id)
        defer { row.reset() }
        return try row.step() ? try summary(row) : nil
    }

    /// The state of each job.
    func states(of ids: [JobID]) throws(JobStoreError) -> [JobState?] {
        var states: [JobState?] = []
        states.reserveCapacity(ids.count)
        for id in ids { states.append(try summary(of: id.rawValue)?.state) }
        return states
    }

    /// Reads a row of ``InspectSQL/columns``.
    private func summary(_ row: Statement) throws(JobStoreError) -> JobSummary {
        let id = JobID(rawValue: row.integer(0))
        let extras = try JobExtras(row, from: InspectSQL.extras)
        let place = try place(row, id)
        return JobSummary(
            id: id, key: extras.key, kind: row.text(2), queue: row.text(1), state: place.state, priority: Int(row.integer(3)),
            attempt: Int(place.attempt), maxAttempts: Int(row.integer(6)), crashes: Int(place.crashes),
            createdAt: Timestamp(microseconds: row.integer(5)), runAt: Timestamp(microseconds: place.runAt ?? row.integer(4)),
            finishedAt: place.finishedAt.map(Timestamp.init(microseconds:)), reason: place.reason, meta: extras.meta, label: extras.label,
            tags: extras.terms.tags, isSuspect: !place.state.isFinal && !row.isNull(InspectSQL.suspect),
            stuckSince: place.stuckSince.map(Timestamp.init(microseconds:)), workflow: extras.workflow, name: extras.terms.name)
    }

    private struct Place {
        var state: JobState
        var attempt: Int64
        var crashes: Int64
        var runAt: Int64?
        var finishedAt: Int64?
        var reason: String?
        var stuckSince: Int64?
    }

    private func place(_ row: Statement, _ id: JobID) throws(JobStoreError) -> Place {
        if let final = row.optionalInteger(7) {
            guard let state = FinalState(rawValue: final) else { throw .damaged(reason: "job \(id) ended in an unknown state \(final)") }
            return Place(
                state: state.jobState, attempt: row.integer(8), crashes: row.integer(9), finishedAt: row.integer(10),
                reason: row.optionalText(11))
        }
        if !row.isNull(12) {
            return Place(
                state: .running, attempt: row.integer(12), crashes: row.integer(13), stuckSince: row.optionalInteger(InspectSQL.suspect + 4)
            )
        }
        if let reason = row.optionalInteger(17).flatMap(ScheduledReason.init(rawValue:)) {
            return Place(state: reason.jobState, attempt: row.integer(15), crashes: row.integer(16), runAt: row.integer(14))
        }
        if !row.isNull(18) { return Place(state: .available, attempt: row.integer(18), crashes: row.integer(19)) }
        if !row.isNull(InspectSQL.suspect + 5) {
            return Place(state: .waiting, attempt: row.integer(InspectSQL.suspect + 5), crashes: row.integer(InspectSQL.suspect + 6))
        }
        if !row.isNull(InspectSQL.suspect + 7) {
            return Place(state: .blocked, attempt: row.integer(InspectSQL.suspect + 7), crashes: row.integer(InspectSQL.suspect + 8))
        }
        guard !row.isNull(InspectSQL.suspect + 1) else { throw .damaged(reason: "job \(id) is in no state") }
        return Place(state: .available, attempt: row.integer(InspectSQL.suspect + 2), crashes: row.integer(InspectSQL.suspect + 3))
    }

    // MARK: What a person may mean

    /// Jobs whose ID or key a text may stand for, at most 10.
    func jobs(meantBy text: String) throws(JobStoreError) -> [JobID] {
        if text.hasPrefix("key:") {
            let key = String(text.dropFirst(4))
            return try connection[EnqueueSQL.keyed].bind(1, text: key).first { JobID(rawValue: $0.integer(0)) }.map { [$0] } ?? []
        }
        if let whole = JobID(text) {
            return try connection[InspectSQL.exists].bind(1, whole.rawValue).first { _ in whole }.map { [$0] } ?? []
        }
        guard !text.isEmpty, text.utf8.count < JobID.length, let value = Base32.decode(text.utf8) else { return [] }
        var found = try withPrefix(value, digits: text.utf8.count)
        if found.isEmpty, text.utf8.count >= 4 { found = try withSuffix(value, digits: text.utf8.count) }
        return found
    }

    private static let mostMeant: Int64 = 10
    private static let latestJobs: Int64 = 100_000

    private func withPrefix(_ value: Int64, digits: Int) throws(JobStoreError) -> [JobID] {
        let shift = Int64(5 * (JobID.length - digits))
        // 13 digits hold 65 bits and an ID has 63: a first digit above 7 begins none.
        guard value <= Int64.max >> shift else { return [] }
        let first = value << shift
        let last = first | (1 << shift - 1)
        var found: [JobID] = []
        try connection[InspectSQL.range].bind(1, first).bind(2, last).bind(3, QueueReader.mostMeant).forEach { row in
            found.append(JobID(rawValue: row.integer(0)))
        }
        return found
    }

    private func withSuffix(_ value: Int64, digits: Int) throws(JobStoreError) -> [JobID] {
        let mask: Int64 = 1 << Int64(5 * digits) - 1
        var found: [JobID] = []
        try connection[InspectSQL.ending].bind(1, QueueReader.latestJobs).bind(2, mask).bind(3, value).bind(4, QueueReader.mostMeant)
            .forEach { row in found.append(JobID(rawValue: row.integer(0))) }
        return found
    }
}

extension JobSelector {
    /// Whether a job matches every part.
    func matches(_ job: JobSummary) -> Bool {
        if !ids.isEmpty, !ids.contains(job.id) { return false }
        if !queues.isEmpty, !queues.contains(job.queue) { return false }
        if !kinds.isEmpty, !kinds.contains(job.kind) { return false }
        if !states.isEmpty, !states.contains(job.state) { return false }
        if let workflow, job.workflow != workflow { return false }
        if let since, job.createdAt < since { return false }
        if let until, job.createdAt >= until { return false }
        if !tags.allSatisfy(job.tags.contains) { return false }
        return meta.allSatisfy { job.meta[$0.key] == $0.value }
    }
}

/// The statements of looking.
enum InspectSQL {
    /// Where ``JobExtras/columns`` begin in ``columns``.
    static let extras: Int32 = 20

    /// Where the columns of a suspect and of a stuck execution begin in ``columns``.
    static let suspect: Int32 = extras + JobExtras.columnCount

    private static let columns = """
        SELECT j.id, q.name, k.name, j.priority, j.run_at, j.created_at, j.max_attempts,
               f.state, f.attempt, f.crashes, f.finished_at, f.reason, r.attempt, r.crashes,
               s.run_at, s.attempt, s.crashes, s.reason, coalesce(a.attempt, b.attempt), coalesce(a.crashes, b.crashes),
               j.timeout_us, j.idempotency_key, j.label, j.meta, j.trace_parent, j.trace_state, j.baggage, j.parent_job, j.parent_ordinal,
               j.root_job, j.root_ordinal, j.flags, j.options, j.batch,
               u.id, u.base, u.attempt, u.crashes, t.since, coalesce(h.attempt, w.attempt), coalesce(h.crashes, w.crashes),
               e.attempt, e.crashes
          FROM errand_job j
          CROSS JOIN errand_feed d ON d.id = j.feed
          CROSS JOIN errand_queue q ON q.id = d.queue
          CROSS JOIN errand_kind k ON k.id = d.kind
          LEFT JOIN errand_finished f ON f.id = j.id
          LEFT JOIN errand_running r ON r.id = j.id
          LEFT JOIN errand_scheduled s ON s.id = j.id
          LEFT JOIN errand_available a ON j.key IS NULL AND a.feed = j.feed AND a.priority = j.priority AND a.rank = j.run_at
               AND a.id = j.id
          LEFT JOIN errand_available b ON b.key = j.key AND b.lane = d.kind AND b.id = j.id
          LEFT JOIN errand_suspect u ON u.id = j.id
          LEFT JOIN errand_stuck t ON t.job = r.id AND t.ordinal = r.ordinal
          LEFT JOIN errand_held h ON h.id = j.id
          LEFT JOIN errand_waiting w ON w.key = j.key AND w.lane = d.kind AND w.priority = j.priority AND w.rank = j.run_at AND w.id = j.id
          LEFT JOIN errand_blocked e ON e.id = j.id
        """

    /// One job. Row keys, the primary keys of `errand_available` and `errand_waiting`, and index `errand_available_key`.
    static let summary = SQL("\(columns) WHERE j.id = :id")

    /// Jobs from the newest down. The row key of `errand_job` backwards, else as ``summary``.
    static let summaries = SQL("\(columns) WHERE j.id < :before ORDER BY j.id DESC")

    /// Row key of `errand_running` backwards.
    static let running = SQL("SELECT id FROM errand_running WHERE id < :before ORDER BY id DESC LIMIT :limit")

    /// Row key of `errand_blocked` backwards.
    static let blocked = SQL("SELECT id FROM errand_blocked WHERE id < :before ORDER BY id DESC LIMIT :limit")

    /// Row key of `errand_scheduled` backwards.
    static let scheduled = SQL("SELECT id FROM errand_scheduled WHERE id < :before AND reason = :reason ORDER BY id DESC LIMIT :limit")

    /// Index `errand_finished_other` backwards.
    static let ended = SQL(
        "SELECT id FROM errand_finished WHERE state = :state AND state <> 0 AND id < :before ORDER BY id DESC LIMIT :limit")

    /// Row key of `errand_job`.
    static let exists = SQL("SELECT 1 FROM errand_job WHERE id = :id")

    /// A range of row keys of `errand_job`.
    static let range = SQL("SELECT id FROM errand_job WHERE id BETWEEN :first AND :last ORDER BY id LIMIT :limit")

    /// Among the latest jobs, those that end so. The row key of `errand_job` backwards.
    static let ending = SQL(
        "SELECT id FROM (SELECT id FROM errand_job ORDER BY id DESC LIMIT :latest) WHERE id & :mask = :value LIMIT :limit")
}
