// Jobs on their way in from another store: their rows as they were, their places by the rules of this one.

import Errand
import ErrandContext

/// A job of an import with everything worked out that needs no database, on the caller's thread.
struct PreparedImport: Sendable {
    var job: ExportedJob
    var input: PreparedJob
    /// The errors of its executions as they are kept, in their order.
    var errors: [String?]

    init(_ job: ExportedJob) throws(JobStoreError) {
        self.job = job
        input = try PreparedJob(job.job)
        errors = []
        for execution in job.executions {
            errors.append(try execution.error.map { (error) throws(JobStoreError) in try JSONText.encode(error) })
        }
    }
}

extension QueueDatabase {
    /// Takes in jobs as they stand: those that may. Refuses all when the disk is almost full, as ``takeIn(_:)`` does.
    func takeIn(
        imports jobs: [Result<PreparedImport, ImportRefusal>]
    ) throws(JobStoreError) -> (Result<[ImportResult], JobStoreError>, Set<DoorbellTopic>) {
        if let shortage = shortageOfRoom() { return (.failure(.full(reason: shortage)), []) }
        var topics: Set<DoorbellTopic> = []
        var results: [ImportResult] = []
        results.reserveCapacity(jobs.count)
        for job in jobs {
            switch job {
            case .success(let prepared): results.append(try takeIn(prepared, topics: &topics))
            case .failure(let refusal): results.append(.refused(reason: refusal.reason))
            }
        }
        try settle(topics: &topics)
        return (.success(results), topics)
    }

    private func takeIn(_ prepared: PreparedImport, topics: inout Set<DoorbellTopic>) throws(JobStoreError) -> ImportResult {
        let job = prepared.job
        if let key = job.job.key { try takeInFromInbox(key: key, topics: &topics) }
        if let known = try known(job) { return known }
        if let key = job.job.key, let owner = try connection[EnqueueSQL.keyed].bind(1, text: key).first({ $0.integer(0) }) {
            return .keyTaken(JobID(rawValue: owner))
        }
        let unique = try arrival(of: job)
        if case .settled(.unique(let owner)) = unique { return .uniqueTaken(owner) }

        let id = job.id.rawValue
        let feed = try feed(queue: job.job.queue, kind: job.job.kind)
        let isLive = !job.state.isFinal
        let key = isLive ? try self.key(for: job.job.terms, feed: feed) : nil
        let dueAt = (job.job.runAt ?? job.createdAt).microseconds
        try write(prepared.input, id: id, feed: feed, runAt: dueAt, createdAt: job.createdAt.microseconds, key: key)
        if let known = memory.lastID { memory.lastID = max(known, id) }
        if let key = job.job.key {
            try connection[EnqueueSQL.keep].bind(1, text: key).bind(2, id).bind(3, blob: prepared.input.fingerprints.first).run()
        }
        if !job.job.terms.tags.isEmpty { try tag(id, job.job.terms.tags) }
        if case .owns(let mark?) = unique { try own(mark, id, until: job.uniqueUntil?.microseconds) }
        try writeHistory(of: prepared)
        if let workflow = job.job.workflow { try memberJoins(workflow.rawValue) }
        let waiting = try takeUpImported(job)
        if isLive {
            tell(.enqueued, job: id, feed: feed)
            var terms = job.job.terms
            if !job.executions.isEmpty { terms.expiresAt = nil }
            try noteExpiry(of: id, terms)
            try place(job, feed: feed, unique: unique, waiting: waiting, topics: &topics)
            topics.insert(.work)
        } else {
            try finish(prepared, feed: feed, topics: &topics)
        }
        return .imported
    }

    /// What to say of a job whose ID is there already; `nil` for one whose is not. Kind and time of enqueueing are what no change of a job
    /// changes.
    private func known(_ job: ExportedJob) throws(JobStoreError) -> ImportResult? {
        let found = try connection[ImportSQL.known].bind(1, job.id.rawValue).first { ($0.integer(0), $0.text(1)) }
        guard let (createdAt, kind) = found else { return nil }
        return createdAt == job.createdAt.microseconds && kind == job.job.kind ? .existing : .idTaken
    }

    /// What becomes of a job because of its unique key.
    private func arrival(of job: ExportedJob) throws(JobStoreError) -> Arrival {
        guard let uniqueness = job.job.terms.uniqueness else { return .owns(nil) }
        let mark = uniqueness.mark(kind: job.job.kind, queue: job.job.queue)
        let now = clock.now
        let isUsedUp = uniqueness.until == .started && !job.executions.isEmpty
        guard !isUsedUp, !job.state.isFinal || job.keepsUniqueKey(at: Timestamp(microseconds: now)) else { return .owns(nil) }
        guard let owner = try owner(of: mark, now: now) else { return .owns(mark) }
        // Somebody else has it by now, or, for a job that was pruned here while its period goes on, it has it still.
        if job.state.isFinal || owner.job == job.id { return .owns(nil) }
        if job.waitsBehindOwner, !owner.hasEnded, owner.next == nil { return .waits(mark) }
        return .settled(.unique(owner.job))
    }

    /// Puts down what became of earlier executions, and what they left.
    private func writeHistory(of prepared: PreparedImport) throws(JobStoreError) {
        let job = prepared.job
        let id = job.id.rawValue
        // The end of a job is also the record of the execution that brought it.
        let earlier = job.endedInLastExecution ? job.executions.dropLast() : job.executions[...]
        for (record, error) in zip(earlier, prepared.errors) {
            try connection[LeaveSQL.keep].bind(1, id).bind(2, record.execution.ordinal).bind(3, Int64(record.attempt))
                .bind(4, record.worker?.rawValue).bind(5, record.startedAt.microseconds).bind(6, record.finishedAt?.microseconds)
                .bind(7, record.outcome?.code).bind(8, text: error).run()
        }
        if !job.steps.isEmpty { try use(.steps) }
        for step in job.steps {
            try connection[StepSQL.record].bind(1, id).bind(2, text: step.name).bind(3, step.isCursor ? 1 : 0)
                .bind(4, step.execution.ordinal).bind(5, step.recordedAt.microseconds).bind(6, blob: step.result).run()
        }
        if let progress = job.progress {
            memory.hasProgress = nil
            try connection[ImportSQL.progress].bind(1, id).bind(2, progress.execution.ordinal).bind(3, progress.at.microseconds)
                .bind(4, real: progress.fraction).bind(5, text: progress.message).run()
        }
    }

    /// Ends a job as it has ended elsewhere.
    private func finish(_ prepared: PreparedImport, feed: Int64, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        let job = prepared.job
        guard let state = FinalState.allCases.first(where: { $0.jobState == job.state }) else { return }
        let last = job.endedInLastExecution ? job.executions.last : nil
        try connection[LeaveSQL.finish].bind(1, job.id.rawValue).bind(2, state.rawValue).bind(3, job.ordinal).bind(4, Int64(job.attempts))
            .bind(5, Int64(job.crashes)).bind(6, last?.worker?.rawValue).bind(7, last?.startedAt.microseconds)
            .bind(8, job.finishedAt?.microseconds).bind(9, last?.outcome?.code).bind(10, text: job.reason)
            .bind(11, text: last == nil ? nil : prepared.errors.last ?? nil).bind(12, blob: job.result).run()
        count(state, feed: feed)
        if let workflow = job.job.workflow { try memberEnds(of: workflow.rawValue, state, topics: &topics) }
        guard job.hasTurn, state == .dead, let sequence = job.job.terms.sequence, sequence.haltsOnDeath else { return }
        if let row = try giveTurn(to: job.id, sequence, feed: feed, topics: &topics) {
            try connection[SequenceSQL.halt].bind(1, 1).bind(2, row).run()
        }
    }
}

/// Why a job is not taken in: an error of its own, not of the transaction.
struct ImportRefusal: Error {
    var reason: String
}

/// The statements of an import.
enum ImportSQL {
    /// Row keys.
    static let known = SQL(
        """
        SELECT j.created_at, k.name FROM errand_job j CROSS JOIN errand_feed f ON f.id = j.feed CROSS JOIN errand_kind k ON k.id = f.kind
         WHERE j.id = :id
        """)

    /// Row key of `errand_progress`.
    static let progress = SQL(
        """
        INSERT INTO errand_progress(job, ordinal, at, fraction, message) VALUES(:job, :ordinal, :at, :fraction, :message)
            ON CONFLICT(job) DO UPDATE SET ordinal = excluded.ordinal, at = excluded.at, fraction = excluded.fraction,
                message = excluded.message
        """)
}
