// The seam to the database, as workflows use it: jobs that belong together, and what waits for what.

/// Keeps workflows: sets of jobs that are counted together, and may wait for each other. A set without dependencies is a batch.
///
/// Rules that every store keeps (the conformance suite in ErrandTesting checks them):
/// - A job with dependencies is `blocked` until each of them has ended well, or has failed and is ignored.
/// - Of a job that waits for what has failed, and neither ignores that nor holds on, nothing is run: it is cancelled.
/// - A workflow ends once, when it is closed and none of its jobs is live; a retry of one of them lets it go on.
public protocol WorkflowStore: Sendable {
    /// Starts a workflow with its jobs, all in one durable commit.
    /// - Throws: ``JobStoreError``; ``JobStoreError/refused(reason:)`` for a dependency that is not on record. Nothing was added.
    func start(_ workflow: NewWorkflow) async throws(JobStoreError) -> WorkflowStart

    /// Closes a workflow that was started open: it ends with its last live job. One that is closed already stays so. `nil`: there is none.
    /// - Throws: ``JobStoreError``.
    func close(_ workflow: WorkflowID) async throws(JobStoreError) -> WorkflowStatus?

    /// How a workflow stands; `nil`: there is none.
    /// - Throws: ``JobStoreError``.
    func workflow(_ id: WorkflowID) async throws(JobStoreError) -> WorkflowStatus?

    /// Workflows, newest first, beginning below `cursor` (`nil` is the newest), at most `limit`.
    /// - Throws: ``JobStoreError``.
    func workflows(before cursor: WorkflowID?, limit: Int) async throws(JobStoreError) -> [WorkflowStatus]

    /// The workflows that a person may mean by `text`: a whole ID, or its beginning. At most 10.
    /// - Throws: ``JobStoreError``.
    func workflows(meantBy text: String) async throws(JobStoreError) -> [WorkflowID]

    /// The jobs of a workflow behind `cursor` (`nil` is the start) in the order in which they were added, at most `limit`.
    /// - Throws: ``JobStoreError``.
    func jobs(of workflow: WorkflowID, after cursor: JobID?, limit: Int) async throws(JobStoreError) -> [JobID]

    /// What each of `jobs` waits for, or has waited for, in the order of IDs.
    /// - Throws: ``JobStoreError``.
    func dependencies(of jobs: [JobID]) async throws(JobStoreError) -> [JobID: [DependencyRecord]]

    /// The jobs that wait, or have waited, for any of `prerequisites`, in the order of IDs; at most `limit`.
    /// - Throws: ``JobStoreError``.
    func dependents(of prerequisites: [Prerequisite], limit: Int) async throws(JobStoreError) -> [JobID]
}

/// A workflow on its way into the store: everything validated.
public struct NewWorkflow: Sendable, Hashable {
    /// A line for people.
    public var name: String?
    /// The idempotency key: a repeated start with the same key and jobs gives the workflow that is there; one with other jobs is refused.
    public var key: String?
    /// Whether more jobs follow, until ``WorkflowStore/close(_:)``; false by default.
    public var isOpen = false
    /// Its jobs, each behind those that it waits for.
    public var jobs: [NewJob] = []
    /// Jobs that do not belong to it and wait for its end, each as its policy says.
    public var followers: [Follower] = []

    /// An empty one.
    public init() {}

    /// A job that waits for the end of the workflow.
    public struct Follower: Sendable, Hashable {
        /// The job.
        public var job: NewJob
        /// What becomes of it when not every job of the workflow has completed.
        public var ifFailed: DependencyPolicy

        /// `job`, with what becomes of it.
        public init(_ job: NewJob, ifFailed: DependencyPolicy) {
            self.job = job
            self.ifFailed = ifFailed
        }
    }
}

extension NewWorkflow {
    /// What a repetition has in common with the first: names, kinds, payloads and what waits for what; not what depends on the moment. A
    /// payload that is sealed looks different every time, and does not count.
    package var shape: [UInt8] {
        var shape: [UInt8] = []
        func add(_ job: NewJob) {
            shape += Array("\(job.queue)\n\(job.kind)\n\(job.terms.name ?? "")\n".utf8)
            for dependency in job.after { shape += Array("\(dependency.prerequisite) \(dependency.ifFailed.rawValue)\n".utf8) }
            if SealedBytes(job.payload) == nil { shape += job.payload }
            shape.append(0)
        }
        for job in jobs { add(job) }
        for follower in followers {
            add(follower.job)
            shape += Array(follower.ifFailed.rawValue.utf8)
        }
        return shape
    }

    /// What to say of a key that another workflow has.
    package static func conflict(_ key: String, _ id: WorkflowID) -> String {
        "the key \"\(key)\" belongs to the workflow \(id), which has other jobs: use another key, or look at it with `errand workflow show \(id)`"
    }
}

/// What the start of a workflow brought.
public struct WorkflowStart: Sendable, Hashable {
    /// The workflow.
    public var id: WorkflowID
    /// Whether an earlier start with its key has made it; nothing was added then.
    public var isExisting: Bool
    /// What became of each job, in order; empty where it was there before.
    public var jobs: [EnqueueResult]
    /// What became of each follower, in order.
    public var followers: [EnqueueResult]

    /// Puts together what became of a workflow; used by stores.
    public init(id: WorkflowID, isExisting: Bool, jobs: [EnqueueResult], followers: [EnqueueResult]) {
        self.id = id
        self.isExisting = isExisting
        self.jobs = jobs
        self.followers = followers
    }
}

/// How a workflow stands.
public struct WorkflowStatus: Sendable, Hashable {
    /// Which.
    public var id: WorkflowID
    /// A line for people.
    public var name: String?
    /// Its idempotency key.
    public var key: String?
    /// Whether jobs may follow before it can end.
    public var isOpen: Bool
    /// How many jobs were ever added to it.
    public var total: Int
    /// How many of them are live.
    public var live: Int
    /// How many are dead.
    public var dead: Int
    /// How many were cancelled.
    public var cancelled: Int
    /// When it was started.
    public var startedAt: Timestamp
    /// When it ended; `nil` while it goes on.
    public var endedAt: Timestamp?

    /// Puts together a status; used by stores.
    public init(
        id: WorkflowID, name: String?, key: String?, isOpen: Bool, total: Int, live: Int, dead: Int, cancelled: Int, startedAt: Timestamp,
        endedAt: Timestamp?
    ) {
        self.id = id
        self.name = name
        self.key = key
        self.isOpen = isOpen
        self.total = total
        self.live = live
        self.dead = dead
        self.cancelled = cancelled
        self.startedAt = startedAt
        self.endedAt = endedAt
    }

    /// How many have completed.
    public var completed: Int { total - live - dead - cancelled }

    /// How much of it has ended, 0 … 1; 1 for an empty one that has ended.
    public var fraction: Double { total == 0 ? (endedAt == nil ? 0 : 1) : Double(total - live) / Double(total) }

    /// Where it stands as a whole: `running` until it has ended, then `completed` if all of its jobs have, else `dead`.
    public var state: JobState {
        guard endedAt != nil else { return .running }
        return dead + cancelled == 0 ? .completed : .dead
    }
}
