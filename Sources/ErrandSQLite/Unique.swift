// Unique keys: one row each, which whoever enqueues looks at first, and which goes with the job that has it.

import Errand
import ErrandContext

extension QueueDatabase {
    /// What becomes of a new job because of its unique key.
    enum Arrival {
        /// It is added; the key is its own.
        case owns([UInt8]?)
        /// It is added, and waits behind the owner of this key.
        case waits([UInt8])
        /// It is not.
        case settled(EnqueueResult)
    }

    /// Finds out what becomes of a new job, and lets it take another's place where that is so. A debounced job gets its start time here.
    func arrive(_ prepared: inout PreparedJob, now: Int64) throws(JobStoreError) -> Arrival {
        guard let uniqueness = prepared.job.terms.uniqueness else { return .owns(nil) }
        let mark = uniqueness.mark(kind: prepared.job.kind, queue: prepared.job.queue)
        let time = Timestamp(microseconds: now)
        guard let owner = try owner(of: mark, now: now) else {
            prepared.job.runAt = uniqueness.firstRunAt(now: time) ?? prepared.job.runAt
            return .owns(mark)
        }
        switch uniqueness.move(beside: owner, runAt: prepared.job.runAt, now: time) {
        case .refuse: return .settled(.unique(owner.job))
        case .wait: return .waits(mark)
        case .substitute(let job, let runAt, let result):
            prepared.job.runAt = runAt
            // Whoever takes in jobs rings for work anyway.
            var topics: Set<DoorbellTopic> = []
            try substitute(job.rawValue, by: prepared, now: now, topics: &topics)
            return .settled(result)
        }
    }

    /// Who has a key; `nil` when nobody does, any more.
    func owner(of mark: [UInt8], now: Int64) throws(JobStoreError) -> UniqueOwner? {
        let row = try connection[UniqueSQL.owner].bind(1, blob: mark).first {
            (job: $0.integer(0), until: $0.optionalInteger(1), next: $0.optionalInteger(2))
        }
        guard let row else { return nil }
        guard
            let place = try connection[UniqueSQL.progress].bind(1, row.job).first({
                (createdAt: $0.integer(0), runAt: $0.integer(1), hasEnded: $0.integer(2) != 0, hasStarted: $0.integer(3) != 0)
            }), !place.hasEnded
        else {
            // It has ended, or is pruned already: the key is kept for its period only.
            if let until = row.until, until > now {
                let past = Timestamp(microseconds: 0)
                return UniqueOwner(job: JobID(rawValue: row.job), hasStarted: true, hasEnded: true, createdAt: past, runAt: past)
            }
            try connection[UniqueSQL.drop].bind(1, blob: mark).run()
            return nil
        }
        let nextRunAt = try row.next.flatMap { (next) throws(JobStoreError) in
            try connection[UniqueSQL.progress].bind(1, next).first { Timestamp(microseconds: $0.integer(1)) }
        }
        return UniqueOwner(
            job: JobID(rawValue: row.job), hasStarted: place.hasStarted, hasEnded: false,
            createdAt: Timestamp(microseconds: place.createdAt), runAt: Timestamp(microseconds: place.runAt),
            next: row.next.map(JobID.init(rawValue:)), nextRunAt: nextRunAt)
    }

    /// Puts a new job in the place of one that has not started, under that one's ID and age.
    private func substitute(
        _ id: Int64, by prepared: PreparedJob, now: Int64, topics: inout Set<DoorbellTopic>
    ) throws(JobStoreError) {
        guard let old = try locate(JobID(rawValue: id)) else {
            throw .damaged(reason: "job \(JobID(rawValue: id)) has a key and no input row")
        }
        var prepared = prepared
        var place = try takeOut(JobID(rawValue: id), old).map { FirstPlace.behind($0) }
        if case .blocked(_, let needs) = old.state { place = .blocked(needs: needs) }
        if let before = try terms(of: id), before.terms.sequence != prepared.job.terms.sequence || before.queue != prepared.job.queue {
            try leaveSequence(id, topics: &topics)
        }
        let before = try connection[UniqueSQL.input].bind(1, id).first {
            (
                createdAt: $0.integer(0), key: $0.optionalText(1), flags: JobFlags(rawValue: $0.integer(2)),
                workflow: $0.optionalInteger(3)
            )
        }
        prepared.isBlocked = before?.flags.contains(.dependent) ?? false
        prepared.job.workflow = before?.workflow.map(WorkflowID.init(rawValue:))
        if let key = before?.key {
            if prepared.job.key == nil {
                // A repetition of the first enqueue still finds the job.
                prepared.keptKey = key
            } else {
                try connection[RetentionSQL.dropKey].bind(1, text: key).bind(2, id).run()
            }
        }
        if let before, before.flags.contains(.tagged) { try untag(id) }
        if try termsInUse().contains(.expiry) { try connection[ExpirySQL.forget].bind(1, id).run() }
        try connection[RetentionSQL.dropInput].bind(1, id).run()
        try insert(prepared, id: id, now: now, createdAt: before?.createdAt, place: place)
        if let key = old.key { try leaveKey(key, topics: &topics) }
    }

    /// Gives a key to a job, which nobody else has.
    func own(_ mark: [UInt8], _ id: Int64, until: Int64?) throws(JobStoreError) {
        try use(.unique)
        try connection[UniqueSQL.own].bind(1, blob: mark).bind(2, id).bind(3, until).run()
    }

    /// Lets a job wait behind the owner of a key.
    func hold(_ id: Int64, behind mark: [UInt8]) throws(JobStoreError) {
        try connection[UniqueSQL.hold].bind(1, id).bind(2, blob: mark).bind(3, -bootNumber).bind(4, 0).bind(5, 0).run()
        try connection[UniqueSQL.setNext].bind(1, id).bind(2, blob: mark).run()
    }

    /// A job that waits behind another, the owner of its unique key if that is said, gives that up.
    func unhold(_ id: Int64, behind mark: [UInt8]?) throws(JobStoreError) {
        try connection[UniqueSQL.unhold].bind(1, id).run()
        if let mark { try connection[UniqueSQL.setNext].bind(1, nil).bind(2, blob: mark).run() }
    }

    /// The key of a job that has ended, or needs it no longer, goes to whoever waits behind it; else it is free, at once or (`keptFor` its
    /// period) later.
    func freeKey(of id: Int64, keptFor isKept: Bool, at time: Int64, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        let row = try connection[UniqueSQL.owned].bind(1, id).first {
            (mark: $0.bytes(0), until: $0.optionalInteger(1), next: $0.optionalInteger(2))
        }
        guard let row else { return }
        if let next = row.next {
            try connection[UniqueSQL.pass].bind(1, next).bind(2, blob: row.mark).run()
            try placeHeld(next, at: time)
            topics.insert(.work)
        } else if !isKept || row.until.map({ $0 <= time }) ?? true {
            try connection[UniqueSQL.drop].bind(1, blob: row.mark).run()
        }
    }

    /// A job that has waited behind another may start.
    private func placeHeld(_ id: Int64, at time: Int64) throws(JobStoreError) {
        let row = try connection[UniqueSQL.held].bind(1, id).first { (base: $0.integer(0), runAt: $0.integer(1)) }
        guard let row else { throw .damaged(reason: "job \(JobID(rawValue: id)) should wait behind another and does not") }
        try connection[UniqueSQL.unhold].bind(1, id).run()
        if row.runAt > time {
            try schedule(id, until: row.runAt, base: row.base, attempt: 0, crashes: 0, reason: .delayed)
        } else {
            try place(id, base: row.base, attempt: 0, crashes: 0)
        }
    }

    /// Lets a job that had ended have its key again, and forget when it was to have ended; the job that has the key by now, if one does.
    func takeKeyAgain(_ id: Int64) throws(JobStoreError) -> JobID? {
        guard let (known, kind, queue) = try terms(of: id), !known.isEmpty else { return nil }
        var terms = known
        let isUsedUp = try hasStarted(id)
        if let uniqueness = terms.uniqueness, uniqueness.until == .ended || !isUsedUp {
            let mark = uniqueness.mark(kind: kind, queue: queue)
            if let owner = try owner(of: mark, now: clock.now) { return owner.job }
            try own(mark, id, until: nil)
        }
        if terms.expiresAt != nil || terms.deadline != nil {
            (terms.expiresAt, terms.deadline) = (nil, nil)
            try write(terms, of: id)
        }
        return nil
    }

    private func hasStarted(_ id: Int64) throws(JobStoreError) -> Bool {
        try connection[UniqueSQL.progress].bind(1, id).first { $0.integer(3) != 0 } ?? false
    }

    /// Frees, at most a slice at a time, keys that were kept for a period that is over.
    func freeOverdueKeys() throws(JobStoreError) {
        guard try termsInUse().contains(.unique) else { return }
        var due: [(mark: [UInt8], job: Int64)] = []
        try connection[UniqueSQL.overdue].bind(1, clock.now).bind(2, QueueDatabase.promotionsPerStep).forEach { row in
            due.append((row.bytes(0), row.integer(1)))
        }
        for (mark, job) in due {
            let isLive = try connection[UniqueSQL.progress].bind(1, job).first { $0.integer(2) == 0 } ?? false
            // A job that lives keeps its key until its end, and no longer.
            try connection[isLive ? UniqueSQL.forgetPeriod : UniqueSQL.drop].bind(1, blob: mark).run()
        }
    }
}

/// The statements about unique keys; the row of a key is what competing enqueues meet at.
enum UniqueSQL {
    static let any = SQL("SELECT 1 FROM errand_unique_key LIMIT 1")

    /// Primary key of `errand_unique_key`.
    static let owner = SQL("SELECT job, until, next FROM errand_unique_key WHERE key = :key")

    /// The key of a job. Index `errand_unique_key_job`, then the primary key.
    static let owned = SQL("SELECT key, until, next FROM errand_unique_key WHERE job = :job")

    /// Whether a job has ended, and whether it has ever started. Row keys; one step on the primary key of `errand_execution`.
    static let progress = SQL(
        """
        SELECT j.created_at, j.run_at, f.id IS NOT NULL,
               r.id IS NOT NULL OR EXISTS (SELECT 1 FROM errand_execution e WHERE e.job = j.id)
          FROM errand_job j LEFT JOIN errand_finished f ON f.id = j.id LEFT JOIN errand_running r ON r.id = j.id
         WHERE j.id = :id
        """)

    /// Row key of `errand_job`.
    static let input = SQL("SELECT created_at, idempotency_key, flags, batch FROM errand_job WHERE id = :id")

    static let own = SQL("INSERT INTO errand_unique_key(key, job, until) VALUES(:key, :job, :until)")

    /// Primary key of `errand_unique_key`.
    static let setNext = SQL("UPDATE errand_unique_key SET next = :next WHERE key = :key")

    /// Primary key of `errand_unique_key`.
    static let pass = SQL("UPDATE errand_unique_key SET job = :job, next = NULL, until = NULL WHERE key = :key")

    /// Primary key of `errand_unique_key`.
    static let drop = SQL("DELETE FROM errand_unique_key WHERE key = :key")

    /// Primary key of `errand_unique_key`.
    static let forgetPeriod = SQL("UPDATE errand_unique_key SET until = NULL WHERE key = :key")

    /// Index `errand_unique_key_until`.
    static let overdue = SQL("SELECT key, job FROM errand_unique_key WHERE until <= :now ORDER BY until LIMIT :limit")

    static let hold = SQL("INSERT INTO errand_held(id, key, base, attempt, crashes) VALUES(:id, :key, :base, :attempt, :crashes)")

    /// Row keys.
    static let held = SQL("SELECT h.base, j.run_at FROM errand_held h CROSS JOIN errand_job j ON j.id = h.id WHERE h.id = :id")

    /// Row key of `errand_held`.
    static let unhold = SQL("DELETE FROM errand_held WHERE id = :id")
}
