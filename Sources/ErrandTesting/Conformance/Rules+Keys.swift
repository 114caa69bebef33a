// Rules about limit keys: how many of a key's jobs run, how often they start, and that none waits for nothing.

import Errand
import ErrandContext

extension RuleCheck {
    /// Adds jobs of the limit key `key`.
    func add(count: Int, key: String, _ change: (inout NewJob) -> Void = { _ in }) async throws -> [JobID] {
        try await add(count: count) { input in
            input.terms.limitKey = key
            change(&input)
        }
    }

    /// Every job that may start.
    func available() async throws -> [JobID] {
        var selector = JobSelector()
        selector.states = [.available]
        return try await list(selector).map(\.id)
    }
}

extension JobStoreConformance {
    static let keyRules: [Rule] = [
        Rule("of each limit key no more jobs run than its queue says, the others of the key wait, and other keys go on") { check in
            try await check.queues.change(.queue("q"), [.keyConcurrency(2)])
            let ada = try await check.add(count: 5, key: "ada")
            let bob = try await check.add(count: 1, key: "bob")
            let free = try await check.add()
            for id in ada[2...] { try await check.expectState(id, .waiting, "a job beyond the key's limit") }
            let (one, two) = (try await check.join(), try await check.join())
            let claimed = try await check.claim(one)
            check.equal(claimed.map(\.execution.job), Array(ada[..<2]) + bob + [free], "a claim that asks for everything")
            check.equal(try await check.claim(two), [], "another worker's claim")
            try await check.end(claimed[0].execution, by: one, .completed, .complete)
            check.equal(try await check.claim(two).map(\.execution.job), [ada[2]], "a claim after one of the key has ended")
        },
        Rule("the same limit key of another queue is another key") { check in
            try await check.queues.change(.queue("q"), [.keyConcurrency(1)])
            let here = try await check.add(count: 2, key: "ada")
            let there = try await check.add(count: 2, key: "ada") { $0.queue = "r" }
            let worker = try await check.join()
            check.equal(
                try await check.claim(worker, queues: ["q", "r"]).map(\.execution.job), [here[0]] + there, "a claim of both queues")
        },
        Rule("a limit key's slot is free again however its job ended: outcome, wait, give-back, cancel, delete, rescue") { check in
            try await check.queues.change(.queue("q"), [.keyConcurrency(1)])
            let far = check.subject.now() + .seconds(3600)
            let ends: [(Outcome, NextStep)] = [
                (.completed, .complete), (.failed, .wait(until: far)), (.failed, .bury(reason: "max_attempts")),
                (.cancelled, .cancel(reason: nil)), (.snoozed, .wait(until: far)), (.interrupted, .giveBack),
            ]
            _ = try await check.add(count: ends.count + 4, key: "ada")
            let worker = try await check.join()
            for (outcome, next) in ends {
                let claimed = try await check.claim(worker)
                check.equal(claimed.count, 1, "a claim before \(outcome)")
                guard let job = claimed.first else { return }
                try await check.end(job.execution, by: worker, outcome, next)
            }
            let admitted = try await check.available()
            check.equal(admitted.count, 1, "how many may start")
            _ = try await check.control.cancel(admitted, reason: nil)
            let next = try await check.available()
            check.equal(next.count, 1, "how many may start after that one was cancelled")
            check.equal(try await check.control.delete(next, evenLive: true), [.changed], "the answer to a deletion")
            check.equal(try await check.claim(worker).count, 1, "a claim after that one was deleted")
            try await check.subject.crashAndReopen()
            let survivor = try await check.join()
            try await check.rescueAll(by: survivor)
            check.equal(try await check.claim(survivor).count, 1, "a claim after a rescue")
        },
        Rule("a kind that is paused, or that nobody handles, holds up no other kind of the same limit key") { check in
            try await check.queues.change(.queue("q"), [.keyConcurrency(1)])
            _ = try await check.add(count: 2, key: "ada") { $0.kind = "paused" }
            _ = try await check.add(count: 2, key: "ada") { $0.kind = "foreign" }
            let ids = try await check.add(count: 2, key: "ada")
            try await check.queues.change(.kind("paused"), [.pause])
            let worker = try await check.join()
            let claimed = try await check.claim(worker, kinds: ["paused", "k"])
            check.equal(claimed.map(\.execution.job), [ids[0]], "a claim")
            try await check.queues.change(.kind("paused"), [.resume])
            check.equal(try await check.claim(worker, kinds: ["paused", "k", "foreign"]), [], "a claim while the key is used up")
            for job in claimed { try await check.end(job.execution, by: worker, .completed, .complete) }
            check.equal(try await check.claim(worker, kinds: ["paused"]).map(\.kind), ["paused"], "a claim of the other kind")
        },
        Rule("a limit that is set later holds for jobs that are there, a higher one lets more start at once, and none lets all") { check in
            let ids = try await check.add(count: 6, key: "ada")
            let worker = try await check.join()
            try await check.queues.change(.queue("q"), [.keyConcurrency(1)])
            check.equal(try await check.claim(worker).map(\.execution.job), [ids[0]], "a claim under the new limit")
            for id in ids[1...] { try await check.expectState(id, .waiting, "a job that the claim has met") }
            try await check.queues.change(.queue("q"), [.keyConcurrency(3)])
            check.equal(try await check.claim(worker).map(\.execution.job), Array(ids[1...2]), "a claim under the higher one")
            try await check.queues.change(.queue("q"), [.keyConcurrency(nil)])
            check.equal(try await check.claim(worker).map(\.execution.job), Array(ids[3...]), "a claim without one")
        },
        Rule("a limit of its own comes before the queue's, is listed, and goes with being unset") { check in
            try await check.queues.change(.queue("q"), [.keyConcurrency(1)])
            try await check.queues.change(.key("ada", queue: "q"), [.concurrency(2), .weight(3)])
            let ada = try await check.add(count: 3, key: "ada")
            let bob = try await check.add(count: 3, key: "bob")
            let worker = try await check.join()
            check.equal(try await check.claim(worker).map(\.execution.job), [ada[0], ada[1], bob[0]], "a claim")
            let scope = LimitScope.key("ada", queue: "q")
            check.equal(
                try await check.settings(of: scope), QueueSettings(scope: scope, concurrency: 2, weight: 3, running: 2), "what stands")
            try await check.queues.change(scope, [.concurrency(nil), .weight(1)])
            check.equal(try await check.queues.settings().contains { $0.scope == scope }, false, "whether it is listed still")
        },
        Rule("a rate lets jobs of each limit key start by itself, and the reply tells when the next one may") { check in
            try await check.queues.change(.queue("q"), [.keyRate(RateLimit(interval: .milliseconds(200), burst: 2))])
            _ = try await check.add(count: 4, key: "ada")
            _ = try await check.add(count: 1, key: "bob")
            let worker = try await check.join()
            let request = ExchangeRequest(worker: worker, claim: RuleCheck.claim())
            let reply = try await check.jobs.exchange(request)
            check.equal(reply.claimed.map(\.terms.limitKey), ["ada", "ada", "bob"], "a claim that asks for everything")
            let wake = try check.require(reply.nextWake, "nothing says when the next permit comes")
            check.expect(wake <= check.subject.now() + .milliseconds(200), "the next permit is said to come at \(wake)")
            check.equal(try await check.jobs.exchange(request).claimed, [], "a claim without a permit")
            try await check.subject.advance(by: .milliseconds(201))
            check.equal(try await check.jobs.exchange(request).claimed.count, 1, "a claim after one interval")
        },
        Rule("jobs of a limit key start by priority, then in their order, retries in their old place") { check in
            try await check.queues.change(.queue("q"), [.keyConcurrency(1)])
            let first = try await check.add(count: 1, key: "ada")[0]
            let later = try await check.add(count: 2, key: "ada")
            let urgent = try await check.add(count: 1, key: "ada") { $0.priority = -5 }[0]
            let worker = try await check.join()
            var order: [JobID] = []
            for round in 0..<5 {
                guard let job = try await check.claim(worker).first else { break }
                order.append(job.execution.job)
                let (outcome, next): (Outcome, NextStep) =
                    round == 0 ? (.failed, .wait(until: check.subject.now() + .seconds(-1))) : (.completed, .complete)
                try await check.end(job.execution, by: worker, outcome, next)
            }
            check.equal(order, [first, urgent, first] + later, "the order of starts")
        },
        Rule("a job that moves to another queue is counted there, and frees its place here") { check in
            try await check.queues.change(.queue("q"), [.keyConcurrency(1)])
            try await check.queues.change(.queue("r"), [.keyConcurrency(1)])
            let here = try await check.add(count: 2, key: "ada")
            let there = try await check.add(count: 1, key: "ada") { $0.queue = "r" }
            check.equal(try await check.control.edit([here[0]], JobEdit { $0.queue = "r" }), [.changed], "the answer")
            try await check.expectState(here[0], .waiting, "the job that moved")
            try await check.expectState(here[1], .available, "the one that stood behind it")
            let worker = try await check.join()
            check.equal(try await check.claim(worker, queues: ["q", "r"]).map(\.execution.job), [here[1]] + there, "a claim")
        },
        Rule("a job under a limit key that had ended is counted under it again when it is retried") { check in
            try await check.queues.change(.queue("q"), [.keyConcurrency(1)])
            let worker = try await check.join()
            let ids = try await check.add(count: 1, key: "ada")
            let job = try await check.claimOne(worker)
            try await check.end(job.execution, by: worker, .failed, .bury(reason: "max_attempts"))
            let other = try await check.add(count: 1, key: "ada")
            check.equal(try await check.control.retry(ids, resettingAttempts: true), [.retried], "the answer")
            try await check.expectState(ids[0], .waiting, "the job that was retried")
            check.equal(try await check.claim(worker).map(\.execution.job), other, "a claim")
        },
    ]
}
