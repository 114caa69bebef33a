// The inbox: jobs that plain SQL has enqueued become jobs like all others, before anything else happens in a transaction.

package import Errand
import ErrandContext

/// A row of `errand_inbox`.
private struct Arrived {
    let id: Int64
    let at: Int64
    var job: NewJob
    /// What is wrong with it, beyond ``JobRules``.
    var problem: String?

    init(_ row: Statement) {
        id = row.integer(0)
        at = row.integer(1)
        job = NewJob(kind: row.text(2), payload: row.bytes(18))
        job.queue = row.text(3)
        job.priority = Int(clamping: row.integer(4))
        job.runAt = row.optionalInteger(5).map(Timestamp.init(microseconds:))
        job.maxAttempts = Int(clamping: row.integer(6))
        job.timeout = row.optionalInteger(7).map { .microseconds($0) }
        job.key = row.optionalText(8)
        job.label = row.optionalText(9)
        let tags = (row.optionalText(11) ?? "").split { $0 == "," || $0 == " " }
        job.terms.tags = Set(tags.map(String.init)).sorted()
        job.terms.limitKey = row.optionalText(12)
        job.terms.sequence = row.optionalText(13).map { JobSequence($0) }
        job.terms.uniqueness = row.optionalText(14).map { Uniqueness(key: $0) }
        job.terms.expiresAt = row.optionalInteger(15).map(Timestamp.init(microseconds:))
        job.terms.deadline = row.optionalInteger(16).map(Timestamp.init(microseconds:))
        // What is none begins no trace and breaks no job, as W3C Trace Context has it.
        job.trace = row.optionalText(17).flatMap { TraceContext(traceParent: $0) }
        if let meta = row.optionalText(10) {
            do throws(JobStoreError) {
                job.meta = try JSONText.decode([String: String].self, meta)
            } catch {
                problem = "meta is not a JSON object of texts"
            }
        }
        if let column = Arrived.texts.first(where: { !row.isUTF8($0.column) }) { problem = "\(column.name) is not UTF-8" }
        problem = problem ?? JobRules.problem(with: job)
    }

    /// The columns that may hold any bytes.
    private static let texts: [(column: Int32, name: String)] = [
        (8, "key"), (9, "label"), (10, "meta"), (11, "tags"), (12, "limit_key"), (13, "sequence"), (14, "unique_key"),
    ]

    /// The job as far as it can be shown; it never runs. A payload that is not JSON is not kept: whoever shows one relies on that, and could
    /// not tell what in it is secret. Nor is its key, so that the same job, mended, can be enqueued under it.
    var record: NewJob {
        let isSound = JobRules.payloadProblem(job.payload) == nil
        var kept = NewJob(kind: Arrived.name(job.kind), payload: isSound ? job.payload : Array("null".utf8))
        kept.queue = Arrived.name(job.queue)
        let bare = kept
        (kept.priority, kept.maxAttempts, kept.timeout, kept.runAt) = (job.priority, job.maxAttempts, job.timeout, job.runAt)
        (kept.label, kept.meta, kept.trace) = (job.label, job.meta, job.trace)
        if JobRules.tagsProblem(job.terms.tags) == nil { kept.terms.tags = job.terms.tags }
        return JobRules.problem(with: kept) == nil ? kept : bare
    }

    private static func name(_ name: String) -> String { JobRules.nameProblem(name, what: "kind") == nil ? name : "unnamed" }
}

extension QueueDatabase {
    /// Takes in what plain SQL has enqueued, before a transaction does anything else: no operation ever meets a job that was committed
    /// before it and is not one yet. Within the time that it has; what is left is rung for.
    func takeInInbox() throws(JobStoreError) -> Set<DoorbellTopic> {
        guard takesInbox, memory.inboxIsEmpty != true else { return [] }
        guard try connection[InboxSQL.any].first({ _ in true }) != nil else {
            memory.inboxIsEmpty = true
            return []
        }
        // As an enqueue would be refused, it waits.
        guard shortageOfRoom() == nil else { return [] }
        var topics: Set<DoorbellTopic> = [.work]
        let deadline = MachineClock.nanoseconds + QueueDatabase.inboxNanoseconds
        while let arrived = try connection[InboxSQL.first].first({ Arrived($0) }) {
            try takeIn(arrived, topics: &topics)
            guard MachineClock.nanoseconds < deadline else { return topics }
        }
        memory.inboxIsEmpty = true
        return topics
    }

    /// How long a transaction takes in the inbox before it does what it is for: 10 ms.
    private static let inboxNanoseconds: Int64 = 10_000_000

    /// Takes in the job `id`, should it still be in the inbox.
    func takeInFromInbox(_ id: JobID, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        guard takesInbox, memory.inboxIsEmpty != true,
            let arrived = try connection[InboxSQL.one].bind(1, id.rawValue).first({ Arrived($0) })
        else { return }
        try takeIn(arrived, topics: &topics)
    }

    /// Takes in the job with an idempotency key, should it still be in the inbox.
    func takeInFromInbox(key: String, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        guard takesInbox, memory.inboxIsEmpty != true,
            let arrived = try connection[InboxSQL.keyed].bind(1, text: key).first({ Arrived($0) })
        else { return }
        try takeIn(arrived, topics: &topics)
    }

    /// Makes a job of a row. What SQLite refuses stays behind with the reason, so that no transaction stumbles over it again.
    private func takeIn(_ arrived: Arrived, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        let before = (memory, gathered)
        try connection[InboxSQL.begin].run()
        do throws(JobStoreError) {
            try connection[InboxSQL.drop].bind(1, arrived.id).run()
            try become(arrived, topics: &topics)
            try connection[InboxSQL.keep].run()
        } catch {
            let reason: String
            switch error {
            case .refused(let said), .damaged(let said): reason = said
            default: throw error
            }
            // A file that cannot be read is nothing that a row of it has done.
            guard !connection.isPoisoned else { throw error }
            try connection[InboxSQL.undo].run()
            try connection[InboxSQL.keep].run()
            (memory, gathered) = before
            try connection[InboxSQL.set].bind(1, text: reason).bind(2, arrived.id).run()
        }
    }

    private func become(_ arrived: Arrived, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        let now = clock.now
        if let problem = arrived.problem {
            var prepared = try PreparedJob(arrived.record)
            prepared.keptKey = arrived.job.key
            try insert(prepared, id: arrived.id, now: now, createdAt: arrived.at)
            return try end(arrived.id, as: .dead, reason: JobRules.refusal + problem, topics: &topics)
        }
        var prepared = try PreparedJob(arrived.job)
        if let earlier = try earlier(prepared) {
            // An Errand that knows of no inbox has given the key away meanwhile. The ID that was told leads to who has it.
            prepared.job.key = nil
            try insert(prepared, id: arrived.id, now: now, createdAt: arrived.at)
            return try end(arrived.id, as: .cancelled, reason: "the key belongs to job \(earlier.id)", topics: &topics)
        }
        // In the line by when it was enqueued, as if it had been seen at once.
        prepared.job.runAt = prepared.job.runAt ?? Timestamp(microseconds: min(arrived.at, now))
        switch try arrive(&prepared, now: now) {
        case .owns(let mark):
            if let mark { try own(mark, arrived.id, until: nil) }
            try insert(prepared, id: arrived.id, now: now, createdAt: arrived.at)
        case .settled(let result):
            try insert(prepared, id: arrived.id, now: now, createdAt: arrived.at)
            try end(arrived.id, as: .cancelled, reason: "the unique key belongs to job \(result.id)", topics: &topics)
        case .waits: preconditionFailure("a unique key that plain SQL gives lets nobody wait")
        }
    }

    /// Why a job that has ended was refused when it came in; `nil` for one that was not.
    func refusal(of id: Int64) throws(JobStoreError) -> String? {
        let reason = try connection[InboxSQL.reason].bind(1, id).first { $0.optionalText(0) } ?? nil
        guard let reason, reason.hasPrefix(JobRules.refusal) else { return nil }
        return String(reason.dropFirst(JobRules.refusal.count))
    }

    /// Ends a job that was just inserted.
    private func end(_ id: Int64, as state: FinalState, reason: String, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        guard let job = try locate(JobID(rawValue: id)), let carried = job.carried else {
            throw .damaged(reason: "job \(JobID(rawValue: id)) was added and is nowhere")
        }
        try takeOut(JobID(rawValue: id), job)
        try end(JobID(rawValue: id), job, carried, as: state, reason: reason, topics: &topics)
    }
}

extension StoreCore {
    /// Reads, once what plain SQL has enqueued before has become jobs: whoever looks finds them as soon as they are committed, with a worker
    /// or without. Where nothing can be written now, what is read is what there is.
    func look<Value: Sendable>(
        _ body: @escaping @Sendable (QueueReader) throws(JobStoreError) -> Value
    ) async throws(JobStoreError) -> Value {
        /// The newest that was there when the look began: it does not wait for those that come while it waits.
        var newest: Int64?
        while true {
            let last = newest
            let (found, pending): (Value?, Int64?) = try await reader.perform { (reader) throws(JobStoreError) in
                // Who can only just read cannot write either.
                let pending = reader.connection.isStopgap ? nil : try reader.newestInInbox(through: last ?? .max)
                return (pending == nil ? .some(try body(reader)) : nil, pending)
            }
            if let found { return found }
            newest = last ?? pending
            do throws(JobStoreError) {
                try await queue.perform(.normal) { _ in ((), []) }
            } catch {
                // Whoever looks need not be able to write: somebody may hold the lock. They are taken in later.
                return try await reader.perform(body)
            }
            // Nothing comes in on a disk that is almost full.
            if space.shortageForJobs() != nil { return try await reader.perform(body) }
        }
    }
}

extension SQLiteStore {
    /// What the inbox of the store in `directory` holds that can never become a job: how many, and why the first of them cannot.
    /// - Throws: ``JobStoreError`` when the file cannot be read.
    package static func stranded(in directory: String) throws(JobStoreError) -> (jobs: Int, problem: String)? {
        let connection = try Connection(path: StoreDirectory(path: directory).queue, queryOnly: true)
        guard let jobs = try connection.integer("SELECT count(*) FROM errand_inbox WHERE problem IS NOT NULL"), jobs > 0 else { return nil }
        return (Int(jobs), try connection.text("SELECT problem FROM errand_inbox WHERE problem IS NOT NULL LIMIT 1") ?? "")
    }
}

extension QueueReader {
    /// The newest job in the inbox up to `last`; `nil` when there is none.
    fileprivate func newestInInbox(through last: Int64) throws(JobStoreError) -> Int64? {
        try connection[InboxSQL.newest].bind(1, last).first { $0.integer(0) }
    }
}

/// The statements about the inbox.
enum InboxSQL {
    private static let columns = """
        SELECT id, arrived_at, kind, queue, priority, run_at, max_attempts, timeout_us, key, label, meta, tags, limit_key, sequence,
               unique_key, expires_at, deadline, trace_parent, payload FROM errand_inbox
        """

    /// Whether there is anything to take in. The first entry of index `errand_inbox_new`.
    static let any = SQL("SELECT 1 FROM errand_inbox WHERE problem IS NULL LIMIT 1")

    /// The newest up to another. Index `errand_inbox_new` backwards.
    static let newest = SQL("SELECT id FROM errand_inbox WHERE id <= :last AND problem IS NULL ORDER BY id DESC LIMIT 1")

    /// The oldest. The first entry of index `errand_inbox_new`.
    static let first = SQL("\(columns) WHERE problem IS NULL ORDER BY id LIMIT 1")

    /// Row key of `errand_inbox`.
    static let one = SQL("\(columns) WHERE id = :id AND problem IS NULL")

    /// Index `errand_inbox_key`.
    static let keyed = SQL("\(columns) WHERE key = :key AND key IS NOT NULL AND problem IS NULL")

    /// Row key of `errand_inbox`.
    static let drop = SQL("DELETE FROM errand_inbox WHERE id = :id")

    /// Row key of `errand_inbox`.
    static let set = SQL("UPDATE errand_inbox SET problem = :problem WHERE id = :id")

    /// Why a job is dead that never ran. Row key of `errand_finished`.
    static let reason = SQL("SELECT reason FROM errand_finished WHERE id = :id AND state = \(FinalState.dead.rawValue) AND outcome IS NULL")

    static let begin = SQL("SAVEPOINT arrival")
    static let keep = SQL("RELEASE arrival")
    static let undo = SQL("ROLLBACK TO arrival")
}
