// Leaving `running`: an outcome is recorded, and the job goes where the report says.

import Errand
import ErrandContext

/// A report with its error already written as JSON, on the caller's thread.
struct PreparedReport: Sendable {
    var report: ExecutionReport
    var error: String?

    init(_ report: ExecutionReport) throws(JobStoreError) {
        self.report = report
        if let error = report.error { self.error = try JSONText.encode(error) }
    }
}

/// A row of `errand_running`.
struct HeldExecution {
    var id: Int64
    var ordinal: Int64
    var attempt: Int64
    var crashes: Int64
    var worker: Int64
    var startedAt: Int64
    var feed: Int64
    var key: Int64?

    var execution: ExecutionID { ExecutionID(JobID(rawValue: id), ordinal) }
}

/// How an execution has ended, as it is recorded.
struct RecordedEnd {
    var outcome: Outcome
    var finishedAt: Int64
    var error: String?
    var result: [UInt8]?
}

extension QueueDatabase {
    /// Records one report, if `worker` still holds exactly that execution.
    func record(
        _ prepared: PreparedReport, by worker: WorkerID, topics: inout Set<DoorbellTopic>
    ) throws(JobStoreError) -> ReportResult {
        let report = prepared.report
        let row = try connection[LeaveSQL.held].bind(1, report.execution.job.rawValue).bind(2, report.execution.ordinal)
            .bind(3, worker.rawValue)
        let held = try row.first {
            HeldExecution(
                id: report.execution.job.rawValue, ordinal: report.execution.ordinal, attempt: $0.integer(0), crashes: $0.integer(1),
                worker: worker.rawValue, startedAt: $0.integer(2), feed: $0.integer(3), key: $0.optionalInteger(4))
        }
        guard let held else { return .leaseLost }
        let end = RecordedEnd(
            outcome: report.outcome, finishedAt: report.finishedAt.microseconds, error: prepared.error, result: report.result)
        try leave(held, end: end, next: report.next, topics: &topics)
        return .accepted
    }

    /// Moves a held execution's job on. The caller has found the row in this transaction.
    func leave(_ held: HeldExecution, end: RecordedEnd, next: NextStep, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        try connection[LeaveSQL.drop].bind(1, held.id).run()
        if try countEnd(ofFeed: held.feed) { topics.insert(.work) }
        var next = next.honouring(wish: try takeWish(for: held.id))
        if !next.isFinal {
            next = next.honouring(deadline: try deadline(of: held.id), at: Timestamp(microseconds: end.finishedAt))
        }
        if end.outcome.clearsSuspicion || next.isFinal, try clear(held.id) {
            // It may be the next suspect's turn.
            topics.insert(.work)
        }
        tally(end.outcome, feed: held.feed, startedAt: held.startedAt, finishedAt: end.finishedAt)
        countRun(end.outcome, feed: held.feed, startedAt: held.startedAt, finishedAt: end.finishedAt)
        for change in JobEvent.Change.changes(at: end.outcome, next: next) {
            tell(change, job: held.id, ordinal: held.ordinal, feed: held.feed)
        }
        if let key = held.key {
            try changeKey(key) { account in
                account.running = max(0, account.running - 1)
                if next.isFinal { account.live -= 1 }
            }
        }
        let counted = held.attempt - (end.outcome.isRefunded ? 1 : 0)
        let crashes = held.crashes + (end.outcome == .crashed ? 1 : 0)
        switch next {
        case .complete: try finish(held, .completed, attempt: counted, crashes: crashes, end: end, reason: nil, topics: &topics)
        case .cancel(let reason):
            try finish(held, .cancelled, attempt: counted, crashes: crashes, end: end, reason: reason, topics: &topics)
        case .bury(let reason): try finish(held, .dead, attempt: counted, crashes: crashes, end: end, reason: reason, topics: &topics)
        case .wait(let time):
            try keep(held, end: end)
            try schedule(
                held.id, until: time.microseconds, base: held.ordinal - bootNumber, attempt: counted, crashes: crashes,
                reason: end.outcome.isRetried ? .retry : .snooze)
        case .giveBack:
            try keep(held, end: end)
            try place(held.id, base: held.ordinal - bootNumber, attempt: counted, crashes: crashes)
            topics.insert(.work)
        }
        if let key = held.key { try admitNext(ofKey: key, topics: &topics) }
    }

    /// Takes the wish to cancel an execution out, if there is one; its reason may be absent.
    private func takeWish(for job: Int64) throws(JobStoreError) -> String?? {
        guard try hasWishes(),
            let reason = try connection[LeaveSQL.wish].bind(1, job).first({ (row) throws(JobStoreError) in row.optionalText(0) })
        else {
            return nil
        }
        try connection[LeaveSQL.dropWish].bind(1, job).run()
        memory.hasWishes = nil
        return .some(reason)
    }

    /// Whether anybody has asked to cancel any execution; asked once for each transaction in which it matters.
    func hasWishes() throws(JobStoreError) -> Bool {
        if let known = memory.hasWishes { return known }
        let found = try connection[LeaveSQL.anyWish].first { _ in true } ?? false
        memory.hasWishes = found
        return found
    }

    private func finish(
        _ held: HeldExecution, _ state: FinalState, attempt: Int64, crashes: Int64, end: RecordedEnd, reason: String?,
        topics: inout Set<DoorbellTopic>
    ) throws(JobStoreError) {
        try connection[LeaveSQL.finish].bind(1, held.id).bind(2, state.rawValue).bind(3, held.ordinal).bind(4, attempt).bind(5, crashes)
            .bind(6, held.worker).bind(7, held.startedAt).bind(8, end.finishedAt).bind(9, end.outcome.code).bind(10, text: reason)
            .bind(11, text: end.error).bind(12, blob: end.result).run()
        count(state, feed: held.feed)
        try didEnd(held.id, state, at: end.finishedAt, topics: &topics)
        topics.insert(.outcome)
    }

    /// Puts an execution on record that is not its job's last.
    private func keep(_ held: HeldExecution, end: RecordedEnd) throws(JobStoreError) {
        try connection[LeaveSQL.keep].bind(1, held.id).bind(2, held.ordinal).bind(3, held.attempt).bind(4, held.worker)
            .bind(5, held.startedAt).bind(6, end.finishedAt).bind(7, end.outcome.code).bind(8, text: end.error).run()
    }
}

/// The statements of leaving `running`. Found and moved in one transaction under the write lock.
enum LeaveSQL {
    /// Finds one execution, if this worker still holds it: no row means that the lease was lost. Row key of `errand_running`.
    static let held = SQL(
        """
        SELECT attempt, crashes, started_at, feed, key FROM errand_running
         WHERE id = :id AND ordinal = :ordinal AND worker = :worker
        """)

    /// Takes the row out that ``held`` has found. Row key of `errand_running`.
    static let drop = SQL("DELETE FROM errand_running WHERE id = :id")

    /// The wish to cancel an execution. Row key of `errand_control`.
    static let wish = SQL("SELECT reason FROM errand_control WHERE job = :job")

    /// Whether there is any wish. The first row of `errand_control`.
    static let anyWish = SQL("SELECT 1 FROM errand_control LIMIT 1")

    /// A wish goes with its execution. Row key of `errand_control`.
    static let dropWish = SQL("DELETE FROM errand_control WHERE job = :job")

    /// The end of a job, which is also the record of its last execution. Row key of `errand_finished`.
    static let finish = SQL(
        """
        INSERT INTO errand_finished(id, state, ordinal, attempt, crashes, worker, started_at, finished_at, outcome, reason, error, result)
        VALUES(:id, :state, :ordinal, :attempt, :crashes, :worker, :started_at, :finished_at, :outcome, :reason, :error, :result)
        """)

    /// The record of an execution that was not the last. Primary key of `errand_execution`.
    static let keep = SQL(
        """
        INSERT INTO errand_execution(job, ordinal, attempt, worker, started_at, finished_at, outcome, error)
        VALUES(:job, :ordinal, :attempt, :worker, :started_at, :finished_at, :outcome, :error)
        """)
}
