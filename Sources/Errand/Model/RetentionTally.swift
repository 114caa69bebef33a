// Retention as a value: who goes, of finished jobs that come by newest first.

/// What retention looks at.
package struct FinishedJob: Sendable {
    package var queue: String
    package var kind: String
    package var state: JobState
    package var finishedAt: Timestamp
    package var payloadBytes: Int
    package var resultBytes: Int

    package init(queue: String, kind: String, state: JobState, finishedAt: Timestamp, payloadBytes: Int, resultBytes: Int) {
        (self.queue, self.kind, self.state, self.finishedAt) = (queue, kind, state, finishedAt)
        (self.payloadBytes, self.resultBytes) = (payloadBytes, resultBytes)
    }
}

/// Counts what is kept, for the whole store and for each rule.
package struct RetentionTally: Sendable {
    /// What becomes of a job.
    package enum Fate: Sendable, Hashable {
        case goes
        case stays(withoutResult: Bool, withoutLogs: Bool)
    }

    private struct Count {
        var jobs = 0
        var bytes = 0
        /// Once one job did not fit, no older one does.
        var isFull = false
    }

    private let policy: RetentionPolicy
    private let now: Timestamp
    /// One for each rule, and the last for the whole store.
    private var counts: [Count]

    /// Nothing is kept yet.
    package init(_ policy: RetentionPolicy, now: Timestamp) {
        self.policy = policy
        self.now = now
        counts = Array(repeating: Count(), count: policy.rules.count + 1)
    }

    /// What becomes of the next job, which is older than those before.
    package mutating func judge(_ job: FinishedJob) -> Fate {
        let meant = policy.rules.indices.filter { policy.rules[$0].means(job) }
        let rules = meant.map { policy.rules[$0] }
        let now = now
        func isOver(_ limit: Duration?) -> Bool { limit.map { now > job.finishedAt + $0 } ?? false }
        func first(_ property: (RetentionRule) -> Duration?) -> Duration? { rules.compactMap(property).first }
        if isOver(first(\.age) ?? policy.age(of: job.state)) { return .goes }
        let withoutResult = job.resultBytes > 0 && isOver(first(\.results) ?? policy.results)
        let bytes = job.payloadBytes + (withoutResult ? 0 : job.resultBytes)
        let limits =
            meant.map { ($0, policy.rules[$0].jobs, policy.rules[$0].bytes) } + [
                (policy.rules.count, policy.finishedJobs, policy.finishedBytes)
            ]
        for (index, jobs, most) in limits {
            let count = counts[index]
            if jobs.map({ count.jobs >= $0 }) ?? false || most.map({ count.bytes + bytes > $0 }) ?? false { counts[index].isFull = true }
        }
        guard !limits.contains(where: { counts[$0.0].isFull }) else { return .goes }
        for (index, _, _) in limits {
            counts[index].jobs += 1
            counts[index].bytes += bytes
        }
        return .stays(withoutResult: withoutResult, withoutLogs: isOver(first(\.logs)))
    }
}
