// Periodic jobs: one row each, and the commit that fires a slot.

import Errand
import ErrandContext

/// A periodic job as it is written, worked out on the caller's thread.
struct PreparedPeriodic: Sendable {
    var draft: PeriodicDraft
    var spec: String

    init(_ draft: PeriodicDraft) throws(JobStoreError) {
        try PreparedJob.checkSize(of: draft.periodic.job.payload)
        self.draft = draft
        spec = try JSONText.encode(draft.periodic)
    }
}

/// A firing with its jobs worked out.
struct PreparedFiring: Sendable {
    var firing: PeriodicFiring
    var jobs: [PreparedJob]

    init(_ firing: PeriodicFiring) throws(JobStoreError) {
        self.firing = firing
        jobs = []
        for run in firing.runs { jobs.append(try PreparedJob(run.job)) }
    }
}

extension QueueDatabase {
    /// Sets periodic jobs, and removes those of the same source that are not among them.
    func setPeriodic(
        _ drafts: [PreparedPeriodic], source: String?
    ) throws(JobStoreError) -> ([PeriodicSetResult], Set<DoorbellTopic>) {
        var results: [PeriodicSetResult] = []
        for prepared in drafts { results.append(try set(prepared, source: source)) }
        var hasChanged = results.contains { $0 == .added || $0 == .changed }
        if let source {
            var known: [String] = []
            try connection[PeriodicSQL.ofSource].bind(1, text: source).forEach { known.append($0.text(0)) }
            let kept = Set(drafts.map(\.draft.periodic.name))
            for name in known where !kept.contains(name) {
                try connection[PeriodicSQL.remove].bind(1, text: name).run()
                hasChanged = true
            }
        }
        memory.nextSlot = nil
        return (results, hasChanged ? QueueDatabase.periodicTopics : [])
    }

    /// Whoever leads looks at once, whether or not it has free slots.
    static let periodicTopics: Set<DoorbellTopic> = [.work, .control]

    private func set(_ prepared: PreparedPeriodic, source: String?) throws(JobStoreError) -> PeriodicSetResult {
        let periodic = prepared.draft.periodic
        let known = try connection[PeriodicSQL.known].bind(1, text: periodic.name).first { row in
            (
                spec: row.text(0), payload: row.bytes(1), timing: row.text(2), source: row.optionalText(3), isPaused: row.integer(4) != 0,
                next: row.optionalInteger(5)
            )
        }
        guard let known else {
            guard try connection[PeriodicSQL.count].first({ $0.integer(0) }) ?? 0 < PeriodicRules.count else {
                throw .refused(reason: "the store has \(PeriodicRules.count) periodic jobs, and more are not allowed: remove some")
            }
            try connection[PeriodicSQL.add].bind(1, text: periodic.name).bind(2, text: prepared.spec).bind(3, blob: periodic.job.payload)
                .bind(4, text: periodic.timingText).bind(5, text: source).bind(6, prepared.draft.first?.microseconds)
                // Not one that an earlier periodic job of this name has had.
                .bind(7, clock.now).run()
            return .added
        }
        if source == nil, let owner = known.source { return .belongs(to: owner) }
        guard known.spec != prepared.spec || known.payload != periodic.job.payload || known.source != source else { return .unchanged }
        var next = known.next
        if known.timing != periodic.timingText { next = known.isPaused ? nil : prepared.draft.first?.microseconds }
        try connection[PeriodicSQL.change].bind(1, text: prepared.spec).bind(2, blob: periodic.job.payload)
            .bind(3, text: periodic.timingText).bind(4, text: source).bind(5, next).bind(6, text: periodic.name).run()
        return .changed
    }

    /// Removes periodic jobs; whether each was there.
    func removePeriodic(_ names: [String]) throws(JobStoreError) -> ([Bool], Set<DoorbellTopic>) {
        var results: [Bool] = []
        for name in names {
            try connection[PeriodicSQL.remove].bind(1, text: name).run()
            results.append(connection.changes > 0)
        }
        memory.nextSlot = nil
        return (results, [])
    }

    /// Pauses a periodic job, or lets it go on at `next`.
    func pausePeriodic(_ name: String, _ isPaused: Bool, next: Int64?) throws(JobStoreError) -> (Bool, Set<DoorbellTopic>) {
        try connection[PeriodicSQL.pause].bind(1, isPaused ? 1 : 0).bind(2, isPaused ? nil : next).bind(3, text: name).run()
        memory.nextSlot = nil
        return (connection.changes > 0, isPaused ? [] : QueueDatabase.periodicTopics)
    }

    /// A periodic job that cannot be read is looked at again at `time`.
    func holdPeriodic(_ name: String, revision: Int64, until time: Int64) throws(JobStoreError) {
        try connection[PeriodicSQL.hold].bind(1, time).bind(2, text: name).bind(3, revision).run()
        memory.nextSlot = nil
    }

    // MARK: Slots

    /// Fires slots, those that are still the next ones. Refuses them when the disk is almost full, as new jobs are.
    func fire(
        _ firings: [PreparedFiring]
    ) throws(JobStoreError) -> (Result<[PeriodicFireResult], JobStoreError>, Set<DoorbellTopic>) {
        if let shortage = shortageOfRoom() { return (.failure(.full(reason: shortage)), []) }
        var topics: Set<DoorbellTopic> = []
        var results: [PeriodicFireResult] = []
        for prepared in firings { results.append(try fire(prepared, topics: &topics)) }
        memory.nextSlot = nil
        return (.success(results), topics)
    }

    private func fire(_ prepared: PreparedFiring, topics: inout Set<DoorbellTopic>) throws(JobStoreError) -> PeriodicFireResult {
        let firing = prepared.firing
        let known = try connection[PeriodicSQL.turn].bind(1, text: firing.name).first {
            (revision: $0.integer(0), next: $0.optionalInteger(1))
        }
        guard let known, known.revision == firing.revision, firing.due.map({ $0.microseconds == known.next }) ?? true else { return .stale }
        var results: [EnqueueResult] = []
        for job in prepared.jobs {
            if firing.cancelsPrevious { try cancelPrevious(of: job.job, topics: &topics) }
            let (added, rings) = try enqueue([job])
            results += added
            topics.formUnion(rings)
        }
        if firing.due != nil {
            try connection[PeriodicSQL.advance].bind(1, firing.next?.microseconds).bind(2, text: firing.name).run()
        }
        if let run = firing.runs.last, let result = results.last {
            let wasSkipped = if case .unique = result { true } else { false }
            try connection[PeriodicSQL.note].bind(1, run.slot.microseconds).bind(2, clock.now).bind(3, result.id.rawValue)
                .bind(4, wasSkipped ? 1 : 0).bind(5, text: firing.name).run()
        }
        return .fired(results)
    }

    /// Cancels what has the unique key of a run, and what waits behind that.
    private func cancelPrevious(of job: NewJob, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        guard let mark = job.terms.uniqueness?.mark(kind: job.kind, queue: job.queue), let owner = try owner(of: mark, now: clock.now),
            !owner.hasEnded
        else { return }
        // The one that waits first: else it would be placed when the other ends.
        let (_, rings) = try cancel([owner.next, owner.job].compactMap(\.self), reason: "the next run of its periodic job is due")
        topics.formUnion(rings)
    }

    // MARK: The leader

    /// The next slot of any periodic job, if it is for `worker` to fire it: the first that offers to lead does, until it is gone.
    func nextSlot(for worker: WorkerID, leads: Bool, topics: inout Set<DoorbellTopic>) throws(JobStoreError) -> Timestamp? {
        guard let next = try nextSlot() else { return nil }
        let leader = try connection[PeriodicSQL.leader].first { $0.integer(0) }
        guard leads else {
            if leader == worker.rawValue, try dropLeader(worker) { topics.formUnion(QueueDatabase.periodicTopics) }
            return nil
        }
        if leader == nil { try connection[PeriodicSQL.lead].bind(1, worker.rawValue).run() }
        return leader == nil || leader == worker.rawValue ? Timestamp(microseconds: next) : nil
    }

    /// The next slot of any periodic job; asked once for each transaction in which it matters.
    private func nextSlot() throws(JobStoreError) -> Int64? {
        if let known = memory.nextSlot { return known }
        let found = try connection[PeriodicSQL.next].first { $0.optionalInteger(0) } ?? nil
        memory.nextSlot = .some(found)
        return found
    }

    /// A worker leads no more; whether it did.
    func dropLeader(_ worker: WorkerID) throws(JobStoreError) -> Bool {
        try connection[PeriodicSQL.dropLeader].bind(1, worker.rawValue).run()
        return connection.changes > 0
    }
}

extension QueueReader {
    /// All periodic jobs, by name.
    func periodicJobs() throws(JobStoreError) -> [PeriodicEntry] { try entries(connection[PeriodicSQL.all]) }

    /// Those that are due, the longest due first.
    func duePeriodic(at time: Timestamp, limit: Int) throws(JobStoreError) -> [PeriodicEntry] {
        try entries(connection[PeriodicSQL.due].bind(1, time.microseconds).bind(2, Int64(limit)))
    }

    private func entries(_ statement: Statement) throws(JobStoreError) -> [PeriodicEntry] {
        var entries: [PeriodicEntry] = []
        try statement.forEach { (row) throws(JobStoreError) in
            // One that a later Errand has written does not keep the others from being read.
            var periodic = PeriodicJob(row.text(10), .every(.seconds(3600)), NewJob(kind: "unreadable", payload: []))
            var problem: String?
            do throws(JobStoreError) {
                periodic = try JSONText.decode(PeriodicJob.self, row.text(0))
            } catch {
                problem = error.description
            }
            periodic.job.payload = row.bytes(1)
            let last = row.optionalInteger(6).map { slot in
                PeriodicEntry.Fired(
                    slot: Timestamp(microseconds: slot), at: Timestamp(microseconds: row.integer(7)),
                    job: JobID(rawValue: row.integer(8)), wasSkipped: row.integer(9) != 0)
            }
            var entry = PeriodicEntry(
                periodic: periodic, source: row.optionalText(2), isPaused: row.integer(3) != 0,
                next: row.optionalInteger(4).map(Timestamp.init(microseconds:)), last: last, revision: row.integer(5))
            entry.problem = problem
            entries.append(entry)
        }
        return entries
    }
}

/// The statements about periodic jobs.
enum PeriodicSQL {
    private static let entry =
        "SELECT spec, payload, source, paused, next_at, revision, last_slot, last_at, last_job, last_skipped, name FROM errand_periodic"

    /// All of them, in the order of the index of their names.
    static let all = SQL("\(entry) ORDER BY name")

    /// Index `errand_periodic_look`.
    static let due = SQL("\(entry) WHERE look_at <= :time ORDER BY look_at LIMIT :limit")

    /// The first entry of index `errand_periodic_look`.
    static let next = SQL("SELECT min(look_at) FROM errand_periodic WHERE look_at IS NOT NULL")

    /// The unique index of names.
    static let hold = SQL("UPDATE errand_periodic SET look_at = :time WHERE name = :name AND revision = :revision AND look_at IS NOT NULL")

    static let count = SQL("SELECT count(*) FROM errand_periodic")

    /// The unique index of names.
    static let known = SQL("SELECT spec, payload, timing, source, paused, next_at FROM errand_periodic WHERE name = :name")

    /// Walks the few rows that there are.
    static let ofSource = SQL("SELECT name FROM errand_periodic WHERE source = :source")

    static let add = SQL(
        """
        INSERT INTO errand_periodic(name, spec, payload, timing, source, next_at, look_at, revision)
        VALUES(:name, :spec, :payload, :timing, :source, :next_at, :next_at, :revision)
        """)

    /// The unique index of names.
    static let change = SQL(
        """
        UPDATE errand_periodic SET spec = :spec, payload = :payload, timing = :timing, source = :source, next_at = :next_at,
               look_at = :next_at, revision = revision + 1
         WHERE name = :name
        """)

    /// The unique index of names.
    static let remove = SQL("DELETE FROM errand_periodic WHERE name = :name")

    /// The unique index of names.
    static let pause = SQL(
        "UPDATE errand_periodic SET paused = :paused, next_at = :next_at, look_at = :next_at, revision = revision + 1 WHERE name = :name")

    /// The unique index of names.
    static let turn = SQL("SELECT revision, next_at FROM errand_periodic WHERE name = :name")

    /// The unique index of names.
    static let advance = SQL("UPDATE errand_periodic SET next_at = :next_at, look_at = :next_at WHERE name = :name")

    /// The unique index of names.
    static let note = SQL(
        "UPDATE errand_periodic SET last_slot = :slot, last_at = :at, last_job = :job, last_skipped = :skipped WHERE name = :name")

    /// The worker that leads, if it is still registered. Row keys.
    static let leader = SQL(
        "SELECT l.worker FROM errand_leader l CROSS JOIN errand_worker w ON w.id = l.worker WHERE l.role = 1")

    /// Row key of `errand_leader`.
    static let lead = SQL(
        "INSERT INTO errand_leader(role, worker) VALUES(1, :worker) ON CONFLICT(role) DO UPDATE SET worker = excluded.worker")

    /// The one row of `errand_leader`.
    static let dropLeader = SQL("DELETE FROM errand_leader WHERE role = 1 AND worker = :worker")
}
