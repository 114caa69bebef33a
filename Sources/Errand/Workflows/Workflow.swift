// A graph of jobs as a program writes it down.

import FoundationEssentials

/// Jobs that belong together: some wait for others, and what comes after all of them waits for the whole. Without dependencies it is a
/// batch.
///
/// ```swift
/// var workflow = Workflow("nightly")
/// workflow.add("fetch", Fetch(url: url))
/// workflow.add("parse", Parse(), after: "fetch")
/// workflow.add("count", Count(), after: "fetch")
/// workflow.add("report", Report(), after: "parse", "count")
/// workflow.onSuccess(Notify(text: "done"))
/// let started = try await queue.start(workflow)
/// ```
public struct Workflow: Sendable {
    /// A line for people.
    public var name: String?
    /// The idempotency key: starting again with the same key and jobs gives the workflow that is there; with other jobs it is refused.
    public var key: String?
    /// Whether more jobs follow by ``EnqueueOptions/workflow``: then it ends only once it was closed (``JobQueue/close(_:)``).
    public var isOpen = false

    /// So many jobs at most are started in one call: 10,000. For more, leave it open and add the others.
    public static let mostJobs = 10_000

    /// One job and its place in the graph.
    struct Node: Sendable {
        var name: String
        var after: [String]
        var others: [Dependency]
        var ifFailed: DependencyPolicy
        var make: @Sendable (JobQueue) throws(EnqueueError) -> NewJob
    }

    /// One job that waits for the whole.
    struct Follower: Sendable {
        var ifFailed: DependencyPolicy
        var make: @Sendable (JobQueue) throws(EnqueueError) -> NewJob
    }

    private(set) var nodes: [Node] = []
    private(set) var followers: [Follower] = []

    /// An empty one.
    public init(_ name: String? = nil, key: String? = nil) {
        self.name = name
        self.key = key
    }

    /// Adds a job.
    /// - Parameters:
    ///   - name: What others call it by: 1 to 64 of `a-z 0-9 . _ -`, each once.
    ///   - job: The job.
    ///   - after: The names of jobs of this workflow that must end first; they may be added later.
    ///   - ifFailed: What becomes of it when one of them fails.
    ///   - options: All else, without an idempotency key: the workflow has one.
    public mutating func add<J: Job>(
        _ name: String, _ job: J, after: String..., ifFailed: DependencyPolicy = .cascade, options: EnqueueOptions = EnqueueOptions()
    ) {
        add(name, job, after: after, ifFailed: ifFailed, options: options)
    }

    /// Adds a job that waits for all of a list.
    public mutating func add<J: Job>(
        _ name: String, _ job: J, after: [String], ifFailed: DependencyPolicy = .cascade, options: EnqueueOptions = EnqueueOptions()
    ) {
        nodes.append(
            Node(name: name, after: after, others: options.after, ifFailed: ifFailed) { (queue) throws(EnqueueError) in
                try queue.newJob(job, options: options)
            })
    }

    /// Adds a prepared job. What it waits for besides (``NewJob/after``) must be in the store.
    public mutating func add(_ name: String, _ job: NewJob, after: [String] = [], ifFailed: DependencyPolicy = .cascade) {
        nodes.append(Node(name: name, after: after, others: job.after, ifFailed: ifFailed) { (_) throws(EnqueueError) in job })
    }

    /// Runs a job when all jobs of the workflow have completed; it is cancelled when one has not.
    public mutating func onSuccess<J: Job>(_ job: J, options: EnqueueOptions = EnqueueOptions()) {
        follow(job, options, ifFailed: .cascade)
    }

    /// Runs a job when all jobs of the workflow have ended, however.
    public mutating func onCompleted<J: Job>(_ job: J, options: EnqueueOptions = EnqueueOptions()) {
        follow(job, options, ifFailed: .ignore)
    }

    /// Runs a prepared job after the workflow.
    public mutating func follow(_ job: NewJob, ifFailed: DependencyPolicy) {
        followers.append(Follower(ifFailed: ifFailed) { (_) throws(EnqueueError) in job })
    }

    private mutating func follow<J: Job>(_ job: J, _ options: EnqueueOptions, ifFailed: DependencyPolicy) {
        followers.append(Follower(ifFailed: ifFailed) { (queue) throws(EnqueueError) in try queue.newJob(job, options: options) })
    }
}

/// A workflow that was started.
public struct StartedWorkflow: Sendable, Hashable {
    /// Which.
    public var id: WorkflowID
    /// Whether an earlier start with its key has made it; nothing was added then, and ``jobs`` and ``followers`` are empty.
    public var isExisting: Bool
    /// Its jobs by name.
    public var jobs: [String: JobID]
    /// The jobs that wait for the whole, in the order in which they were added.
    public var followers: [JobID]
}
