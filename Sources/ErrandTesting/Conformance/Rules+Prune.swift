// Rules about retention: what goes, what stays, and what is released with it.

import Errand
import ErrandContext

extension RuleCheck {
    /// A policy that keeps everything for ever, changed by `change`.
    static func policy(_ change: (inout RetentionPolicy) -> Void) -> RetentionPolicy {
        var policy = RetentionPolicy()
        (policy.completed, policy.cancelled, policy.dead, policy.finishedJobs) = (nil, nil, nil, nil)
        change(&policy)
        return policy
    }

    /// Prunes slice by slice until nothing more is to be had; what went.
    func prune(_ policy: RetentionPolicy, slice: Int = 100) async throws -> [JobID] {
        var gone: [JobID] = []
        var report: PruneReport
        var slices = 0
        repeat {
            report = try await control.prune(policy, limit: slice)
            expect(report.jobs.count <= slice, "a slice of \(slice) deleted \(report.jobs.count) jobs")
            gone += report.jobs
            slices += 1
        } while report.hasMore && slices < 1000
        expect(!report.hasMore, "pruning never comes to an end")
        return gone.sorted()
    }

    /// `count` jobs that have ended in `state`, oldest first.
    func finished(_ state: JobState, count: Int, by worker: WorkerID) async throws -> [JobID] {
        let ids = try await add(count: count)
        if state == .cancelled {
            _ = try await control.cancel(ids, reason: nil)
            return ids
        }
        for claimed in try await claim(worker, limit: count) {
            let next: NextStep = state == .completed ? .complete : .bury(reason: "max_attempts")
            try await end(claimed.execution, by: worker, state == .completed ? .completed : .failed, next)
        }
        return ids
    }
}

extension JobStoreConformance {
    static let pruneRules: [Rule] = [
        Rule("pruning deletes finished jobs by the age of their state, and never others") { check in
            let worker = try await check.join()
            let completed = try await check.finished(.completed, count: 3, by: worker)
            let cancelled = try await check.finished(.cancelled, count: 2, by: worker)
            let dead = try await check.finished(.dead, count: 2, by: worker)
            let scheduled = try await check.add { $0.runAt = check.subject.now() + .seconds(3600) }
            let running = try await check.add()
            _ = try await check.claimOne(worker)
            let available = try await check.add()
            try await check.subject.advance(by: .milliseconds(5))
            check.equal(try await check.prune(RetentionPolicy()), [], "what the defaults delete of young jobs")
            let hour = RuleCheck.policy { ($0.completed, $0.dead) = (.seconds(3600), .zero) }
            check.equal(try await check.prune(hour), dead, "what a policy of an hour for completed and none for dead jobs deletes")
            check.equal(try await check.prune(RuleCheck.policy { $0.completed = .zero }), completed, "completed jobs only")
            check.equal(try await check.prune(RuleCheck.policy { $0.cancelled = .zero }), cancelled, "cancelled jobs only")
            check.equal(try await check.list().map(\.id), [available, running, scheduled], "the jobs that stay")
            check.equal(
                try await check.inspection.states(of: completed + dead), [nil, nil, nil, nil, nil], "the states of those that went")
            try await check.expectExactCounts()
        },
        Rule("what a rule says of a queue, kind and state holds for those jobs, and the policy's word for the others") { check in
            let worker = try await check.join()
            let short = try await check.add(count: 2) { $0.kind = "short" }
            let usual = try await check.add(count: 2)
            for job in try await check.claim(worker, kinds: ["k", "short"]) {
                try await check.end(job.execution, by: worker, .completed, .complete)
            }
            let dead = try await check.add(count: 1) { $0.kind = "short" }
            let job = try check.require(try await check.claim(worker, kinds: ["short"]).first, "no job")
            try await check.end(job.execution, by: worker, .failed, .bury(reason: "max_attempts"))
            try await check.subject.advance(by: .milliseconds(5))
            var policy = RuleCheck.policy { $0.completed = .seconds(3600) }
            policy.rules = [RetentionRule { ($0.queue, $0.kind, $0.state, $0.age) = ("q", "short", .completed, .zero) }]
            check.equal(try await check.prune(policy), short, "what the rule deletes")
            check.equal(try await check.list().map(\.id), (usual + dead).reversed(), "what stays")
            try await check.expectExactCounts()
        },
        Rule("a rule keeps so many of the newest, in jobs and in bytes, in slices of any size") { check in
            let worker = try await check.join()
            func finish(_ kind: String, _ count: Int) async throws -> [JobID] {
                let ids = try await check.add(count: count) {
                    ($0.kind, $0.payload) = (kind, Array("\"\(String(repeating: "x", count: 10_000))\"".utf8))
                }
                for job in try await check.claim(worker, kinds: [kind]) {
                    try await check.end(job.execution, by: worker, .completed, .complete, result: Array("1234".utf8))
                }
                return ids
            }
            let counted = try await finish("counted", 5)
            let weighed = try await finish("weighed", 5)
            var policy = RuleCheck.policy { _ in }
            policy.rules = [
                RetentionRule { ($0.kind, $0.jobs) = ("counted", 2) },
                // Room for two and a half, whatever encryption adds.
                RetentionRule { ($0.kind, $0.bytes) = ("weighed", 25_000) },
            ]
            check.equal(try await check.prune(policy, slice: 2), (counted[..<3] + weighed[..<3]).sorted(), "what goes")
            check.equal(try await check.prune(policy, slice: 2), [], "what goes in a second pass")
            try await check.expectExactCounts()
        },
        Rule("results go sooner than their jobs where the policy says so, and logs are named once") { check in
            let worker = try await check.join()
            let id = try await check.add()
            let job = try await check.claimOne(worker)
            try await check.end(job.execution, by: worker, .completed, .complete, result: Array("7".utf8))
            try await check.subject.advance(by: .milliseconds(5))
            var policy = RuleCheck.policy { $0.results = .zero }
            policy.rules = [RetentionRule { $0.logs = .zero }]
            let report = try await check.control.prune(policy, limit: 10)
            check.equal(report, PruneReport(jobs: [], logs: [id], results: 1, hasMore: false), "the report")
            check.equal(try await check.detail(id).result, nil, "the result")
            check.equal(
                try await check.control.prune(policy, limit: 10), PruneReport(jobs: [], hasMore: false), "the report of a second pass")
        },
        Rule("pruning is done in slices") { check in
            let worker = try await check.join()
            let ids = try await check.finished(.completed, count: 7, by: worker)
            try await check.subject.advance(by: .milliseconds(5))
            let policy = RuleCheck.policy { $0.completed = .zero }
            let first = try await check.control.prune(policy, limit: 3)
            check.expect(first.jobs.count <= 3, "a slice of 3 deleted \(first.jobs.count)")
            check.expect(first.hasMore, "the first of several slices says that it was the last")
            check.equal((first.jobs + (try await check.prune(policy, slice: 3))).sorted(), ids, "what all slices deleted")
        },
        Rule("past a number of finished jobs the oldest go first") { check in
            let worker = try await check.join()
            let ids = try await check.finished(.completed, count: 4, by: worker) + check.finished(.dead, count: 2, by: worker)
            try await check.subject.advance(by: .milliseconds(5))
            check.equal(try await check.prune(RuleCheck.policy { $0.finishedJobs = 6 }), [], "with as many as may stay")
            check.equal(try await check.prune(RuleCheck.policy { $0.finishedJobs = 2 }), Array(ids[..<4]), "with four too many")
            check.equal(try await check.list().map(\.id), [ids[5], ids[4]], "the jobs that stay")
        },
        Rule("a pruned job releases its key and takes its history with it; its ID is never used again") { check in
            let worker = try await check.join()
            let input = RuleCheck.input { $0.key = "once" }
            let old = try await check.jobs.enqueue([input])[0].id
            let past = check.subject.now() + .seconds(-1)
            try await check.end(try await check.claimOne(worker).execution, by: worker, .failed, .wait(until: past))
            let last = try await check.claimOne(worker)
            try await check.end(last.execution, by: worker, .completed, .complete)
            try await check.subject.advance(by: .milliseconds(5))
            check.equal(try await check.prune(RuleCheck.policy { $0.completed = .zero }), [old], "what was deleted")
            check.equal(try await check.inspection.job(old), nil, "the deleted job in full")
            check.equal(try await check.inspection.jobs(meantBy: "key:once"), [], "the key of the deleted job")
            check.equal(try await check.control.retry([old], resettingAttempts: false), [.notFound], "a retry of the deleted job")
            try await check.subject.crashAndReopen()
            let new = try await check.jobs.enqueue([input])[0]
            check.equal(new, .added(new.id), "the enqueue with the released key")
            check.expect(new.id > old, "the ID \(new.id) is not above that of the deleted job, \(old)")
            check.equal(try await check.detail(new.id).executions, [], "the executions of the new job")
        },
        Rule("a retried job is not finished and stays") { check in
            let worker = try await check.join()
            let ids = try await check.finished(.dead, count: 2, by: worker)
            _ = try await check.control.retry([ids[0]], resettingAttempts: false)
            try await check.subject.advance(by: .milliseconds(5))
            check.equal(try await check.prune(RuleCheck.policy { ($0.dead, $0.finishedJobs) = (.zero, 0) }), [ids[1]], "what was deleted")
        },
    ]
}
