// Rules about suspects and stuck executions: who is under suspicion, who runs alone, who is shown.

import Errand
import ErrandContext

extension RuleCheck {
    /// Lets a worker claim all that there is and die, as often as said; the culprit is `neighbour`, or unknown.
    func die(times: Int = 1, threshold: Int? = 3, neighbour: StoredError? = nil) async throws {
        for _ in 0..<times {
            let (casualty, _, watcher) = try await casualty()
            _ = try await jobs.rescue(RescueRequest(casualty, neighbourError: neighbour, suspectThreshold: threshold, convictionLimit: 3))
            try await jobs.leave(watcher)
        }
    }

    /// What `worker`, which holds nothing, gets and hears when it asks.
    func claimIdle(_ worker: WorkerID, limit: Int = 100, kinds: [String] = ["k"]) async throws -> ExchangeReply {
        var claim = RuleCheck.claim(limit: limit, kinds: kinds)
        claim.mayRunAlone = true
        return try await jobs.exchange(ExchangeRequest(worker: worker, claim: claim))
    }

    func isSuspect(_ id: JobID) async throws -> Bool { try await detail(id).summary.isSuspect }
}

extension JobStoreConformance {
    static let suspectRules: [Rule] = [
        Rule("a death of unknown cause interrupts everything in flight and makes nobody a suspect") { check in
            let ids = try await check.add(count: 50)
            try await check.die(times: 2)
            for id in ids {
                let detail = try await check.detail(id)
                check.equal(detail.summary.state, .available, "the state")
                check.equal(detail.summary.attempt, 0, "the attempts that counted")
                check.equal(detail.summary.crashes, 0, "the crashes")
                check.equal(detail.summary.isSuspect, false, "whether it is a suspect")
                check.equal(detail.executions.map(\.outcome), [.interrupted, .interrupted], "the outcomes")
            }
        },
        Rule("a job in flight at as many deaths in a row as the threshold says becomes a suspect, and only that") { check in
            let old = try await check.add { $0.maxAttempts = 1 }
            try await check.die(times: 2)
            let young = try await check.add()
            try await check.die()
            check.equal(try await check.isSuspect(old), true, "the job of three deaths")
            check.equal(try await check.isSuspect(young), false, "the job of one death")
            let summary = try await check.detail(old).summary
            check.equal(summary.state, .available, "the state of a suspect")
            check.equal(summary.crashes, 0, "the crashes of a suspect")
            check.equal(summary.attempt, 0, "the attempts of a suspect")
        },
        Rule("without a threshold nobody becomes a suspect") { check in
            let id = try await check.add()
            try await check.die(times: 6, threshold: nil)
            check.equal(try await check.isSuspect(id), false, "the job of six deaths")
        },
        Rule("an end of its own breaks a row of deaths; shutdowns, lost leases and known culprits neither count nor break it") { check in
            let id = try await check.add { $0.maxAttempts = 100 }
            func end(_ outcome: Outcome, _ next: NextStep) async throws {
                let worker = try await check.join()
                try await check.end(try await check.claimOne(worker).execution, by: worker, outcome, next)
                try await check.beat(worker)
                try await check.jobs.leave(worker)
            }
            try await check.die(times: 2)
            try await end(.failed, .wait(until: check.subject.now() + .seconds(-1)))
            try await check.die(times: 2)
            check.equal(try await check.isSuspect(id), false, "two deaths, a failure, two deaths")
            try await check.die(times: 4, neighbour: RuleCheck.neighbour)
            try await end(.interrupted, .giveBack)
            check.equal(try await check.isSuspect(id), false, "after neighbours and a shutdown")
            try await check.die()
            check.equal(try await check.isSuspect(id), true, "after the third death in the row")
        },
        Rule("a suspect is given to nobody who holds anything, and it says that it waits") { check in
            let suspect = try await check.add()
            try await check.die(times: 3)
            let other = try await check.add()
            let worker = try await check.join()
            let reply = try await check.jobs.exchange(ExchangeRequest(worker: worker, claim: RuleCheck.claim()))
            check.equal(reply.claimed.map(\.execution.job), [other], "what a busy worker gets")
            check.equal(reply.suspectsWait, true, "whether a suspect waits")
            try await check.expectState(suspect, .available, "the suspect")
        },
        Rule("a suspect comes first and alone, and suspects one at a time") { check in
            let suspects = try await check.add(count: 2)
            try await check.die(times: 3)
            let others = try await check.add(count: 2)
            let (one, two) = (try await check.join(), try await check.join())
            let first = try await check.claimIdle(one)
            check.equal(first.claimed.map(\.execution.job), [suspects[0]], "what an idle worker gets")
            check.equal(first.claimed.map(\.isSuspect), [true], "whether it is told")
            let second = try await check.claimIdle(two)
            check.equal(second.claimed.map(\.execution.job), others, "what another idle worker gets meanwhile")
            check.equal(second.claimed.map(\.isSuspect), [false, false], "whether others are suspects")
            check.equal(second.suspectsWait, false, "whether a suspect could run")
            try await check.end(try check.require(first.claimed.first, "nothing was claimed").execution, by: one, .completed, .complete)
            check.equal(try await check.claimIdle(one).claimed.map(\.execution.job), [suspects[1]], "what comes next")
        },
        Rule("a suspect of a kind or queue that was not asked for is neither given nor announced") { check in
            _ = try await check.add()
            try await check.die(times: 3)
            let reply = try await check.claimIdle(try await check.join(), kinds: ["else"])
            check.equal(reply.claimed, [], "what was claimed")
            check.equal(reply.suspectsWait, false, "whether a suspect waits")
        },
        Rule("a suspect that comes to an end of its own is free of suspicion; one that is cut stays under it") { check in
            let id = try await check.add { $0.maxAttempts = 100 }
            try await check.die(times: 3)
            let worker = try await check.join()
            func run(_ outcome: Outcome, _ next: NextStep) async throws {
                let claimed = try check.require(try await check.claimIdle(worker).claimed.first, "the suspect was not given")
                try await check.end(claimed.execution, by: worker, outcome, next)
                try await check.beat(worker)
            }
            try await run(.interrupted, .giveBack)
            check.equal(try await check.isSuspect(id), true, "after a shutdown")
            try await run(.failed, .wait(until: check.subject.now() + .seconds(-1)))
            check.equal(try await check.isSuspect(id), false, "after a failure of its own")
            check.equal(try await check.claim(worker).map(\.execution.job), [id], "what a busy worker gets then")
        },
        Rule("a convicted suspect stays under suspicion until it is dead of poison") { check in
            let id = try await check.add { $0.maxAttempts = 1 }
            try await check.die(times: 3)
            for round in 1...3 {
                let victim = try await check.join()
                let claimed = try check.require(try await check.claimIdle(victim).claimed.first, "not given in round \(round)")
                check.equal(claimed.isSuspect, true, "whether round \(round) is told")
                try await check.subject.crashAndReopen()
                let watcher = try await check.join()
                let casualty = try check.require(try await check.jobs.casualties(seenBy: watcher).first, "no casualty was found")
                let conviction = Conviction(claimed.execution, error: RuleCheck.crash, retryAt: check.subject.now() + .seconds(-1))
                _ = try await check.jobs.rescue(
                    RescueRequest(casualty, convictions: [conviction], suspectThreshold: 3, convictionLimit: 3))
                try await check.beat(watcher)
                try await check.jobs.leave(watcher)
                check.equal(try await check.isSuspect(id), round < 3, "whether it is a suspect after round \(round)")
                try await check.expectState(id, round < 3 ? .available : .dead, "the job after round \(round)")
            }
            let summary = try await check.detail(id).summary
            check.equal(summary.reason, "poison", "the reason")
            check.equal(summary.crashes, 3, "the crashes")
        },
        Rule("a suspect can be cancelled, and is no suspect any more when it is retried") { check in
            let id = try await check.add()
            try await check.die(times: 3)
            check.equal(try await check.control.cancel([id], reason: "enough"), [.cancelled], "the answer")
            check.equal(try await check.isSuspect(id), false, "whether a cancelled job is a suspect")
            check.equal(try await check.control.retry([id], resettingAttempts: false), [.retried], "the answer to the retry")
            check.equal(try await check.claim(try await check.join()).map(\.execution.job), [id], "what a busy worker gets")
        },
        Rule("suspects are counted and listed among the available") { check in
            let ids = try await check.add(count: 2)
            try await check.die(times: 3)
            let counts = try await check.inspection.stats().counts
            check.equal(counts.filter { $0.state == .available }.map(\.jobs), [2], "the count")
            var selector = JobSelector()
            selector.states = [.available]
            check.equal(try await check.list(selector).map(\.id).sorted(), ids, "the list")
            check.equal(
                try await check.control.retry(ids, resettingAttempts: false), [.refused(.available), .refused(.available)], "a retry")
        },
        Rule("an execution that its worker calls stuck is shown so until it ends, and only that one") { check in
            let ids = try await check.add(count: 2) { $0.maxAttempts = 100 }
            let (worker, stranger) = (try await check.join(), try await check.join())
            let held = try await check.claim(worker).map(\.execution)
            _ = try await check.jobs.exchange(ExchangeRequest(worker: stranger, stuck: held))
            for id in ids { check.equal(try await check.detail(id).summary.stuckSince, nil, "what a stranger calls stuck") }
            _ = try await check.jobs.exchange(ExchangeRequest(worker: worker, stuck: [held[0], ExecutionID(ids[1], 99)]))
            check.expect(try await check.detail(ids[0]).summary.stuckSince != nil, "the stuck execution is not shown")
            check.equal(try await check.detail(ids[1]).summary.stuckSince, nil, "its neighbour")
            try await check.end(held[0], by: worker, .cancelled, .giveBack)
            check.equal(try await check.detail(ids[0]).summary.stuckSince, nil, "after its end")
            _ = try await check.claimOne(worker)
            check.equal(try await check.detail(ids[0]).summary.stuckSince, nil, "its job's next execution")
        },
    ]
}
