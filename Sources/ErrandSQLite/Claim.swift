// Claiming: what was gathered from the open lines is taken out, recorded as running, and given out with its input.

import Errand
import ErrandContext

/// The feeds that a claim reads: those of its queues and kinds, without the paused ones. Remembered until something changes.
struct ClaimPlan {
    /// The kinds that it was made for.
    var kinds: [String]
    /// The open feeds of each queue that was asked for.
    var feeds: [String: [OpenFeed]]

    struct OpenFeed {
        var id: Int64
        var queue: String
        var kind: String
        var queueID: Int64
        var kindID: Int64
    }
}

extension QueueDatabase {
    /// One job that a claim takes.
    struct Candidate {
        var feed: Int
        var priority: Int64
        var rank: Int64
        var id: Int64
        var key: Int64?
        var base: Int64
        var attempt: Int64
        var crashes: Int64
        var isSuspect = false

        func precedes(_ other: Candidate) -> Bool { (priority, rank, id) < (other.priority, other.rank, other.id) }
    }

    /// Gives up to `request.limit` jobs to `worker`.
    func claim(_ request: ClaimRequest, for worker: WorkerID, now: Int64) throws(JobStoreError) -> [ClaimedJob] {
        let harvest = try harvest(request, now: now)
        gathered.claimWasCut = harvest.evicted.count >= QueueDatabase.evictionsPerClaim
        try take(harvest)
        try letWait(harvest.evicted, of: harvest.feeds)
        var claimed: [ClaimedJob] = []
        claimed.reserveCapacity(harvest.starting.count)
        for candidate in harvest.starting {
            claimed.append(try start(candidate, of: harvest.feeds[candidate.feed], for: worker, now: now))
        }
        return claimed
    }

    /// Gives a suspect alone, where that may be; else what ``claim(_:for:now:)`` gives, and whether a suspect waits for an idle worker.
    func claimMindingSuspects(
        _ request: ClaimRequest, for worker: WorkerID, now: Int64
    ) throws(JobStoreError) -> (claimed: [ClaimedJob], suspectsWait: Bool) {
        guard request.limit > 0, try hasSuspects() else { return (try claim(request, for: worker, now: now), false) }
        var feeds: [ClaimPlan.OpenFeed] = []
        for share in request.queues where share.limit > 0 { feeds += try openFeeds(of: share.queue, kinds: request.kinds) }
        feeds = try feedsWithRoom(feeds, now: now)
        guard let next = try nextSuspect(of: feeds) else { return (try claim(request, for: worker, now: now), false) }
        guard request.mayRunAlone else { return (try claim(request, for: worker, now: now), true) }
        try takeSuspect(next.id)
        return ([try start(next, of: feeds[next.feed], for: worker, now: now)], false)
    }

    /// Whether other workers hold jobs that this claim could have given, or a limit keeps some back.
    func othersHold(_ request: ClaimRequest, beside worker: WorkerID, now: Int64) throws(JobStoreError) -> Bool {
        var feeds: [ClaimPlan.OpenFeed] = []
        for share in request.queues { feeds += try openFeeds(of: share.queue, kinds: request.kinds) }
        let asked = Set(feeds.map(\.id))
        var found = false
        try connection[ClaimSQL.heldByOthers].bind(1, worker.rawValue).forEach { row in found = found || asked.contains(row.integer(0)) }
        if found { return true }
        return try holdsBack(feeds, now: now)
    }

    func openFeeds(of queue: String, kinds: [String]) throws(JobStoreError) -> [ClaimPlan.OpenFeed] {
        if memory.plan?.kinds != kinds { memory.plan = ClaimPlan(kinds: kinds, feeds: [:]) }
        if let feeds = memory.plan?.feeds[queue] { return feeds }
        let handled = Set(kinds)
        var feeds: [ClaimPlan.OpenFeed] = []
        try connection[ClaimSQL.feeds].bind(1, text: queue).forEach { row in
            let kind = row.text(1)
            guard handled.contains(kind) else { return }
            feeds.append(
                ClaimPlan.OpenFeed(id: row.integer(0), queue: queue, kind: kind, queueID: row.integer(2), kindID: row.integer(3)))
        }
        memory.plan?.feeds[queue] = feeds
        return feeds
    }

    /// Takes what a claim has looked at out of `errand_available`: of each feed that is a prefix, so one range goes.
    private func take(_ harvest: Harvest) throws(JobStoreError) {
        var last = [Candidate?](repeating: nil, count: harvest.feeds.count)
        for candidates in [harvest.starting, harvest.evicted] {
            for candidate in candidates where last[candidate.feed].map({ $0.precedes(candidate) }) ?? true {
                last[candidate.feed] = candidate
            }
        }
        var taken = 0
        for (index, candidate) in last.enumerated() {
            guard let candidate else { continue }
            try connection[ClaimSQL.take].bind(1, harvest.feeds[index].id).bind(2, candidate.priority).bind(3, candidate.rank)
                .bind(4, candidate.id).run()
            taken += connection.changes
        }
        precondition(
            taken == harvest.starting.count + harvest.evicted.count,
            "a claim of \(harvest.starting.count) jobs, beside \(harvest.evicted.count), took \(taken) rows")
        for candidate in harvest.starting + harvest.evicted {
            if let key = candidate.key { takeAdmitted(1, in: KeyLane(key: key, kind: harvest.feeds[candidate.feed].kindID)) }
        }
    }

    /// Lets jobs wait that their limit keys have admitted and have no room for any more.
    private func letWait(_ candidates: [Candidate], of feeds: [ClaimPlan.OpenFeed]) throws(JobStoreError) {
        for candidate in candidates {
            guard let key = candidate.key else { continue }
            let runAt = try connection[PlacementSQL.input].bind(1, candidate.id).first { $0.integer(2) }
            let feed = feeds[candidate.feed]
            let job = PlacedJob(
                id: candidate.id, feed: feed.id, priority: candidate.priority, rank: runAt ?? candidate.rank, key: key,
                base: candidate.base, attempt: candidate.attempt, crashes: candidate.crashes)
            try wait(job, in: KeyLane(key: key, kind: feed.kindID))
        }
    }

    private func start(
        _ candidate: Candidate, of feed: ClaimPlan.OpenFeed, for worker: WorkerID, now: Int64
    ) throws(JobStoreError) -> ClaimedJob {
        countStarts(1, of: feed, now: now)
        if let key = candidate.key {
            try changeKey(key) { $0.start(at: now) }
            memory.limits?.move(feed.queueID, to: candidate.rank)
        }
        let ordinal = max(candidate.base + bootNumber + 1, firstOrdinal)
        let attempt = candidate.attempt + 1
        try connection[ClaimSQL.run].bind(1, candidate.id).bind(2, ordinal).bind(3, attempt).bind(4, candidate.crashes)
            .bind(5, worker.rawValue).bind(6, now).bind(7, feed.id).bind(8, candidate.key).run()
        tell(.started, job: candidate.id, ordinal: ordinal, feed: feed.id)
        let id = JobID(rawValue: candidate.id)
        let input = try connection[ClaimSQL.input].bind(1, candidate.id)
        defer { input.reset() }
        guard try input.step() else { throw .damaged(reason: "job \(id) has a state but no input row") }
        var job = ClaimedJob(
            execution: ExecutionID(id, ordinal), attempt: Int(attempt), maxAttempts: Int(input.integer(0)), crashes: Int(candidate.crashes),
            isSuspect: candidate.isSuspect, queue: feed.queue, kind: feed.kind, payload: input.bytes(3),
            dueAt: Timestamp(microseconds: input.integer(2)),
            startedAt: Timestamp(microseconds: now))
        // From the second time on the ordinal is higher, unless the store was restored in between.
        if candidate.base == -bootNumber { countWait(feed: feed.id, since: input.integer(2), now: now) }
        job.hasPrerequisites = JobFlags(rawValue: input.integer(1)).contains(.dependent)
        if input.integer(1) != 0 {
            try readExtras(of: id, into: &job)
            if job.terms.expiresAt != nil { try didStart(candidate.id) }
            if job.terms.uniqueness?.until == .started {
                // Nobody waits behind a key that is free from the start on.
                var topics: Set<DoorbellTopic> = []
                try freeKey(of: candidate.id, keptFor: false, at: now, topics: &topics)
            }
        }
        // The first ordinal is 1 unless the machine was started again in between, so that most claims need no look.
        if ordinal > 1 { job.previous = try lastExecution(of: id) }
        return job
    }

    private func lastExecution(of id: JobID) throws(JobStoreError) -> ExecutionID? {
        try connection[ClaimSQL.lastExecution].bind(1, id.rawValue).first { ExecutionID(id, $0.integer(0)) }
    }

    private func readExtras(of id: JobID, into job: inout ClaimedJob) throws(JobStoreError) {
        let row = try connection[ClaimSQL.extras].bind(1, id.rawValue)
        defer { row.reset() }
        guard try row.step() else { return }
        let extras = try JobExtras(row, from: 0)
        job.timeout = extras.timeout
        job.key = extras.key
        job.meta = extras.meta
        job.terms = extras.terms
        job.trace = extras.trace
        job.traceRelation = extras.traceRelation
        job.parent = extras.parent
        job.root = extras.root
        job.workflow = extras.workflow
    }
}

/// The parts of an input row that most jobs lack.
struct JobExtras {
    /// The columns, in the order in which ``init(_:from:)`` reads them.
    static let columns = """
        timeout_us, idempotency_key, label, meta, trace_parent, trace_state, baggage, parent_job, parent_ordinal, root_job, root_ordinal,
        flags, options, batch
        """
    static let columnCount: Int32 = 14

    var timeout: Duration?
    var key: String?
    var label: String?
    var meta: [String: String]
    var terms: JobTerms
    var trace: TraceContext?
    var traceRelation: TraceRelation
    var parent: ExecutionID?
    var root: ExecutionID?
    var workflow: WorkflowID?

    /// Reads ``columns`` of a row, beginning at `first`.
    init(_ row: Statement, from first: Int32) throws(JobStoreError) {
        timeout = row.optionalInteger(first).map { .microseconds($0) }
        key = row.optionalText(first + 1)
        label = row.optionalText(first + 2)
        meta = if let text = row.optionalText(first + 3) { try JSONText.decode([String: String].self, text) } else { [:] }
        if let parent = row.optionalText(first + 4) {
            trace = TraceContext(traceParent: parent, traceState: row.optionalText(first + 5), baggage: row.optionalText(first + 6))
        }
        parent = JobExtras.execution(row, first + 7)
        root = JobExtras.execution(row, first + 9)
        traceRelation = JobFlags(rawValue: row.integer(first + 11)).contains(.linked) ? .link : .child
        terms = try row.optionalBytes(first + 12).map(JobTerms.init(stored:)) ?? JobTerms()
        workflow = row.optionalInteger(first + 13).map(WorkflowID.init(rawValue:))
    }

    private static func execution(_ row: Statement, _ column: Int32) -> ExecutionID? {
        guard let job = row.optionalInteger(column), let ordinal = row.optionalInteger(column + 1) else { return nil }
        return ExecutionID(JobID(rawValue: job), ordinal)
    }
}

/// The statements of a claim. Nothing filters after a range: every row that the range holds may start now.
enum ClaimSQL {
    /// What other workers run. Walks `errand_running`, which is as small as the slots of all workers; asked only by a worker that
    /// found nothing and would leave.
    static let heldByOthers = SQL("SELECT DISTINCT feed FROM errand_running WHERE worker <> :worker")

    /// The feeds of a queue that is not paused, of kinds that are not paused. Unique index of `errand_feed`, row key of `errand_kind`.
    static let feeds = SQL(
        """
        SELECT f.id, k.name, f.queue, f.kind FROM errand_queue q CROSS JOIN errand_feed f ON f.queue = q.id CROSS JOIN errand_kind k ON k.id = f.kind
         WHERE q.name = :queue AND q.paused = 0 AND k.paused = 0
        """)

    /// The next jobs of one feed. A prefix of the primary key of `errand_available`, already in order.
    static let candidates = SQL(
        """
        SELECT priority, rank, id, key, base, attempt, crashes FROM errand_available
         WHERE feed = :feed ORDER BY priority, rank, id
        """)

    /// Takes a prefix of one feed out. A range of the primary key of `errand_available`.
    static let take = SQL("DELETE FROM errand_available WHERE feed = :feed AND (priority, rank, id) <= (:priority, :rank, :id)")

    /// The record that an execution has started. Row key of `errand_running`.
    static let run = SQL(
        """
        INSERT INTO errand_running(id, ordinal, attempt, crashes, worker, started_at, feed, key)
        VALUES(:id, :ordinal, :attempt, :crashes, :worker, :started_at, :feed, :key)
        """)

    /// What every execution needs of the input. Row key of `errand_job`.
    static let input = SQL("SELECT max_attempts, flags, run_at, payload FROM errand_job WHERE id = :id")

    /// The execution before the one that starts now, of a job that has run before. The end of a prefix of the primary key of
    /// `errand_execution`.
    static let lastExecution = SQL("SELECT ordinal FROM errand_execution WHERE job = :job ORDER BY ordinal DESC LIMIT 1")

    /// What only some need. Row key of `errand_job`.
    static let extras = SQL("SELECT \(JobExtras.columns) FROM errand_job WHERE id = :id")
}
