// What an operator has set for a queue or a kind, and the changes that set it.

import ErrandContext

/// What a setting holds for, in the whole store: for every worker of every process.
public enum LimitScope: Sendable, Hashable {
    /// All jobs of one queue.
    case queue(String)
    /// All jobs of one kind, in whichever queues.
    case kind(String)

    /// The name of the queue or kind.
    public var name: String {
        switch self {
        case .queue(let name), .kind(let name): name
        }
    }
}

/// How often jobs may start.
public struct RateLimit: Sendable, Hashable {
    /// The time from one permit to start to the next, in whole microseconds: 100 ms for ten a second. 1 microsecond to ten years.
    public var interval: Duration
    /// How many permits can be saved up while nothing starts, and so start at once. In any time *t* at most `burst` + *t* / `interval` jobs
    /// start. 1 to 1,000,000; 1 by default.
    public var burst: Int

    /// One permit every `interval`.
    public init(interval: Duration, burst: Int = 1) {
        self.interval = interval
        self.burst = burst
    }

    /// `permits` in each `period`, evenly spread (the interval is cut to whole microseconds).
    public init(_ permits: Int, per period: Duration, burst: Int = 1) {
        self.init(interval: .microseconds(period.wholeMicroseconds / Int64(max(1, permits))), burst: burst)
    }
}

/// One change of what stands for a queue or a kind.
public enum SettingChange: Sendable, Hashable {
    /// Its jobs stay where they are and none is started; those that run go on.
    case pause
    /// Its jobs are started again.
    case resume
    /// How many of its jobs may run at once in the whole store, 1 to 1,000,000; `nil` as many as workers have slots. A lower number than
    /// runs at the moment ends nothing: nothing starts until there is room.
    case concurrency(Int?)
    /// How often its jobs may start in the whole store; `nil` as often as they can. Every execution counts, a retry too.
    case rate(RateLimit?)
}

/// What stands for a queue or a kind.
public struct QueueSettings: Sendable, Hashable {
    /// For what.
    public var scope: LimitScope
    /// Whether none of its jobs is started.
    public var isPaused: Bool
    /// How many of its jobs may run at once in the whole store; `nil` when that is not limited.
    public var concurrency: Int?
    /// How often its jobs may start; `nil` when that is not limited.
    public var rate: RateLimit?
    /// How many of its jobs run.
    public var running: Int

    /// Puts together what stands; without further arguments nothing is set. Used by stores.
    public init(scope: LimitScope, isPaused: Bool = false, concurrency: Int? = nil, rate: RateLimit? = nil, running: Int = 0) {
        self.scope = scope
        self.isPaused = isPaused
        self.concurrency = concurrency
        self.rate = rate
        self.running = running
    }
}

/// The ranges of settings.
public enum SettingRules {
    /// How many jobs a limit may let run at once, and how many permits may be saved up.
    public static let counts = 1...1_000_000

    /// What is wrong with `change` of `scope`, or `nil` when it may be made.
    public static func problem(with change: SettingChange, of scope: LimitScope) -> String? {
        let what =
            switch scope {
            case .queue: "queue"
            case .kind: "kind"
            }
        if let problem = JobRules.nameProblem(scope.name, what: what) { return problem }
        switch change {
        case .pause, .resume, .concurrency(nil), .rate(nil): return nil
        case .concurrency(let limit?):
            return counts.contains(limit)
                ? nil : "the concurrency \(limit) of \(what) \(scope.name) is outside of 1 … 1000000: to start nothing, pause it"
        case .rate(let rate?):
            if !counts.contains(rate.burst) { return "the burst \(rate.burst) of \(what) \(scope.name) is outside of 1 … 1000000" }
            guard rate.interval >= .microseconds(1), rate.interval <= Limits.longestDuration else {
                return "the rate of \(what) \(scope.name) is outside of one start in ten years … 1000000 a second"
            }
            return nil
        }
    }
}
