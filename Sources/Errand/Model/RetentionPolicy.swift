// How long finished jobs, their results and their logs are kept.

/// What is kept of finished jobs. Live jobs always stay, and so does a dead one that halts its sequence.
public struct RetentionPolicy: Sendable, Hashable {
    /// Completed jobs: one day by default; `nil` keeps them for ever.
    public var completed: Duration? = .seconds(86_400)
    /// Cancelled jobs: seven days by default.
    public var cancelled: Duration? = .seconds(7 * 86_400)
    /// Dead jobs: thirty days by default.
    public var dead: Duration? = .seconds(30 * 86_400)
    /// What completed jobs have returned: as long as the job by default.
    public var results: Duration?
    /// Finished jobs in all: the oldest go first past a million by default; `nil` sets no limit.
    public var finishedJobs: Int? = 1_000_000
    /// Payloads and results of finished jobs in all, in bytes: the oldest go first past 4 GiB by default; `nil` sets no limit.
    public var finishedBytes: Int? = 4 << 30
    /// Logs in all: the oldest chunks go first past 1 GiB by default; `nil` sets no limit.
    public var logBytes: Int? = 1 << 30
    /// Logs by age: thirty days by default, also when their job lives longer.
    public var logAge: Duration? = .seconds(30 * 86_400)
    /// What holds for some jobs instead. Of the rules that mean a job, the first that says something decides that; counts and bytes hold
    /// for every rule by itself, beside those of the whole store.
    public var rules: [RetentionRule] = []

    /// The defaults.
    public init() {}

    /// How long jobs that ended in `state` are kept where no rule says otherwise; `nil` for ever.
    package func age(of state: JobState) -> Duration? {
        switch state {
        case .completed: completed
        case .cancelled: cancelled
        case .dead: dead
        case .available, .scheduled, .running, .retryable, .waiting, .blocked: nil
        }
    }

    /// Whether jobs must be looked at one by one, and with their sizes: ages and the number of all jobs do without.
    package func looksInside(storeBytes: Int) -> Bool {
        !rules.isEmpty || results != nil || finishedBytes.map { storeBytes > $0 } ?? false
    }
}

/// What holds for some finished jobs.
public struct RetentionRule: Sendable, Hashable {
    /// Only jobs of this queue; `nil` means all.
    public var queue: String?
    /// Only jobs of this kind; `nil` means all.
    public var kind: String?
    /// Only jobs that ended in this state; `nil` means all three.
    public var state: JobState?
    /// How long they are kept; `nil` leaves it to the policy.
    public var age: Duration?
    /// How many of them are kept, the newest; `nil` sets no limit.
    public var jobs: Int?
    /// How many bytes of payloads and results of them are kept, the newest; `nil` sets no limit.
    public var bytes: Int?
    /// How long their results are kept; `nil` leaves it to the policy.
    public var results: Duration?
    /// How long their logs are kept after their end; `nil` leaves it to the policy.
    public var logs: Duration?

    /// Means all jobs, and changes nothing but what `change` says.
    public init(_ change: (inout RetentionRule) -> Void = { _ in }) { change(&self) }

    /// Whether a job is meant.
    package func means(_ job: FinishedJob) -> Bool {
        (queue ?? job.queue) == job.queue && (kind ?? job.kind) == job.kind && (state ?? job.state) == job.state
    }
}
