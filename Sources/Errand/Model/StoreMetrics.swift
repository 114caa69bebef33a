// What a store has counted since it was made, for monitoring: times, outcomes, sizes.

/// Counts that only grow, and sizes. What stands at the moment is in ``StoreStats``.
public struct StoreMetrics: Sendable, Hashable {
    /// How long jobs waited, and how long executions took, by queue and kind.
    public var times: [TimeHistogram]
    /// How many executions have ended how.
    public var outcomes: [OutcomeTotal]
    /// Bytes of the store's files, by name: `queue.db`, `queue.db-wal`, `logs.db`, `logs.db-wal`; empty for a store without files.
    public var files: [String: Int]

    /// Puts together metrics; used by stores.
    public init(times: [TimeHistogram], outcomes: [OutcomeTotal], files: [String: Int] = [:]) {
        self.times = times
        self.outcomes = outcomes
        self.files = files
    }

    /// How many executions of a queue and kind have ended in one way.
    public struct OutcomeTotal: Sendable, Hashable {
        /// The line.
        public var queue: String
        /// The kind.
        public var kind: String
        /// How they ended.
        public var outcome: Outcome
        /// How many.
        public var executions: Int

        /// Puts together a total.
        public init(queue: String, kind: String, outcome: Outcome, executions: Int) {
            self.queue = queue
            self.kind = kind
            self.outcome = outcome
            self.executions = executions
        }
    }
}

/// How many took how long.
public struct TimeHistogram: Sendable, Hashable {
    /// What was timed.
    public enum What: String, Sendable, Hashable, Codable, CaseIterable {
        /// From when a job was due to the start of its first execution.
        case wait
        /// From the start of an execution to its end.
        case run
    }

    /// The line.
    public var queue: String
    /// The kind.
    public var kind: String
    /// What was timed.
    public var what: What
    /// How many fell under each of ``bounds`` and not under the one before; the last is beyond all.
    public var counts: [Int]
    /// All times together.
    public var sum: Duration

    /// The upper bounds of the buckets.
    public static let bounds: [Duration] = [
        .milliseconds(1), .milliseconds(5), .milliseconds(25), .milliseconds(100), .milliseconds(500), .seconds(1), .seconds(5),
        .seconds(30),
        .seconds(120), .seconds(600), .seconds(3600),
    ]

    /// The bucket of `time`.
    package static func bucket(of time: Duration) -> Int { bounds.firstIndex { time <= $0 } ?? bounds.count }

    /// A histogram without any.
    public init(queue: String, kind: String, what: What, counts: [Int]? = nil, sum: Duration = .zero) {
        self.queue = queue
        self.kind = kind
        self.what = what
        self.counts = counts ?? Array(repeating: 0, count: TimeHistogram.bounds.count + 1)
        self.sum = sum
    }

    /// How long the quickest `part` of them took at most, spread evenly within a bucket; `nil` when there are none. Beyond the last bound
    /// it is that bound.
    package func quantile(_ part: Double) -> Duration? {
        let total = counts.reduce(0, +)
        guard total > 0 else { return nil }
        var rest = part * Double(total)
        for (index, count) in counts.enumerated() where count > 0 {
            guard rest > Double(count), index < counts.count - 1 else {
                guard index < TimeHistogram.bounds.count else { break }
                let low = index == 0 ? Duration.zero : TimeHistogram.bounds[index - 1]
                return low + (TimeHistogram.bounds[index] - low) * min(1, rest / Double(count))
            }
            rest -= Double(count)
        }
        return TimeHistogram.bounds.last
    }

    /// Both together.
    package func adding(_ other: TimeHistogram) -> TimeHistogram {
        var all = self
        for (index, count) in other.counts.enumerated() { all.counts[index] += count }
        all.sum += other.sum
        return all
    }

    /// Counts one more.
    package mutating func add(_ time: Duration) {
        counts[TimeHistogram.bucket(of: time)] += 1
        sum += time
    }
}
