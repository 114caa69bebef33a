// What an operator has set for queues, kinds, limit keys and sequences, and the changes that set it.

import ErrandContext

/// What a setting holds for, in the whole store: for every worker of every process.
public enum LimitScope: Sendable, Hashable {
    /// All jobs of one queue.
    case queue(String)
    /// All jobs of one kind, in whichever queues.
    case kind(String)
    /// The jobs of one queue that share a limit key: a tenant, for example.
    case key(String, queue: String)
    /// The jobs of one queue that share a sequence.
    case sequence(String, queue: String)

    /// The name of the queue, kind, key or sequence.
    public var name: String {
        switch self {
        case .queue(let name), .kind(let name), .key(let name, _), .sequence(let name, _): name
        }
    }

    /// What it is, as it is shown.
    public var what: String {
        switch self {
        case .queue: "queue"
        case .kind: "kind"
        case .key: "limit key"
        case .sequence: "sequence"
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

/// One change of what stands for a queue, a kind, a limit key or a sequence. ``SettingRules`` tells what goes with what.
@nonexhaustive public enum SettingChange: Sendable, Hashable {
    /// Its jobs stay where they are and none is started; those that run go on.
    case pause
    /// Its jobs are started again; a sequence that a death has halted goes on without the job that died.
    case resume
    /// How many of its jobs may run at once in the whole store, 1 to 1,000,000; `nil` as many as workers have slots. A lower number than
    /// runs at the moment ends nothing: nothing starts until there is room.
    case concurrency(Int?)
    /// How often its jobs may start in the whole store; `nil` as often as they can. Every execution counts, a retry too.
    case rate(RateLimit?)
    /// How many jobs of each limit key of a queue may run at once, unless the key has a limit of its own; the others of the key wait.
    case keyConcurrency(Int?)
    /// How often jobs of each limit key of a queue may start, unless the key has a rate of its own.
    case keyRate(RateLimit?)
    /// Whether a queue's limit keys take turns: whoever has had less is next, however much the others have waiting. Within one priority;
    /// jobs without a key share one turn.
    case fair(Bool)
    /// The part of a worker's attention that a queue gets beside its other queues, or of a fair queue that a limit key gets beside the
    /// other keys: 1, which is the default, to 1000.
    case weight(Int)
}

/// What stands for a queue, a kind, a limit key or a sequence.
public struct QueueSettings: Sendable, Hashable {
    /// For what.
    public var scope: LimitScope
    /// Whether none of its jobs is started; of a sequence: whether a death has halted it.
    public var isPaused: Bool
    /// How many of its jobs may run at once in the whole store; `nil` when that is not limited.
    public var concurrency: Int?
    /// How often its jobs may start; `nil` when that is not limited.
    public var rate: RateLimit?
    /// Of a queue: how many jobs of each limit key may run at once; `nil` when that is not limited.
    public var keyConcurrency: Int?
    /// Of a queue: how often jobs of each limit key may start; `nil` when that is not limited.
    public var keyRate: RateLimit?
    /// Of a queue: whether its limit keys take turns.
    public var isFair: Bool
    /// Of a queue or limit key: its part beside the others, 1 unless it was set.
    public var weight: Int
    /// How many of its jobs run.
    public var running: Int

    /// Puts together what stands; without further arguments nothing is set. Used by stores.
    public init(
        scope: LimitScope, isPaused: Bool = false, concurrency: Int? = nil, rate: RateLimit? = nil, keyConcurrency: Int? = nil,
        keyRate: RateLimit? = nil, isFair: Bool = false, weight: Int = 1, running: Int = 0
    ) {
        self.scope = scope
        self.isPaused = isPaused
        self.concurrency = concurrency
        self.rate = rate
        self.keyConcurrency = keyConcurrency
        self.keyRate = keyRate
        self.isFair = isFair
        self.weight = weight
        self.running = running
    }
}

/// The ranges of settings, and what may be set for what.
public enum SettingRules {
    /// How many jobs a limit may let run at once, and how many permits may be saved up.
    public static let counts = 1...1_000_000
    /// How much more than another a queue or limit key may get.
    public static let weights = 1...1000

    /// What is wrong with `change` of `scope`, or `nil` when it may be made.
    public static func problem(with change: SettingChange, of scope: LimitScope) -> String? {
        scopeProblem(scope) ?? pairProblem(change, scope) ?? rangeProblem(change, scope)
    }

    private static func scopeProblem(_ scope: LimitScope) -> String? {
        switch scope {
        case .queue(let name), .kind(let name): JobRules.nameProblem(name, what: scope.what)
        case .key(let name, let queue), .sequence(let name, let queue):
            JobRules.nameProblem(queue, what: "queue") ?? JobRules.textProblem(name, limit: Limits.keyBytes, what: scope.what)
        }
    }

    private static func pairProblem(_ change: SettingChange, _ scope: LimitScope) -> String? {
        switch (scope, change) {
        case (.queue, _), (.kind, .pause), (.kind, .resume), (.kind, .concurrency), (.kind, .rate): nil
        case (.key, .concurrency), (.key, .rate), (.key, .weight), (.sequence, .resume): nil
        case (.kind, _): "a kind can be paused, resumed, and limited by concurrency and rate; keys, fairness and weight are a queue's"
        case (.key, _): "a limit key has a concurrency, a rate and a weight; the rest is its queue's"
        case (.sequence, _): "a sequence can only be resumed, after a death has halted it"
        }
    }

    private static func rangeProblem(_ change: SettingChange, _ scope: LimitScope) -> String? {
        let whose = "\(scope.what) \(scope.name)"
        switch change {
        case .concurrency(let limit?), .keyConcurrency(let limit?):
            return counts.contains(limit)
                ? nil : "the concurrency \(limit) of \(whose) is outside of 1 … 1000000: to start nothing, pause it"
        case .rate(let rate?), .keyRate(let rate?):
            if !counts.contains(rate.burst) { return "the burst \(rate.burst) of \(whose) is outside of 1 … 1000000" }
            guard rate.interval >= .microseconds(1), rate.interval <= Limits.longestDuration else {
                return "the rate of \(whose) is outside of one start in ten years … 1000000 a second"
            }
            let (span, isOverflow) = rate.interval.wholeMicroseconds.multipliedReportingOverflow(by: Int64(rate.burst))
            guard !isOverflow, span <= Limits.longestDuration.wholeMicroseconds else {
                return "the burst \(rate.burst) of \(whose) takes longer than ten years to be saved up: give a smaller one"
            }
            return nil
        case .weight(let weight):
            return weights.contains(weight) ? nil : "the weight \(weight) of \(whose) is outside of 1 … 1000"
        case .pause, .resume, .concurrency(nil), .rate(nil), .keyConcurrency(nil), .keyRate(nil), .fair: return nil
        }
    }
}
