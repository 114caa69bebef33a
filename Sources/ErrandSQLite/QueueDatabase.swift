// queue.db as its writer thread sees it: the connection, and what is remembered within and between transactions.

import Errand
import ErrandContext

/// `queue.db` in the hands of its writer thread. The operations are in extensions, one file for each area.
final class QueueDatabase: WritableDatabase {
    /// The connection of the moment.
    private(set) var connection: Connection
    /// How many boots of the machine the store has seen: part of every lease token.
    let bootNumber: Int64
    let boot: BootIdentity
    let clock: MachineClock
    let standing: Standing
    let space: SpaceGuard

    /// What may be remembered across transactions as long as no other process has written.
    struct Memory {
        /// The highest job ID ever given out, once known.
        var lastID: Int64?
        var feeds: [FeedName: Int64] = [:]
        /// Queue and kind of the feeds that were asked about.
        var feedParts: [Int64: (queue: Int64, kind: Int64)] = [:]
        var plan: ClaimPlan?
        /// Whether any job is under suspicion, once known.
        var hasSuspects: Bool?
        /// How many events were ever recorded, once known.
        var lastEvent: Int64?
        /// Whether any job has said something of its progress, once known.
        var hasProgress: Bool?
        /// Whether operators want anything of any worker, once known.
        var hasOrders: Bool?
        /// Whether anybody has asked to cancel an execution, once known.
        var hasWishes: Bool?
        /// The feed that was named last.
        var lastFeed: (name: FeedName, id: Int64)?
        /// The oldest schema whose Errand may write, once known.
        var minimumWriter: Int64?
        /// The next slot of any periodic job, once known.
        var nextSlot: Int64??
        /// Which of the terms that cost something at every end any job has, once known.
        var termsInUse: TermsInUse?
        /// The limits that stand, once known.
        var limits: LimitTable?
        /// Whether nothing waits in the inbox, once known.
        var inboxIsEmpty: Bool?
    }

    /// What is gathered during a transaction and written once before its commit.
    struct Gathered {
        var finished = RunningSums<CounterKey>()
        var ended = RunningSums<TallyKey>()
        /// What was waited, run and ended, for monitoring.
        var waits = RunningSums<TimeKey>()
        var runs = RunningSums<TimeKey>()
        var outcomes = RunningSums<TimeKey>()
        /// The limit keys that were looked at.
        var keys: [Int64: KeyAccount] = [:]
        /// How many edges were moved because their dependents have ended.
        var movedEdges = 0
        /// Whether a claim of this transaction has stopped before its end.
        var claimWasCut = false
        /// How many jobs of a lane may start and have not.
        var admitted: [KeyLane: Int] = [:]
        /// The highest job ID that was deleted.
        var deletedID: Int64?
        var events = EventBuffer()
    }

    /// The lowest ordinal that is handed out: 0, except in a restored store.
    var firstOrdinal: Int64 = 0
    /// Whether what plain SQL has enqueued is taken in here.
    var takesInbox = true
    /// Whether what is done here is told in the event stream.
    var recordsEvents = true
    var memory = Memory()
    var gathered = Gathered()
    /// One cursor over `errand_available` for each feed of a claim.
    var cursors: [Statement] = []
    /// How far weighted queues have come.
    var passes = QueuePasses()
    /// Where the sweep of retention goes on.
    var sweepPosition: Int64 = 0
    /// Why this transaction neither takes in nor gives out jobs; `nil` when it does. Looked up by the first operation that asks.
    private var shortage: String??
    /// The walk of retention that is under way.
    var retentionWalk: RetentionWalk?
    private var marked: (Memory, Gathered)?
    private var dataVersion: Int64?

    init(connection: Connection, bootNumber: Int64, boot: BootIdentity, clock: MachineClock, standing: Standing, space: SpaceGuard) {
        self.connection = connection
        self.bootNumber = bootNumber
        self.boot = boot
        self.clock = clock
        self.standing = standing
        self.space = space
    }

    func didBegin() throws(JobStoreError) -> Set<DoorbellTopic> {
        try connection.requireOwnFile()
        let version = try connection[QueueSQL.dataVersion].first { $0.integer(0) }
        if version != dataVersion {
            memory = Memory()
            // Whoever has committed may have upgraded the file to what this Errand must not write.
            let found = try connection[QueueSQL.writers].first { (schema: $0.integer(0), minimum: $0.integer(1)) }
            if let found, found.minimum > Schema.version {
                throw .newerSchema(found: Int(found.schema), supported: Int(Schema.version))
            }
            memory.minimumWriter = found?.minimum
        }
        dataVersion = version
        shortage = nil
        return try takeInInbox()
    }

    /// Why no job may be taken in or given out in this transaction, for lack of room on the disk; `nil` when it may.
    func shortageOfRoom() -> String? {
        if let shortage { return shortage }
        let found = space.shortageForJobs()
        shortage = .some(found)
        return found
    }

    func willCommit() throws(JobStoreError) {
        for (key, jobs) in gathered.finished.all where jobs.amount != 0 {
            try connection[QueueSQL.count].bind(1, key.feed).bind(2, key.state).bind(3, jobs.amount).run()
        }
        for (key, ended) in gathered.ended.all {
            try connection[QueueSQL.tally].bind(1, key.minute).bind(2, key.feed).bind(3, key.outcome).bind(4, ended.count)
                .bind(5, ended.amount).run()
        }
        try writeTimes()
        try writeKeys()
        try writeLimits()
        if let deleted = gathered.deletedID { try connection[QueueSQL.raiseLastID].bind(1, deleted).run() }
        try writeEvents()
        gathered = Gathered()
    }

    func didRollBack() {
        memory = Memory()
        gathered = Gathered()
        for cursor in cursors { cursor.reset() }
    }

    func mark() { marked = (memory, gathered) }

    func returnToMark() {
        if let marked { (memory, gathered) = marked }
        for cursor in cursors { cursor.reset() }
    }

    func reopen() throws(JobStoreError) {
        // What stands at the path now may be another store, of which nothing that is known here is true.
        try connection.requireOwnFile()
        let fresh = try Connection(path: connection.path, queryOnly: false)
        cursors = []
        connection = fresh
        didRollBack()
        dataVersion = nil
    }

    /// A job of `feed` has entered (or left, with −1) a final state.
    func count(_ state: FinalState, feed: Int64, by jobs: Int64 = 1) {
        gathered.finished.add(jobs, to: CounterKey(feed: feed, state: state.rawValue))
    }

    /// An execution has ended.
    func tally(_ outcome: Outcome, feed: Int64, startedAt: Int64, finishedAt: Int64) {
        let key = TallyKey(minute: finishedAt / 60_000_000, feed: feed, outcome: outcome.code)
        gathered.ended.add(max(0, finishedAt - startedAt), to: key)
    }

    struct FeedName: Hashable {
        var queue: String
        var kind: String
    }

    struct CounterKey: Hashable {
        var feed: Int64
        var state: Int64
    }

    struct TallyKey: Hashable {
        var minute: Int64
        var feed: Int64
        var outcome: Int64
    }
}

/// What every transaction may need.
enum QueueSQL {
    /// Changes when another connection has committed; no table is read.
    static let dataVersion = SQL("PRAGMA data_version")

    /// The schema, and the oldest one whose Errand may write. The single row of `errand_meta`.
    static let writers = SQL("SELECT schema, min_writer FROM errand_meta WHERE one = 1")

    /// Adds to the number of jobs of a feed in a final state. Primary key of `errand_counter`.
    static let count = SQL(
        """
        INSERT INTO errand_counter(feed, state, jobs) VALUES(:feed, :state, :jobs)
            ON CONFLICT(feed, state) DO UPDATE SET jobs = jobs + excluded.jobs
        """)

    /// Adds to what ended in a minute. Primary key of `errand_tally`.
    static let tally = SQL(
        """
        INSERT INTO errand_tally(minute, feed, outcome, n, run_us) VALUES(:minute, :feed, :outcome, :n, :run_us)
            ON CONFLICT(minute, feed, outcome) DO UPDATE SET n = n + excluded.n, run_us = run_us + excluded.run_us
        """)

    /// Remembers the highest ID that was deleted, so that it is never given out again. The single row of `errand_meta`.
    static let raiseLastID = SQL("UPDATE errand_meta SET last_id = max(last_id, :id) WHERE one = 1")
}
