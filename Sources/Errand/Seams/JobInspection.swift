// The seam to the database, as someone who looks sees it: lists by key, one job in full, counts.

/// Looks at jobs; never changes anything, never holds a snapshot across calls.
public protocol JobInspection: Sendable {
    /// One page of jobs that match, newest first, beginning below `cursor` (a job ID; `nil` is the newest).
    /// The page may be shorter than `limit` although more follow: go on until `next` is `nil`.
    /// - Throws: ``JobStoreError``.
    func jobs(matching selector: JobSelector, before cursor: JobID?, limit: Int) async throws(JobStoreError) -> JobPage

    /// Everything about one job, or `nil` when there is none.
    /// - Throws: ``JobStoreError``.
    func job(_ id: JobID) async throws(JobStoreError) -> JobDetail?

    /// Where the jobs stand: one state for each ID, `nil` where there is no such job.
    /// - Throws: ``JobStoreError``.
    func states(of ids: [JobID]) async throws(JobStoreError) -> [JobState?]

    /// The jobs that a person may mean by `text`: a whole ID, a unique prefix, a suffix of 4 characters or more among the latest
    /// 100,000 jobs, or `key:K`. At most 10, so that an ambiguous text can be answered with what it might mean.
    /// - Throws: ``JobStoreError``.
    func jobs(meantBy text: String) async throws(JobStoreError) -> [JobID]

    /// The job `root` and all jobs that descend from it, at most `limit`: those whose enqueue recorded one of its executions as the
    /// root. Empty when nothing of it is on record.
    /// - Throws: ``JobStoreError``.
    func tree(rootedAt root: JobID, limit: Int) async throws(JobStoreError) -> JobTree

    /// What a worker holds, in the order of IDs; empty for one that holds nothing or is unknown.
    /// - Throws: ``JobStoreError``.
    func executions(heldBy worker: WorkerID) async throws(JobStoreError) -> [ExecutionID]

    /// The store at a glance: counters and live tables only, never a walk over history.
    /// - Throws: ``JobStoreError``.
    func stats() async throws(JobStoreError) -> StoreStats

    /// What the store has counted since it was made, and its sizes.
    /// - Throws: ``JobStoreError``.
    func metrics() async throws(JobStoreError) -> StoreMetrics
}

/// Which jobs; an empty part does not restrict.
public struct JobSelector: Sendable, Hashable {
    /// Exactly these.
    public var ids: [JobID] = []
    /// In one of these queues.
    public var queues: [String] = []
    /// Of one of these kinds.
    public var kinds: [String] = []
    /// In one of these states.
    public var states: Set<JobState> = []
    /// With all of these caller's values.
    public var meta: [String: String] = [:]
    /// With all of these tags.
    public var tags: [String] = []
    /// Of this workflow.
    public var workflow: WorkflowID?
    /// With all of these values in their payloads. No index knows payloads: a store walks over the jobs that the other parts leave.
    public var arguments: [PayloadMatch] = []
    /// Created then or later.
    public var since: Timestamp?
    /// Created before.
    public var until: Timestamp?

    /// Every job.
    public init() {}
}

/// One page of a list.
public struct JobPage: Sendable, Hashable {
    /// Newest first.
    public var jobs: [JobSummary]
    /// Where the next page begins; `nil` at the end.
    public var next: JobID?
    /// How many jobs were looked at to find these.
    public var looked: Int

    /// Puts together a page; used by stores. `looked` is by default the number of `jobs`.
    public init(jobs: [JobSummary], next: JobID?, looked: Int? = nil) {
        self.jobs = jobs
        self.next = next
        self.looked = looked ?? jobs.count
    }
}

/// One job in a list.
public struct JobSummary: Sendable, Hashable {
    /// Its identity.
    public var id: JobID
    /// Its idempotency key.
    public var key: String?
    /// Picks its handler.
    public var kind: String
    /// Its line.
    public var queue: String
    /// Where it stands.
    public var state: JobState
    /// Lower runs first.
    public var priority: Int
    /// How many attempts have counted so far; while it runs, the one that runs.
    public var attempt: Int
    /// How many may count.
    public var maxAttempts: Int
    /// How many executions took their process down.
    public var crashes: Int
    /// When it was enqueued.
    public var createdAt: Timestamp
    /// When it may start, or may start again.
    public var runAt: Timestamp
    /// When it ended for good.
    public var finishedAt: Timestamp?
    /// Why it is cancelled or dead, where there is a reason.
    public var reason: String?
    /// The caller's own values.
    public var meta: [String: String]
    /// The words that it is found by, sorted.
    public var tags: [String]
    /// A line for people.
    public var label: String?
    /// Whether it is suspected of taking its workers down: it runs alone, and suspects run one at a time.
    public var isSuspect: Bool
    /// Since when its running execution ignores that it was cancelled; `nil` when it does not.
    public var stuckSince: Timestamp?
    /// The workflow that it belongs to.
    public var workflow: WorkflowID?
    /// What it is called in that, and by those that wait for it.
    public var name: String?

    /// Puts together a summary; used by stores.
    public init(
        id: JobID, key: String?, kind: String, queue: String, state: JobState, priority: Int, attempt: Int, maxAttempts: Int, crashes: Int,
        createdAt: Timestamp, runAt: Timestamp, finishedAt: Timestamp?, reason: String?, meta: [String: String], label: String?,
        tags: [String] = [], isSuspect: Bool = false, stuckSince: Timestamp? = nil, workflow: WorkflowID? = nil, name: String? = nil
    ) {
        self.id = id
        self.key = key
        self.kind = kind
        self.queue = queue
        self.state = state
        self.priority = priority
        self.attempt = attempt
        self.maxAttempts = maxAttempts
        self.crashes = crashes
        self.createdAt = createdAt
        self.runAt = runAt
        self.finishedAt = finishedAt
        self.reason = reason
        self.meta = meta
        self.label = label
        self.tags = tags
        self.isSuspect = isSuspect
        self.stuckSince = stuckSince
        self.workflow = workflow
        self.name = name
    }
}

/// One job in full.
public struct JobDetail: Sendable, Hashable {
    /// What a list shows.
    public var summary: JobSummary
    /// The input, byte by byte as enqueued.
    public var payload: [UInt8]
    /// What its handler returned, if it completed with a result.
    public var result: [UInt8]?
    /// What went wrong last; `nil` when nothing did, and for a completed job, whose failed executions keep their own errors.
    public var error: StoredError?
    /// How long one execution may take.
    public var timeout: Duration?
    /// The execution that enqueued it.
    public var parent: ExecutionID?
    /// The execution at the top of its tree.
    public var root: ExecutionID?
    /// On which terms it is run.
    public var terms: JobTerms
    /// The caller's place in a trace.
    public var trace: TraceContext?
    /// How its executions stand to that place.
    public var traceRelation: TraceRelation
    /// When somebody asked to cancel the running execution; `nil` when nobody did.
    public var cancelRequestedAt: Timestamp?
    /// What the newest execution has said of its progress; `nil` when it said nothing.
    public var progress: JobProgress?
    /// Every execution that is on record, oldest first; the running one is the last and has no outcome.
    public var executions: [ExecutionRecord]

    /// Puts together a job; used by stores.
    public init(
        summary: JobSummary, payload: [UInt8], result: [UInt8]?, error: StoredError?, timeout: Duration?, terms: JobTerms = JobTerms(),
        parent: ExecutionID?, root: ExecutionID?, trace: TraceContext?, traceRelation: TraceRelation = .child,
        cancelRequestedAt: Timestamp?,
        executions: [ExecutionRecord]
    ) {
        self.summary = summary
        self.payload = payload
        self.result = result
        self.error = error
        self.timeout = timeout
        self.terms = terms
        self.parent = parent
        self.root = root
        self.trace = trace
        self.traceRelation = traceRelation
        self.cancelRequestedAt = cancelRequestedAt
        self.executions = executions
    }
}

/// One execution on record.
public struct ExecutionRecord: Sendable, Hashable {
    /// Which execution.
    public var execution: ExecutionID
    /// Which attempt it was, or was going to be.
    public var attempt: Int
    /// Who ran it.
    public var worker: WorkerID?
    /// When it was claimed.
    public var startedAt: Timestamp
    /// When it ended; `nil` while it runs.
    public var finishedAt: Timestamp?
    /// What became of it; `nil` while it runs.
    public var outcome: Outcome?
    /// What went wrong.
    public var error: StoredError?

    /// Puts together a record; used by stores.
    public init(
        execution: ExecutionID, attempt: Int, worker: WorkerID?, startedAt: Timestamp, finishedAt: Timestamp?, outcome: Outcome?,
        error: StoredError?
    ) {
        self.execution = execution
        self.attempt = attempt
        self.worker = worker
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.outcome = outcome
        self.error = error
    }
}

/// The store at a glance.
public struct StoreStats: Sendable, Hashable {
    /// Jobs by queue, kind and state; only those that are not zero.
    public var counts: [Count]
    /// Workers that are registered and alive.
    public var workers: [WorkerStatus]
    /// When the oldest available job became due, by queue and kind.
    public var oldestAvailable: [OldestAvailable]
    /// What ended in the last hour, by outcome, with the time that the executions took.
    public var lastHour: [OutcomeCount]

    /// Puts together statistics; used by stores.
    public init(counts: [Count], workers: [WorkerStatus], oldestAvailable: [OldestAvailable], lastHour: [OutcomeCount]) {
        self.counts = counts
        self.workers = workers
        self.oldestAvailable = oldestAvailable
        self.lastHour = lastHour
    }

    /// How many jobs of a queue and kind are in a state.
    public struct Count: Sendable, Hashable {
        /// The line.
        public var queue: String
        /// The kind.
        public var kind: String
        /// The state.
        public var state: JobState
        /// How many.
        public var jobs: Int

        /// Puts together a count.
        public init(queue: String, kind: String, state: JobState, jobs: Int) {
            self.queue = queue
            self.kind = kind
            self.state = state
            self.jobs = jobs
        }
    }

    /// A live worker.
    public struct WorkerStatus: Sendable, Hashable {
        /// Its identity.
        public var id: WorkerID
        /// What it told when it joined.
        public var description: WorkerDescription
        /// How many executions it holds.
        public var running: Int
        /// How long ago it gave its last sign of life.
        public var heartbeatAge: Duration
        /// What operators want of it.
        public var orders: WorkerOrders
        /// Whether it has made a step since they said so last; true when they want nothing.
        public var hasHeard: Bool

        /// Puts together a status.
        public init(
            id: WorkerID, description: WorkerDescription, running: Int, heartbeatAge: Duration = .zero,
            orders: WorkerOrders = WorkerOrders(), hasHeard: Bool = true
        ) {
            self.id = id
            self.description = description
            self.running = running
            self.heartbeatAge = heartbeatAge
            self.orders = orders
            self.hasHeard = hasHeard
        }

        /// How many slots it has.
        public var slots: Int { orders.slots ?? description.concurrency }
    }

    /// Since when the oldest available job of a queue and kind waits.
    public struct OldestAvailable: Sendable, Hashable {
        /// The line.
        public var queue: String
        /// The kind.
        public var kind: String
        /// When it became due.
        public var since: Timestamp

        /// Puts together an age.
        public init(queue: String, kind: String, since: Timestamp) {
            self.queue = queue
            self.kind = kind
            self.since = since
        }
    }

    /// How many executions ended how.
    public struct OutcomeCount: Sendable, Hashable {
        /// The line.
        public var queue: String
        /// The kind.
        public var kind: String
        /// How they ended.
        public var outcome: Outcome
        /// How many.
        public var executions: Int
        /// How long they took together.
        public var runTime: Duration

        /// Puts together a count.
        public init(queue: String, kind: String, outcome: Outcome, executions: Int, runTime: Duration) {
            self.queue = queue
            self.kind = kind
            self.outcome = outcome
            self.executions = executions
            self.runTime = runTime
        }
    }
}
