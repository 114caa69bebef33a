// What operators do in a random walk.

import Errand
import ErrandContext

extension RandomWalk {
    mutating func cancel() async throws {
        guard let job = pickJob() else { return }
        operation = "cancel job \(job)"
        let seen = try await anyOpening().control.cancel([jobs[job].subject], reason: "wish")
        let wanted = try await model.store.control.cancel([jobs[job].model], reason: "wish")
        compare(seen.map { describe($0, \.subject) }, wanted.map { describe($0, \.model) }, "answer")
    }

    mutating func retry() async throws {
        guard let job = pickJob() else { return }
        let isFull = roll(2) == 0
        operation = "retry job \(job), resetting attempts: \(isFull)"
        let seen = try await anyOpening().control.retry([jobs[job].subject], resettingAttempts: isFull)
        let wanted = try await model.store.control.retry([jobs[job].model], resettingAttempts: isFull)
        compare(seen.map { describe($0, \.subject) }, wanted.map { describe($0, \.model) }, "answer")
    }

    /// Promotes, edits or deletes a job.
    mutating func change() async throws {
        guard let job = pickJob() else { return }
        let kind = roll(5)
        let (priority, queue, hours, isForced) = (roll(3) - 1, roll(3), roll(3), roll(2) == 0)
        operation = "change \(kind) of job \(job)"
        func apply(_ control: any JobControl, _ id: JobID, _ now: Timestamp) async throws -> [ChangeResult] {
            switch kind {
            case 0: return try await control.delete([id], evenLive: isForced)
            case 1, 2: return try await control.promote([id], despiteDependencies: isForced)
            default:
                return try await control.edit(
                    [id],
                    JobEdit { edit in
                        if isForced { edit.priority = priority }
                        if queue < 2 { edit.queue = "queue\(queue)" }
                        if hours > 0 { edit.runAt = now + .seconds(hours == 1 ? -3600 : 3600 * 24) }
                    })
            }
        }
        let seen = try await apply(anyOpening().control, jobs[job].subject, subject.now())
        let wanted = try await apply(model.store.control, jobs[job].model, model.now())
        compare(seen.map { describe($0, \.subject) }, wanted.map { describe($0, \.model) }, "answer")
    }

    mutating func set() async throws {
        guard roll(3) > 0 else { return try await setKeys() }
        let scope = roll(2) == 0 ? LimitScope.queue("queue\(roll(3))") : .kind("kind\(roll(3))")
        // Permits that come back within a walk would come back at other times in each store.
        let rate = RateLimit(interval: .seconds(86_400), burst: 1 + roll(6))
        let change: SettingChange =
            switch roll(10) {
            case 0: .pause
            case ..<4: .resume
            case ..<5: .concurrency(nil)
            case ..<7: .concurrency(1 + roll(3))
            case ..<8: .rate(rate)
            default: .rate(nil)
            }
        operation = "change \(scope): \(change)"
        try await anyOpening().queues.change(scope, [change])
        try await model.store.queues.change(scope, [change])
    }

    /// Limits keys, or lets a halted sequence go on.
    mutating func setKeys() async throws {
        let queue = "queue\(roll(2))"
        let limit = roll(3) == 0 ? nil : 1 + roll(2)
        let (scope, change): (LimitScope, SettingChange) =
            switch roll(5) {
            case 0: (.sequence("row\(roll(2))", queue: queue), .resume)
            case 1: (.key("limit\(roll(3))", queue: queue), .concurrency(limit))
            case 2: (.queue(queue), .keyRate(roll(2) == 0 ? nil : RateLimit(interval: .seconds(86_400), burst: 1 + roll(6))))
            default: (.queue(queue), .keyConcurrency(limit))
            }
        operation = "change \(scope): \(change)"
        try await anyOpening().queues.change(scope, [change])
        try await model.store.queues.change(scope, [change])
    }

    mutating func prune() async throws {
        operation = "prune"
        // Only all or nothing of a state: the clocks of both stores are not the same.
        var policy = RuleCheck.policy { _ in }
        if roll(2) == 0 { policy.completed = .zero } else { policy.cancelled = .zero }
        try await subject.advance(by: .milliseconds(2))
        try await model.advance(by: .milliseconds(2))
        let seen = try await pruneAll(anyOpening().control, policy).map { name($0, \.subject) }
        let wanted = try await pruneAll(model.store.control, policy).map { name($0, \.model) }
        compare(seen.sorted(), wanted.sorted(), "what was pruned")
    }

    func pruneAll(_ control: any JobControl, _ policy: RetentionPolicy) async throws -> [JobID] {
        var gone: [JobID] = []
        for _ in 0..<1000 {
            let report = try await control.prune(policy, limit: 50)
            gone += report.jobs
            if !report.hasMore { return gone }
        }
        throw StoredError(type: "RuleBroken", message: "pruning never comes to an end")
    }
}
