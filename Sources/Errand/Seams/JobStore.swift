// The seam to the database, as a worker and an enqueuer see it: batch-shaped, so that one commit can carry many operations.

/// Keeps jobs. Every call is atomic, survives the caller's crash once it has returned, and is not affected by task cancellation.
///
/// Rules that every store keeps (the conformance suite in ErrandTesting checks them):
/// - An acknowledged job is never lost: it ends completed, cancelled or dead.
/// - An ordinal is given out once, and grows with every claim of its job.
/// - A report is accepted only while its worker holds exactly that execution.
/// - Jobs are claimed per queue by priority, then by the time at which they became due, then by ID.
/// - Of the jobs with one unique key (``Uniqueness``) one has it, and at most one more waits behind that.
/// - A job that has not started by its expiry is cancelled with the reason `expired`; one that has not ended by its deadline is dead with
///   the reason `deadline`. A step of any worker sees to it.
public protocol JobStore: Sendable {
    /// Takes in `jobs`, all of them durable when the call returns; results in the same order.
    /// - Throws: ``JobStoreError`` when nothing was taken in.
    func enqueue(_ jobs: [NewJob]) async throws(JobStoreError) -> [EnqueueResult]

    /// Registers a worker under a new random ID and begins to prove its life.
    /// - Throws: ``JobStoreError/unavailable(reason:)``.
    func join(_ worker: WorkerDescription) async throws(JobStoreError) -> WorkerID

    /// One step of a worker: renews its lease, records reports, promotes what has become due, claims, and tells it what to cancel.
    /// One commit. A worker that was condemned or rescued meanwhile gets `isRegistered == false`, claims nothing, and each of its
    /// reports is refused: what it held is somebody else's to decide.
    /// - Throws: ``JobStoreError`` when nothing was recorded, as far as the store can tell; the same request may be repeated, with
    ///   ``ExchangeRequest/held``.
    func exchange(_ request: ExchangeRequest) async throws(JobStoreError) -> ExchangeReply

    /// Workers that are dead (or overdue) and what they held; cheap, called about once a second. A finding only: the caller condemns
    /// the worker, ends the children of its executions, and then rescues them.
    /// - Throws: ``JobStoreError/unavailable(reason:)``.
    func casualties(seenBy worker: WorkerID) async throws(JobStoreError) -> [Casualty]

    /// Takes the worker of `casualty` from the register, unless it has given a sign of life since; `nil` then. What it held stays
    /// running until ``rescue(_:)``, but its reports are refused from now on: only now may its children be ended.
    /// - Returns: the casualty to rescue. When its rescuer dies in between, others find it again, without a row in the register.
    /// - Throws: ``JobStoreError``.
    func condemn(_ casualty: Casualty) async throws(JobStoreError) -> Casualty?

    /// Ends what a casualty held, unless it has given a sign of life since; returns the executions that were cut. A convicted one is
    /// `crashed`: its attempt is refunded, the crash counted, and its job waits, or dies at the limit. All others are `interrupted`
    /// (`lost` when the worker was overdue), refunded and available again; one that was in flight at as many deaths in a row as the
    /// threshold says becomes a suspect, which only a claim that may run it alone gets, one at a time.
    /// - Throws: ``JobStoreError``.
    func rescue(_ request: RescueRequest) async throws(JobStoreError) -> [ExecutionID]

    /// Removes a worker that holds nothing any more; anything that it still holds is left for rescue.
    /// - Throws: ``JobStoreError``.
    func leave(_ worker: WorkerID) async throws(JobStoreError)

    /// What a store wants to have done now and then, such as putting back the means that an emergency has used up; a worker calls it
    /// when it starts and once a minute.
    /// - Throws: ``JobStoreError``.
    func maintain() async throws(JobStoreError)
}

extension JobStore {
    /// Does nothing, for stores that need no care.
    public func maintain() async throws(JobStoreError) {}

    /// Rescues what a worker held of whose death nothing is known.
    /// - Throws: ``JobStoreError``.
    public func rescue(_ casualty: Casualty, suspectThreshold: Int?) async throws(JobStoreError) -> [ExecutionID] {
        try await rescue(RescueRequest(casualty, suspectThreshold: suspectThreshold))
    }
}

/// What a worker tells about itself when it joins.
public struct WorkerDescription: Sendable, Hashable, Codable {
    /// The kinds that it has handlers for.
    public var kinds: [String]
    /// The queues that it serves, with their local concurrency.
    public var queues: [String: Int]
    /// Its cap over all queues.
    public var concurrency: Int
    /// For people only: the host's name.
    public var host: String
    /// For people only: the process ID in the worker's own namespace.
    public var pid: Int32
    /// Errand's version.
    public var version: String
    /// When it joined.
    public var startedAt: Timestamp
    /// How long its lease lasts without renewal.
    public var lease: Duration

    /// Describes a worker.
    public init(
        kinds: [String], queues: [String: Int], concurrency: Int, host: String, pid: Int32, version: String, startedAt: Timestamp,
        lease: Duration
    ) {
        self.kinds = kinds
        self.queues = queues
        self.concurrency = concurrency
        self.host = host
        self.pid = pid
        self.version = version
        self.startedAt = startedAt
        self.lease = lease
    }
}

extension WorkerDescription {
    private enum CodingKeys: String, CodingKey {
        case kinds, queues, concurrency, host, pid, version
        case startedAt = "started_at"
        case lease = "lease_us"
    }

    /// Reads the stored form; the lease is in whole microseconds.
    /// - Throws: `DecodingError`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            kinds: try container.decode([String].self, forKey: .kinds), queues: try container.decode([String: Int].self, forKey: .queues),
            concurrency: try container.decode(Int.self, forKey: .concurrency), host: try container.decode(String.self, forKey: .host),
            pid: try container.decode(Int32.self, forKey: .pid), version: try container.decode(String.self, forKey: .version),
            startedAt: try container.decode(Timestamp.self, forKey: .startedAt),
            lease: .microseconds(try container.decode(Int64.self, forKey: .lease)))
    }

    /// Writes the stored form; the lease is in whole microseconds.
    /// - Throws: `EncodingError`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kinds, forKey: .kinds)
        try container.encode(queues, forKey: .queues)
        try container.encode(concurrency, forKey: .concurrency)
        try container.encode(host, forKey: .host)
        try container.encode(pid, forKey: .pid)
        try container.encode(version, forKey: .version)
        try container.encode(startedAt, forKey: .startedAt)
        try container.encode(lease.wholeMicroseconds, forKey: .lease)
    }
}

/// One step of a worker.
public struct ExchangeRequest: Sendable, Hashable {
    /// Who asks.
    public var worker: WorkerID
    /// Ended executions.
    public var reports: [ExecutionReport]
    /// What it could start; `nil` claims nothing.
    public var claim: ClaimRequest?
    /// Executions that have ignored their cancellation since the last step: shown as stuck as long as this worker holds them.
    public var stuck: [ExecutionID]
    /// What executions have said of their progress since the last step; written before ``reports``, as far as this worker holds them, and
    /// otherwise dropped.
    public var progress: [JobProgress] = []
    /// Everything else that the worker knows it holds, told after a step that failed: such a step may have been committed all the same
    /// (an error at the commit says nothing about it). So the store gives back what it has running for this worker beside these, since
    /// nobody would ever run it, and accepts a report that it has on record already. `nil`: there is no doubt.
    public var held: [ExecutionID]?
    /// Whether the worker offers to lead: to fire the slots of periodic jobs (``PeriodicStore``). Of all that offer it one does.
    public var leads = false

    /// Puts together a step.
    public init(
        worker: WorkerID, reports: [ExecutionReport] = [], claim: ClaimRequest? = nil, stuck: [ExecutionID] = [],
        held: [ExecutionID]? = nil, leads: Bool = false
    ) {
        self.leads = leads
        self.worker = worker
        self.reports = reports
        self.claim = claim
        self.stuck = stuck
        self.held = held
    }
}

/// What a worker could start.
public struct ClaimRequest: Sendable, Hashable {
    /// How many in all.
    public var limit: Int
    /// Queues in the order in which they are asked, each with how many it may give.
    public var queues: [QueueShare]
    /// Kinds that the worker handles; others stay where they are and cost nothing.
    public var kinds: [String]
    /// Whether to tell, when there is nothing to give, if other workers hold such jobs: they may come back.
    public var asksAboutOthers: Bool
    /// Whether the worker holds nothing: a suspect may be given to it then, which comes first and alone.
    public var mayRunAlone: Bool
    /// Which queue gives the next job; ``QueueOrder/strict`` by default.
    public var order: QueueOrder
    /// Which of the jobs must be urgent; `nil`, the default: none.
    public var spare: SpareSlots?

    /// Puts together a claim.
    public init(
        limit: Int, queues: [QueueShare], kinds: [String], asksAboutOthers: Bool = false, mayRunAlone: Bool = false,
        order: QueueOrder = .strict, spare: SpareSlots? = nil
    ) {
        self.limit = limit
        self.queues = queues
        self.kinds = kinds
        self.asksAboutOthers = asksAboutOthers
        self.mayRunAlone = mayRunAlone
        self.order = order
        self.spare = spare
    }

    /// One queue's part of a claim.
    public struct QueueShare: Sendable, Hashable {
        /// The queue.
        public var queue: String
        /// How many jobs of it at most.
        public var limit: Int

        /// `limit` jobs of `queue`.
        public init(queue: String, limit: Int) {
            self.queue = queue
            self.limit = limit
        }
    }
}

/// What a step brought.
public struct ExchangeReply: Sendable, Hashable {
    /// One result for each report, in order.
    public var results: [ReportResult]
    /// What the worker now holds and must start; already recorded as running.
    public var claimed: [ClaimedJob]
    /// When the next scheduled job becomes due, or the next job that does not run expires, whatever its queue and kind; `nil` when there
    /// is none.
    public var nextWake: Timestamp?
    /// Executions of this worker that somebody asked to cancel; repeated until they have ended.
    public var cancellations: [Cancellation]
    /// Whether the worker still stood in the register. If not, it was rescued: everything it holds is lost.
    public var isRegistered: Bool
    /// Whether other workers, dead or alive, hold jobs of the queues and kinds that the claim asked for; told only when the claim asks
    /// about others and brought nothing.
    public var othersHold: Bool
    /// Whether a suspect of the queues and kinds that the claim asked for could have been given, had the worker held nothing.
    public var suspectsWait: Bool
    /// What operators want of this worker; a store makes no claim that they forbid.
    public var orders: WorkerOrders
    /// The next slot of any periodic job, told to the worker that leads; `nil` for all others, and when there is none.
    public var nextSlot: Timestamp?
    /// Why the store gives out no jobs at the moment although there may be some, for people: the disk is almost full. Everything else in
    /// the step was done.
    public var shortage: String?

    /// Puts together a reply; used by stores and tests.
    public init(
        results: [ReportResult] = [], claimed: [ClaimedJob] = [], nextWake: Timestamp? = nil, cancellations: [Cancellation] = [],
        isRegistered: Bool = true, othersHold: Bool = false, suspectsWait: Bool = false, shortage: String? = nil,
        orders: WorkerOrders = WorkerOrders()
    ) {
        self.orders = orders
        self.shortage = shortage
        self.results = results
        self.claimed = claimed
        self.nextWake = nextWake
        self.cancellations = cancellations
        self.isRegistered = isRegistered
        self.othersHold = othersHold
        self.suspectsWait = suspectsWait
    }

    /// A wish to end one execution.
    public struct Cancellation: Sendable, Hashable {
        /// Which execution.
        public var execution: ExecutionID
        /// Why, for people.
        public var reason: String?

        /// A wish to end `execution`.
        public init(execution: ExecutionID, reason: String?) {
            self.execution = execution
            self.reason = reason
        }
    }
}

/// A worker that is dead or overdue.
public struct Casualty: Sendable, Hashable {
    /// Which worker.
    public var worker: WorkerID
    /// How it is known.
    public var cause: Cause
    /// The heartbeat that was read; a later one undoes the judgement.
    public var beat: Int64
    /// What it held when it was looked at.
    public var executions: [ExecutionID]

    /// How a worker's end is known.
    public enum Cause: String, Sendable, Hashable {
        /// Its proof of life is gone, or its machine has booted since: it is certainly dead.
        case dead
        /// Its lease has run out although its process may live.
        case overdue
    }

    /// Puts together a finding; used by stores and tests.
    public init(worker: WorkerID, cause: Cause, beat: Int64, executions: [ExecutionID]) {
        self.worker = worker
        self.cause = cause
        self.beat = beat
        self.executions = executions
    }
}
