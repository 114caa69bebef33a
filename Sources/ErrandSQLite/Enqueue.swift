// Taking jobs in: identity, feed, input row, and the first state.

import Errand
import ErrandContext

/// A new job with everything worked out that needs no database, on the caller's thread.
struct PreparedJob: Sendable {
    var job: NewJob
    /// What recognises a repetition of a job with a key; the first is kept.
    var fingerprints: [[UInt8]] = []
    var meta: String?
    /// The job's terms, as they are kept.
    var terms: [UInt8]?
    /// The idempotency key of the job whose place this one takes, known already.
    var keptKey: String?
    /// Whether the job whose place this one takes waits, or has waited, for others.
    var isBlocked = false

    init(_ job: NewJob) throws(JobStoreError) {
        try PreparedJob.checkSize(of: job.payload)
        self.job = job
        if job.key != nil {
            fingerprints = job.fingerprints.isEmpty ? [PreparedJob.digest(of: job)] : job.fingerprints
        }
        if !job.meta.isEmpty { meta = try JSONText.encode(job.meta) }
        if !job.terms.isEmpty { terms = Array(try JSONText.encode(job.terms).utf8) }
    }

    /// What recognises a repetition of `job` where its enqueuer says nothing else.
    static func digest(of job: NewJob) -> [UInt8] { SHA256.digest(Array(job.kind.utf8) + [0] + job.payload) }

    /// - Throws: ``JobStoreError/refused(reason:)`` for a payload that is too large; a sealed one may be larger by what sealing adds.
    static func checkSize(of payload: [UInt8]?) throws(JobStoreError) {
        guard let payload, payload.count > Limits.payloadBytes + (SealedBytes(payload) == nil ? 0 : SealedBytes.overhead) else { return }
        throw .refused(reason: "the payload has \(payload.count) bytes; at most \(Limits.payloadBytes) are kept: pass a reference instead")
    }

    /// Whether it is a payload for a queue and a kind, to be run at once, and nothing else. Asked when it is written down: a workflow still
    /// gives its jobs what they wait for.
    var isPlain: Bool {
        job.key == nil && keptKey == nil && !isBlocked && job.runAt == nil && job.after.isEmpty && job.workflow == nil
            && job.terms.isEmpty && meta == nil && job.timeout == nil && job.label == nil && job.trace == nil && job.parent == nil
            && job.root == nil && job.traceRelation == .child
    }

    var flags: JobFlags {
        var flags: JobFlags = []
        if job.key != nil || keptKey != nil { flags.insert(.key) }
        if job.timeout != nil || job.label != nil || meta != nil || job.trace != nil || job.parent != nil || job.root != nil || terms != nil
        {
            flags.insert(.extras)
        }
        if job.traceRelation == .link { flags.formUnion([.extras, .linked]) }
        if job.workflow != nil { flags.insert(.extras) }
        if !job.terms.tags.isEmpty { flags.insert(.tagged) }
        if !job.after.isEmpty || isBlocked { flags.insert(.dependent) }
        if job.terms.sequence != nil { flags.insert(.sequenced) }
        return flags
    }
}

extension QueueDatabase {
    /// Takes in jobs, all of them or none; refuses them when the disk is almost full. As a result, not as an error of the transaction:
    /// outcomes that share it must be written.
    func takeIn(_ jobs: [PreparedJob]) throws(JobStoreError) -> (Result<[EnqueueResult], JobStoreError>, Set<DoorbellTopic>) {
        if let shortage = shortageOfRoom() { return (.failure(.full(reason: shortage)), []) }
        var topics: Set<DoorbellTopic> = []
        for index in jobs.indices where !jobs[index].isPlain {
            for case .job(let id) in jobs[index].job.after.lazy.map(\.prerequisite) { try takeInFromInbox(id, topics: &topics) }
        }
        if let problem = try dependencyProblem(jobs) { return (.failure(.refused(reason: problem)), []) }
        let (results, rung) = try enqueue(jobs)
        topics.formUnion(rung)
        // A job that waits in vain has ended already.
        try settle(topics: &topics)
        return (.success(results), topics)
    }

    /// Takes in jobs; all of them or none.
    func enqueue(_ jobs: [PreparedJob]) throws(JobStoreError) -> ([EnqueueResult], Set<DoorbellTopic>) {
        let now = clock.now
        var next = try firstID(now: now)
        var results: [EnqueueResult] = []
        results.reserveCapacity(jobs.count)
        var topics: Set<DoorbellTopic> = [.work]
        for index in jobs.indices {
            if jobs[index].isPlain, try insertPlain(jobs[index], id: next, now: now) {
                results.append(.added(JobID(rawValue: next)))
                memory.lastID = next
                next += 1
                continue
            }
            var prepared = jobs[index]
            if let key = prepared.job.key { try takeInFromInbox(key: key, topics: &topics) }
            if let earlier = try earlier(prepared) {
                results.append(earlier)
                continue
            }
            switch try arrive(&prepared, now: now) {
            case .settled(let result):
                results.append(result)
                continue
            case .waits(let mark): try insert(prepared, id: next, now: now, place: .behind(mark))
            case .owns(let mark):
                // Before it can end, if it waits in vain: then it gives its key back.
                if let mark { try own(mark, next, until: prepared.job.terms.uniqueness?.period.map { now + $0.wholeMicroseconds }) }
                if prepared.job.after.isEmpty {
                    try insert(prepared, id: next, now: now)
                } else {
                    try insertDependent(prepared, id: next, now: now, results: results, topics: &topics)
                }
            }
            results.append(.added(JobID(rawValue: next)))
            memory.lastID = next
            next += 1
        }
        return (results, topics)
    }

    /// Writes a job down that waits for others; or, if one of them has failed already, that has ended.
    private func insertDependent(
        _ prepared: PreparedJob, id: Int64, now: Int64, results: [EnqueueResult], topics: inout Set<DoorbellTopic>
    ) throws(JobStoreError) {
        switch try takeUp(prepared.job.after, of: id, results: results) {
        case .forOthers(0): try insert(prepared, id: id, now: now)
        case .forOthers(let needs): try insert(prepared, id: id, now: now, place: .blocked(needs: needs))
        case .inVain(let reason):
            try insert(prepared, id: id, now: now, place: .blocked(needs: 1))
            guard let job = try locate(JobID(rawValue: id)), let carried = job.carried else {
                throw .damaged(reason: "job \(JobID(rawValue: id)) was added and is nowhere")
            }
            try takeOut(JobID(rawValue: id), job)
            try end(JobID(rawValue: id), job, carried, as: .cancelled, reason: reason, topics: &topics)
        }
    }

    /// Takes a number for something that is no job, from the same series.
    func takeID(now: Int64) throws(JobStoreError) -> Int64 {
        let id = try firstID(now: now)
        try takeID(id)
        return id
    }

    /// Lets no job have a number that something else has.
    func takeID(_ id: Int64) throws(JobStoreError) {
        _ = try firstID(now: clock.now)
        memory.lastID = max(memory.lastID ?? 0, id)
        // No row of a job shows that it is taken.
        gathered.deletedID = max(gathered.deletedID ?? 0, id)
    }

    /// Where a new job stands first, other than in the line.
    enum FirstPlace {
        /// Behind the owner of its unique key.
        case behind([UInt8])
        /// Behind so many others that it waits for.
        case blocked(needs: Int64)
    }

    /// The ID for the next job: the time, so that IDs of different stores hardly meet, unless the last one was higher.
    private func firstID(now: Int64) throws(JobStoreError) -> Int64 {
        let last: Int64
        if let known = memory.lastID {
            last = known
        } else {
            last = try connection[EnqueueSQL.lastID].first { $0.integer(0) } ?? 0
            memory.lastID = last
        }
        let milliseconds = max(0, now / 1000 - QueueDatabase.epochMilliseconds)
        return max(milliseconds << 22 | Int64.random(in: 0..<(1 << 22)), last + 1)
    }

    /// 2025-01-01T00:00:00Z.
    static let epochMilliseconds: Int64 = 1_735_689_600_000

    /// What an earlier enqueue under the same idempotency key makes of this one.
    func earlier(_ prepared: PreparedJob) throws(JobStoreError) -> EnqueueResult? {
        guard let key = prepared.job.key else { return nil }
        let found = try connection[EnqueueSQL.keyed].bind(1, text: key).first { (JobID(rawValue: $0.integer(0)), $0.bytes(1)) }
        guard let (id, known) = found else { return nil }
        return prepared.fingerprints.contains(known) ? .existing(id) : .conflict(id)
    }

    /// Writes a job down in its first state. One that takes another's place has that one's age, and waits where that one did.
    func insert(
        _ prepared: PreparedJob, id: Int64, now: Int64, createdAt: Int64? = nil, place: FirstPlace? = nil
    ) throws(JobStoreError) {
        let job = prepared.job
        let feed = try feed(queue: job.queue, kind: job.kind)
        let runAt = job.runAt?.microseconds ?? now
        let flags = prepared.flags
        let priority = Int64(job.priority)
        let key = try key(for: job.terms, feed: feed)
        try write(prepared, id: id, feed: feed, runAt: runAt, createdAt: createdAt ?? now, key: key)
        tell(.enqueued, job: id, feed: feed)
        if let key = job.key {
            try connection[EnqueueSQL.keep].bind(1, text: key).bind(2, id).bind(3, blob: prepared.fingerprints.first).run()
        }
        if flags.contains(.tagged) { try tag(id, job.terms.tags) }
        if prepared.terms != nil { try noteExpiry(of: id, job.terms) }
        // One that takes another's place is counted already.
        if let workflow = job.workflow, createdAt == nil { try memberJoins(workflow.rawValue) }
        if case .behind(let mark) = place {
            try hold(id, behind: mark)
        } else if case .blocked(let needs) = place {
            try block(id, needs: needs, feed: feed, Whereabouts.Carried(base: -bootNumber, attempt: 0, crashes: 0))
        } else if runAt > now {
            try schedule(id, until: runAt, base: -bootNumber, attempt: 0, crashes: 0, reason: .delayed)
        } else {
            let job = PlacedJob(
                id: id, feed: feed, priority: priority, rank: runAt, key: key, base: -bootNumber, attempt: 0, crashes: 0)
            if flags.contains(.sequenced), try !takesTurn(job) { return }
            try put(job)
        }
    }

    /// Writes a job down that is ``PreparedJob/isPlain``, as ``insert(_:id:now:createdAt:place:)`` would: most are, and to look at what they
    /// lack costs more than their rows. `false`, and nothing is done, where fair queues want to know each job's key.
    private func insertPlain(_ prepared: PreparedJob, id: Int64, now: Int64) throws(JobStoreError) -> Bool {
        if let limits = try limits(), !limits.fair.isEmpty { return false }
        let feed = try feed(queue: prepared.job.queue, kind: prepared.job.kind)
        let priority = Int64(prepared.job.priority)
        try connection[EnqueueSQL.plainInput].bind(1, id).bind(2, feed).bind(3, priority).bind(4, now).bind(5, now)
            .bind(6, Int64(prepared.job.maxAttempts)).bind(7, 0).bind(8, blob: prepared.job.payload).run()
        tell(.enqueued, job: id, feed: feed)
        try put(PlacedJob(id: id, feed: feed, priority: priority, rank: now, key: nil, base: -bootNumber, attempt: 0, crashes: 0))
        return true
    }

    /// Writes the input row of a job.
    func write(
        _ prepared: PreparedJob, id: Int64, feed: Int64, runAt: Int64, createdAt: Int64, key: Int64?
    ) throws(JobStoreError) {
        let (job, flags) = (prepared.job, prepared.flags)
        let isPlain = flags.isEmpty && key == nil
        let input = try connection[isPlain ? EnqueueSQL.plainInput : EnqueueSQL.input]
        input.bind(1, id).bind(2, feed).bind(3, Int64(job.priority)).bind(4, runAt).bind(5, createdAt)
            .bind(6, Int64(job.maxAttempts))
            .bind(7, flags.rawValue).bind(8, blob: job.payload)
        if !isPlain {
            input.bind(9, job.timeout?.wholeMicroseconds).bind(10, text: job.key ?? prepared.keptKey).bind(11, text: job.label).bind(
                12, text: prepared.meta
            )
            .bind(13, text: job.trace?.traceParent).bind(14, text: job.trace?.traceState).bind(15, text: job.trace?.baggage)
            .bind(16, job.parent?.job.rawValue).bind(17, job.parent?.ordinal).bind(18, job.root?.job.rawValue)
            .bind(19, job.root?.ordinal).bind(20, blob: prepared.terms).bind(21, key).bind(22, job.workflow?.rawValue)
        }
        try input.run()
    }

    /// The number of a queue and kind, given at first use.
    func feed(queue: String, kind: String) throws(JobStoreError) -> Int64 {
        if let last = memory.lastFeed, last.name.kind == kind, last.name.queue == queue { return last.id }
        let name = FeedName(queue: queue, kind: kind)
        if let feed = memory.feeds[name] {
            memory.lastFeed = (name, feed)
            return feed
        }
        let queueID = try intern(queue, find: EnqueueSQL.findQueue, add: EnqueueSQL.addQueue)
        let kindID = try intern(kind, find: EnqueueSQL.findKind, add: EnqueueSQL.addKind)
        let found = try connection[EnqueueSQL.findFeed].bind(1, queueID).bind(2, kindID).first { $0.integer(0) }
        let feed: Int64
        if let found {
            feed = found
        } else {
            let added = try connection[EnqueueSQL.addFeed].bind(1, queueID).bind(2, kindID).first { $0.integer(0) }
            guard let added else { throw .damaged(reason: "errand_feed took a row and gave no number") }
            feed = added
            memory.plan = nil
        }
        memory.feeds[name] = feed
        return feed
    }

    /// The number of a queue's or kind's name, given at first use.
    func intern(_ name: String, find: SQL, add: SQL) throws(JobStoreError) -> Int64 {
        if let found = try connection[find].bind(1, text: name).first({ $0.integer(0) }) { return found }
        guard let added = try connection[add].bind(1, text: name).first({ $0.integer(0) }) else {
            throw .damaged(reason: "a name was added and got no number")
        }
        return added
    }
}

/// The statements of taking in.
enum EnqueueSQL {
    /// The highest ID ever given out. Two seeks: the end of `errand_job`, the row of `errand_meta`.
    static let lastID = SQL(
        "SELECT max((SELECT last_id FROM errand_meta WHERE one = 1), coalesce((SELECT max(id) FROM errand_job), 0))")

    /// The job of an idempotency key. Primary key of `errand_idempotency`.
    static let keyed = SQL("SELECT job, digest FROM errand_idempotency WHERE key = :key")

    /// Keeps an idempotency key until its job is pruned.
    static let keep = SQL("INSERT INTO errand_idempotency(key, job, digest) VALUES(:key, :job, :digest)")

    /// The input row of most jobs.
    static let plainInput = SQL(
        """
        INSERT INTO errand_job(id, feed, priority, run_at, created_at, max_attempts, flags, payload)
        VALUES(:id, :feed, :priority, :run_at, :created_at, :max_attempts, :flags, :payload)
        """)

    /// The input row of a job with a key or extras.
    static let input = SQL(
        """
        INSERT INTO errand_job(id, feed, priority, run_at, created_at, max_attempts, flags, payload, timeout_us, idempotency_key, label,
            meta, trace_parent, trace_state, baggage, parent_job, parent_ordinal, root_job, root_ordinal, options, key, batch)
        VALUES(:id, :feed, :priority, :run_at, :created_at, :max_attempts, :flags, :payload, :timeout_us, :key, :label,
            :meta, :trace_parent, :trace_state, :baggage, :parent_job, :parent_ordinal, :root_job, :root_ordinal, :options, :limit_key, :batch)
        """)

    static let findQueue = SQL("SELECT id FROM errand_queue WHERE name = :name")
    static let addQueue = SQL("INSERT INTO errand_queue(name) VALUES(:name) RETURNING id")
    static let findKind = SQL("SELECT id FROM errand_kind WHERE name = :name")
    static let addKind = SQL("INSERT INTO errand_kind(name) VALUES(:name) RETURNING id")
    static let findFeed = SQL("SELECT id FROM errand_feed WHERE queue = :queue AND kind = :kind")
    static let addFeed = SQL("INSERT INTO errand_feed(queue, kind) VALUES(:queue, :kind) RETURNING id")
}
