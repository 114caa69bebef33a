// Rules about time: delayed jobs, their promotion, and when a worker is to look again.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let timeRules: [Rule] = [
        Rule("a job starts at its time and not before") { check in
            let start = check.subject.now() + .milliseconds(400)
            let id = try await check.add { $0.runAt = start }
            try await check.expectState(id, .scheduled, "a job with a time to come")
            let worker = try await check.join()
            let early = try await check.jobs.exchange(ExchangeRequest(worker: worker, claim: RuleCheck.claim()))
            if check.subject.now() < start {
                check.equal(early.claimed, [], "a claim before its time")
                check.equal(early.nextWake, start, "when to look again")
                try await check.subject.advance(by: .milliseconds(500))
                let due = try await check.jobs.exchange(ExchangeRequest(worker: worker, claim: RuleCheck.claim()))
                check.equal(due.claimed.map(\.execution.job), [id], "a claim after its time")
                check.equal(due.nextWake, nil, "when to look again, with nothing scheduled")
            }
        },
        Rule("a job with a time in the past may start at once") { check in
            let id = try await check.add { $0.runAt = check.subject.now() + .seconds(-3600) }
            let worker = try await check.join()
            check.equal(try await check.claim(worker).map(\.execution.job), [id], "a claim")
        },
        Rule("the next wake is the earliest start of any scheduled or retryable job, whatever its queue and kind") { check in
            let worker = try await check.join()
            check.equal(try await check.beat(worker).nextWake, nil, "with nothing scheduled")
            let now = check.subject.now()
            let far = try await check.add { $0.runAt = now + .seconds(7200) }
            check.equal(try await check.beat(worker).nextWake, now + .seconds(7200), "with one job scheduled")
            let near = try await check.add { ($0.queue, $0.kind, $0.runAt) = ("other", "stranger", now + .seconds(3600)) }
            check.equal(try await check.beat(worker).nextWake, now + .seconds(3600), "with a nearer stranger")
            _ = try await check.add()
            let claimed = try await check.claimOne(worker)
            let report = check.report(claimed.execution, .failed, .wait(until: now + .seconds(1800)))
            check.equal(try await check.beat(worker, [report]).nextWake, now + .seconds(1800), "with a retry that comes before both")
            _ = try await check.control.cancel([near, claimed.execution.job], reason: nil)
            check.equal(try await check.beat(worker).nextWake, now + .seconds(7200), "after the nearer ones are cancelled")
            _ = try await check.control.cancel([far], reason: nil)
            check.equal(try await check.beat(worker).nextWake, nil, "after all are cancelled")
        },
        Rule("scheduled jobs survive a crash and start at their time") { check in
            let id = try await check.add { $0.runAt = check.subject.now() + .milliseconds(50) }
            try await check.subject.crashAndReopen()
            try await check.subject.advance(by: .milliseconds(100))
            let worker = try await check.join()
            check.equal(try await check.claim(worker).map(\.execution.job), [id], "a claim after the crash and its time")
        },
        Rule("what becomes due in many queues and kinds is promoted by whichever worker steps next") { check in
            let now = check.subject.now()
            let mine = try await check.add { $0.runAt = now + .milliseconds(50) }
            let other = try await check.add { ($0.queue, $0.kind, $0.runAt) = ("r", "stranger", now + .milliseconds(50)) }
            let worker = try await check.join()
            try await check.subject.advance(by: .milliseconds(100))
            try await check.beat(worker)
            check.equal(try await check.inspection.states(of: [mine, other]), [.available, .available], "the states after a step")
        },
        Rule("IDs grow although the wall clock goes back and the newest job is pruned") { check in
            let worker = try await check.join()
            var ids = try await check.finished(.completed, count: 3, by: worker)
            // On a store with the real clock the same must hold without a jump.
            _ = try await check.subject.jumpWall(by: .seconds(-7200))
            ids.append(try await check.add())
            try await check.end(try await check.claimOne(worker).execution, by: worker, .completed, .complete)
            _ = try await check.subject.jumpWall(by: .seconds(7200 + 60))
            try await check.subject.advance(by: .milliseconds(5))
            check.equal(try await check.prune(RuleCheck.policy { $0.completed = .zero }), ids, "what was pruned")
            _ = try await check.subject.jumpWall(by: .seconds(-86_400))
            try await check.subject.crashAndReopen()
            ids += try await check.add(count: 2)
            check.equal(ids, Array(Set(ids)).sorted(), "the IDs in the order of enqueueing")
        },
        Rule("a jump of the wall clock neither ends a lease nor prolongs it") { check in
            let late = try await check.join(lease: .seconds(2))
            let watcher = try await check.join()
            for jump in [3600, -7200] {
                _ = try await check.subject.jumpWall(by: .seconds(jump))
                check.equal(try await check.jobs.casualties(seenBy: watcher), [], "the casualties after a jump of \(jump) s")
            }
            try await check.subject.advance(by: .milliseconds(2200))
            check.equal(try await check.jobs.casualties(seenBy: watcher).map(\.worker), [late], "the casualties after the lease")
        },
        Rule("a retried job is claimed again at its time, with the next attempt") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let first = try await check.claimOne(worker)
            let start = check.subject.now() + .milliseconds(50)
            try await check.end(first.execution, by: worker, .failed, .wait(until: start))
            try await check.subject.advance(by: .milliseconds(100))
            let second = try await check.claimOne(worker)
            check.equal(second.execution.job, id, "the job")
            check.equal(second.attempt, 2, "the attempt")
        },
    ]
}
