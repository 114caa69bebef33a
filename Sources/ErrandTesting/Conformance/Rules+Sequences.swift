// Rules about sequences: one job at a time, in the order in which they were added, through everything that can happen to one.

import Errand
import ErrandContext

extension RuleCheck {
    /// Adds jobs of the sequence `key`.
    func add(count: Int, sequence key: String, halts: Bool = false, _ change: (inout NewJob) -> Void = { _ in }) async throws -> [JobID] {
        try await add(count: count) { input in
            input.terms.sequence = JobSequence(key, haltsOnDeath: halts)
            change(&input)
        }
    }
}

extension JobStoreConformance {
    static let sequenceRules: [Rule] = [
        Rule("jobs of a sequence run one at a time in the order in which they were added, whatever their priorities") { check in
            let ids = try await check.add(count: 3, sequence: "ada")
            let urgent = try await check.add(count: 1, sequence: "ada") { $0.priority = -100 }
            let other = try await check.add(count: 1, sequence: "bob")
            try await check.expectState(ids[1], .waiting, "the second of a sequence")
            let worker = try await check.join()
            var order: [JobID] = []
            var claimed = try await check.claim(worker)
            check.equal(Set(claimed.map(\.execution.job)), Set([ids[0]] + other), "a first claim that asks for everything")
            for _ in 0..<8 where !claimed.isEmpty {
                for job in claimed {
                    order.append(job.execution.job)
                    try await check.end(job.execution, by: worker, .completed, .complete)
                }
                claimed = try await check.claim(worker)
                check.expect(claimed.count <= 1, "\(claimed.count) of a sequence were given out at once")
            }
            check.equal(order.filter { !other.contains($0) }, ids + urgent, "the order of one sequence")
        },
        Rule("whose turn it is keeps it through retries, snoozes, interruptions and rescues") { check in
            let ids = try await check.add(count: 2, sequence: "ada")
            var worker = try await check.join()
            for outcome in [Outcome.failed, .snoozed, .interrupted] {
                let job = try await check.claimOne(worker)
                check.equal(job.execution.job, ids[0], "who runs before \(outcome)")
                let next = outcome == .interrupted ? NextStep.giveBack : .wait(until: check.subject.now() + .milliseconds(50))
                try await check.end(job.execution, by: worker, outcome, next)
                if next != .giveBack {
                    check.equal(try await check.claim(worker), [], "a claim while the first waits after \(outcome)")
                    try await check.subject.advance(by: .milliseconds(51))
                }
            }
            _ = try await check.claimOne(worker)
            try await check.subject.crashAndReopen()
            worker = try await check.join()
            try await check.rescueAll(by: worker)
            let job = try await check.claimOne(worker)
            check.equal(job.execution.job, ids[0], "who runs after a rescue")
            try await check.end(job.execution, by: worker, .completed, .complete)
            check.equal(try await check.claim(worker).map(\.execution.job), [ids[1]], "who is next")
        },
        Rule("the turn goes on when its job is cancelled, deleted, or dies, and cancelled ones in the line are passed over") { check in
            let ids = try await check.add(count: 5, sequence: "ada")
            _ = try await check.control.cancel([ids[0], ids[2]], reason: nil)
            try await check.expectState(ids[1], .available, "the next one after a cancelled one")
            check.equal(try await check.control.delete([ids[1]], evenLive: true), [.changed], "the answer to a deletion")
            let worker = try await check.join()
            let job = try await check.claimOne(worker)
            check.equal(job.execution.job, ids[3], "the next one after a deleted one")
            try await check.end(job.execution, by: worker, .failed, .bury(reason: "max_attempts"))
            check.equal(try await check.claim(worker).map(\.execution.job), [ids[4]], "the next one after a dead one")
        },
        Rule("a death that halts keeps the others waiting until the job is retried, also through pruning") { check in
            let ids = try await check.add(count: 2, sequence: "ada", halts: true)
            let worker = try await check.join()
            try await check.end(try await check.claimOne(worker).execution, by: worker, .failed, .bury(reason: "max_attempts"))
            check.equal(try await check.claim(worker), [], "a claim after the death")
            let scope = LimitScope.sequence("ada", queue: "q")
            check.equal(try await check.settings(of: scope), QueueSettings(scope: scope, isPaused: true), "what stands")
            try await check.subject.advance(by: .milliseconds(2))
            _ = try await check.control.prune(RuleCheck.policy { $0.dead = .zero }, limit: 10)
            try await check.expectState(ids[0], .dead, "the dead job after a pruning")
            check.equal(try await check.control.retry([ids[0]], resettingAttempts: false), [.retried], "the answer")
            let job = try await check.claimOne(worker)
            check.equal(job.execution.job, ids[0], "who runs after the retry")
            check.equal(try await check.queues.settings().contains { $0.scope == scope }, false, "whether it is halted still")
            try await check.end(job.execution, by: worker, .completed, .complete)
            check.equal(try await check.claim(worker).map(\.execution.job), [ids[1]], "who is next")
        },
        Rule("a halted sequence goes on without the dead job when it is resumed, or when that is deleted") { check in
            let ids = try await check.add(count: 3, sequence: "ada", halts: true)
            let worker = try await check.join()
            try await check.end(try await check.claimOne(worker).execution, by: worker, .failed, .bury(reason: "max_attempts"))
            try await check.queues.change(.sequence("ada", queue: "q"), [.resume])
            let second = try await check.claimOne(worker)
            check.equal(second.execution.job, ids[1], "who runs after the sequence was resumed")
            try await check.end(second.execution, by: worker, .failed, .bury(reason: "max_attempts"))
            check.equal(try await check.claim(worker), [], "a claim after the second death")
            check.equal(try await check.control.delete([ids[1]], evenLive: false), [.changed], "the answer to a deletion")
            check.equal(try await check.claim(worker).map(\.execution.job), [ids[2]], "who runs after the deletion")
        },
        Rule("a delayed job of a sequence joins when it is due, and takes its place by its age") { check in
            let due = check.subject.now() + .milliseconds(50)
            let late = try await check.add(count: 1, sequence: "ada") { $0.runAt = due }[0]
            let ids = try await check.add(count: 2, sequence: "ada")
            let worker = try await check.join()
            let first = try await check.claimOne(worker)
            check.equal(first.execution.job, ids[0], "who runs while the delayed one is not due")
            try await check.subject.advance(by: .milliseconds(51))
            _ = try await check.claim(worker)
            try await check.expectState(late, .waiting, "the delayed one when it is due")
            try await check.end(first.execution, by: worker, .completed, .complete)
            check.equal(try await check.claim(worker).map(\.execution.job), [late], "who is next")
        },
        Rule("sequences and limit keys hold together, and a sequence of another queue is another one") { check in
            try await check.queues.change(.queue("q"), [.keyConcurrency(1)])
            func add(_ sequence: String) async throws -> JobID {
                try await check.add(count: 1, sequence: sequence) { $0.terms.limitKey = "ada" }[0]
            }
            let (first, other, second) = (try await add("one"), try await add("two"), try await add("one"))
            let there = try await check.add(count: 1, sequence: "one") { $0.queue = "r" }
            let worker = try await check.join()
            let claimed = try await check.claim(worker, queues: ["q", "r"])
            check.equal(claimed.map(\.execution.job), [first] + there, "a first claim")
            try await check.end(claimed[0].execution, by: worker, .completed, .complete)
            // Its turn has come as well, but the other has waited for the key longer.
            let next = try await check.claimOne(worker)
            check.equal(next.execution.job, other, "who is admitted next")
            try await check.end(next.execution, by: worker, .completed, .complete)
            check.equal(try await check.claimOne(worker).execution.job, second, "who comes after that")
        },
        Rule("a job that leaves for another queue lets the next of its sequence go on, and joins the sequence there") { check in
            let ids = try await check.add(count: 2, sequence: "ada")
            let there = try await check.add(count: 1, sequence: "ada") { $0.queue = "r" }
            check.equal(try await check.control.edit([ids[0]], JobEdit { $0.queue = "r" }), [.changed], "the answer")
            try await check.expectState(ids[0], .waiting, "the job that moved")
            let worker = try await check.join()
            check.equal(try await check.claim(worker, queues: ["q", "r"]).map(\.execution.job), [ids[1]] + there, "a claim")
        },
        Rule("a job that leaves while it waits for its next attempt lets the next of its sequence go on, too") { check in
            let ids = try await check.add(count: 2, sequence: "ada")
            let worker = try await check.join()
            let far = check.subject.now() + .seconds(3600)
            try await check.end(try await check.claimOne(worker).execution, by: worker, .failed, .wait(until: far))
            check.equal(try await check.control.edit([ids[0]], JobEdit { $0.queue = "r" }), [.changed], "the answer")
            let next = try await check.claimOne(worker)
            check.equal(next.execution.job, ids[1], "who is next")
            // Both sequences are free in the end.
            try await check.end(next.execution, by: worker, .completed, .complete)
            check.equal(try await check.control.promote([ids[0]]), [.changed], "the answer to the promotion")
            let moved = try check.require(try await check.claim(worker, queues: ["r"]).first, "the moved job does not start")
            try await check.end(moved.execution, by: worker, .completed, .complete)
            let last = try await check.add(count: 1, sequence: "ada") + check.add(count: 1, sequence: "ada") { $0.queue = "r" }
            check.equal(try await check.claim(worker, queues: ["q", "r"]).map(\.execution.job), last, "new jobs of both sequences")
        },
    ]
}
