// What a job waits for before it may start: other jobs, or a whole workflow.

/// One thing that a job waits for.
public struct Dependency: Sendable, Hashable {
    /// What must end first.
    public var prerequisite: Prerequisite
    /// What becomes of the job when that ends otherwise than well; `cascade` by default.
    public var ifFailed: DependencyPolicy

    /// A dependency on `prerequisite`.
    public init(_ prerequisite: Prerequisite, ifFailed: DependencyPolicy = .cascade) {
        self.prerequisite = prerequisite
        self.ifFailed = ifFailed
    }

    /// A job may have so many: 1,000. For more, wait for a workflow.
    public static let most = 1000
}

/// What can be waited for.
public enum Prerequisite: Sendable, Hashable {
    /// The end of a job that is in the store.
    case job(JobID)
    /// The end of all jobs of a workflow.
    case workflow(WorkflowID)
    /// The end of the job at this place of the same enqueue call, before the one that waits.
    case entry(Int)

    /// The number that both kinds of identity come from; `nil` for a job that has none yet.
    package var rawValue: Int64? {
        switch self {
        case .job(let id): id.rawValue
        case .workflow(let id): id.rawValue
        case .entry: nil
        }
    }
}

extension Prerequisite: CustomStringConvertible {
    /// The ID, or the place.
    public var description: String {
        switch self {
        case .job(let id): id.description
        case .workflow(let id): id.description
        case .entry(let index): "#\(index)"
        }
    }
}

/// What becomes of a job when something that it waits for is dead, cancelled or deleted. A workflow has ended well when all of its jobs
/// have completed.
public enum DependencyPolicy: String, Sendable, Hashable, Codable, CaseIterable {
    /// It is cancelled, and with it what waits for it.
    case cascade
    /// It goes on as if that had ended well.
    case ignore
    /// It goes on waiting: until that was retried and has completed, or somebody promotes or cancels it.
    case hold
}

/// What a job waits for, or has waited for, as it stands.
public struct DependencyRecord: Sendable, Hashable {
    /// What: ``Prerequisite/job(_:)`` or ``Prerequisite/workflow(_:)``.
    public var prerequisite: Prerequisite
    /// What becomes of the job when that fails.
    public var ifFailed: DependencyPolicy
    /// Whether the job still waits for it.
    public var isOpen: Bool
    /// Where it stands; for a workflow `completed`, `dead` (not all of its jobs have completed) or `running`. `nil`: it is not on record
    /// any more.
    public var state: JobState?
    /// What it is called: a job's name within its workflow, or the workflow's own.
    public var name: String?

    /// Puts together a record; used by stores.
    public init(prerequisite: Prerequisite, ifFailed: DependencyPolicy, isOpen: Bool, state: JobState?, name: String?) {
        self.prerequisite = prerequisite
        self.ifFailed = ifFailed
        self.isOpen = isOpen
        self.state = state
        self.name = name
    }
}
