// Rules about workers: joining, dying, being late, being rescued, leaving.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let workerRules: [Rule] = [
        Rule("workers get different IDs, and a living one is nobody's casualty") { check in
            let (a, b) = (try await check.join(), try await check.join())
            check.expect(a != b, "two workers have the ID \(a)")
            check.equal(try await check.jobs.casualties(seenBy: a), [], "the casualties that one sees")
            check.equal(try await check.jobs.casualties(seenBy: b), [], "the casualties that the other sees")
        },
        Rule("a dead worker is found with what it held, and rescue gives its jobs back at once, refunded") { check in
            let ids = try await check.add(count: 2)
            let dead = try await check.join()
            let held = try await check.claim(dead)
            try await check.subject.crashAndReopen()
            let watcher = try await check.join()
            let casualties = try await check.jobs.casualties(seenBy: watcher)
            check.equal(casualties.map(\.worker), [dead], "the casualties")
            check.equal(casualties.map(\.cause), [.dead], "how it is known")
            let executions = held.map(\.execution).sorted()
            check.equal(casualties.first?.executions.sorted(), executions, "what it held")
            check.equal(try await check.inspection.states(of: ids), [.running, .running], "the states before the rescue")
            check.equal(try await check.rescueAll(by: watcher), executions, "what was cut")
            for id in ids {
                let detail = try await check.detail(id)
                check.equal(detail.summary.state, .available, "the state")
                check.equal(detail.summary.attempt, 0, "the attempts that counted")
                check.equal(detail.summary.crashes, 0, "the crashes")
                check.equal(detail.executions.map(\.outcome), [.interrupted], "the outcomes")
                check.expect(detail.executions.allSatisfy { $0.finishedAt != nil }, "a cut execution has an end")
            }
            check.equal(try await check.jobs.casualties(seenBy: watcher), [], "the casualties after the rescue")
            let again = try await check.claim(watcher)
            check.equal(again.map(\.execution.job), ids, "what the watcher claims")
            check.equal(again.map(\.attempt), [1, 1], "the attempts")
        },
        Rule("a dead worker that held nothing is a casualty too, and is cleared away") { check in
            let dead = try await check.join()
            try await check.subject.crashAndReopen()
            let watcher = try await check.join()
            check.equal(try await check.jobs.casualties(seenBy: watcher).map(\.worker), [dead], "the casualties")
            check.equal(try await check.rescueAll(by: watcher), [], "what was cut")
            check.equal(try await check.jobs.casualties(seenBy: watcher), [], "the casualties after the rescue")
            check.equal(try await check.inspection.stats().workers.map(\.id), [watcher], "the live workers")
        },
        Rule("a casualty is rescued once") { check in
            _ = try await check.add()
            let dead = try await check.join()
            _ = try await check.claimOne(dead)
            try await check.subject.crashAndReopen()
            let watcher = try await check.join()
            let casualty = try check.require(try await check.jobs.casualties(seenBy: watcher).first, "no casualty was found")
            check.equal(try await check.jobs.rescue(casualty, suspectThreshold: nil).count, 1, "what the first rescue cut")
            let next = try await check.claimOne(watcher)
            check.equal(try await check.jobs.rescue(casualty, suspectThreshold: nil), [], "what the second rescue cut")
            try await check.end(next.execution, by: watcher, .completed, .complete)
        },
        Rule("two rescues at once cut an execution once") { check in
            _ = try await check.add(count: 3)
            let dead = try await check.join()
            let held = try await check.claim(dead)
            try await check.subject.crashAndReopen()
            let watcher = try await check.join()
            let casualty = try check.require(try await check.jobs.casualties(seenBy: watcher).first, "no casualty was found")
            let jobs = check.jobs
            async let one = jobs.rescue(casualty, suspectThreshold: nil)
            async let two = jobs.rescue(casualty, suspectThreshold: nil)
            let cut = try await one + two
            check.equal(cut.sorted(), held.map(\.execution).sorted(), "what both cut together")
        },
        Rule("a worker whose lease has run out is overdue; its rescued executions are lost and refunded") { check in
            let id = try await check.add()
            let late = try await check.join(lease: .seconds(1))
            let watcher = try await check.join()
            let claimed = try await check.claimOne(late)
            check.equal(try await check.jobs.casualties(seenBy: watcher), [], "the casualties within the lease")
            try await check.subject.advance(by: .milliseconds(1200))
            let casualties = try await check.jobs.casualties(seenBy: watcher)
            check.equal(casualties.map(\.worker), [late], "the casualties")
            check.equal(casualties.map(\.cause), [.overdue], "how it is known")
            check.equal(try await check.rescueAll(by: watcher), [claimed.execution], "what was cut")
            let detail = try await check.detail(id)
            check.equal(detail.summary.state, .available, "the state")
            check.equal(detail.summary.attempt, 0, "the attempts that counted")
            check.equal(detail.executions.map(\.outcome), [.lost], "the outcomes")
        },
        Rule("a sign of life after the look undoes the judgement") { check in
            let late = try await check.overdueWorker()
            check.expect(try await check.beat(late.id).isRegistered, "the late worker is not registered any more")
            check.equal(try await check.jobs.rescue(late.casualty, suspectThreshold: nil), [], "what the rescue cut")
            check.equal(try await check.jobs.casualties(seenBy: late.watcher), [], "the casualties after the sign of life")
            try await check.expectState(late.job, .running, "the job")
            try await check.end(late.held, by: late.id, .completed, .complete)
        },
        Rule("a sign of life after the look forbids to condemn") { check in
            let late = try await check.join(lease: .seconds(1))
            let watcher = try await check.join()
            try await check.subject.advance(by: .milliseconds(1200))
            let casualty = try check.require(try await check.jobs.casualties(seenBy: watcher).first, "no casualty was found")
            check.expect(try await check.beat(late).isRegistered, "the late worker is not registered any more")
            check.expect(try await check.jobs.condemn(casualty) == nil, "a worker that lives was condemned")
            check.expect(try await check.beat(late).isRegistered, "a worker that lives was taken from the register")
        },
        Rule("a condemned worker's reports are refused while its jobs still run, and the rescue that follows gives them back") { check in
            let zombie = try await check.overdueWorker()
            let (id, old) = (zombie.job, zombie.held)
            let condemned = try check.require(try await check.jobs.condemn(zombie.casualty), "an overdue worker was not condemned")
            try await check.expectState(id, .running, "the job of a condemned worker")
            let reply = try await check.beat(zombie.id, [check.report(old, .failed, .bury(reason: "max_attempts"))])
            check.expect(!reply.isRegistered, "a condemned worker is still registered")
            check.equal(reply.results, [.leaseLost], "its report")
            check.equal(try await check.jobs.casualties(seenBy: zombie.watcher).flatMap(\.executions), [old], "what others can rescue")
            check.equal(try await check.jobs.rescue(condemned, suspectThreshold: nil), [old], "what was cut")
            check.equal(try await check.detail(id).executions.map(\.outcome), [.lost], "the outcomes")
            try await check.expectState(id, .available, "the job")
        },
        Rule("whoever finishes the rescue of a worker that was condemned by time does not take it for dead while it lives") { check in
            let late = try await check.overdueWorker()
            // Its rescuer dies here, or is still ending orphans when another one looks.
            _ = try check.require(try await check.jobs.condemn(late.casualty), "an overdue worker was not condemned")
            let found = try check.require(try await check.jobs.casualties(seenBy: late.watcher).first, "what it held is not found")
            check.equal(found.cause, .overdue, "how its end is known")
            check.equal(try await check.jobs.rescue(found, suspectThreshold: 1), [late.held], "what was cut")
            let detail = try await check.detail(late.job)
            check.equal(detail.executions.map(\.outcome), [.lost], "the outcomes")
            check.equal(detail.summary.isSuspect, false, "whether its job is a suspect, although nobody died")
        },
        Rule("a worker that was condemned by time and has died since is dead") { check in
            let late = try await check.overdueWorker()
            _ = try check.require(try await check.jobs.condemn(late.casualty), "an overdue worker was not condemned")
            try await check.subject.crashAndReopen()
            let watcher = try await check.join()
            let found = try await check.jobs.casualties(seenBy: watcher).filter { !$0.executions.isEmpty }
            check.equal(found.map(\.cause), [.dead], "how its end is known")
            check.equal(found.flatMap(\.executions), [late.held], "what it held")
        },
        Rule("steps renew the lease") { check in
            let busy = try await check.join(lease: .seconds(2))
            let watcher = try await check.join()
            for _ in 0..<4 {
                try await check.subject.advance(by: .milliseconds(800))
                check.expect(try await check.beat(busy).isRegistered, "a worker that renews in time is not registered any more")
            }
            check.equal(try await check.jobs.casualties(seenBy: watcher), [], "the casualties after 3.2 s with a lease of 2 s")
        },
        Rule("a worker that is late itself rescues nobody by time") { check in
            let (a, b) = (try await check.join(lease: .seconds(1)), try await check.join(lease: .seconds(1)))
            try await check.subject.advance(by: .milliseconds(1200))
            check.equal(try await check.jobs.casualties(seenBy: a), [], "what a late worker sees")
            try await check.beat(a)
            check.equal(try await check.jobs.casualties(seenBy: a), [], "what it sees when it has just renewed")
            check.expect(try await check.beat(b).isRegistered, "the other late worker is not registered any more")
        },
        Rule("a worker that was rescued learns it, claims nothing, and its reports are refused") { check in
            let id = try await check.add()
            let zombie = try await check.join(lease: .seconds(1))
            let watcher = try await check.join()
            let old = try await check.claimOne(zombie)
            try await check.subject.advance(by: .milliseconds(1200))
            try await check.rescueAll(by: watcher)
            let reply = try await check.jobs.exchange(
                ExchangeRequest(
                    worker: zombie, reports: [check.report(old.execution, .completed, .complete)], claim: RuleCheck.claim()))
            check.expect(!reply.isRegistered, "a rescued worker is still registered")
            check.equal(reply.results, [.leaseLost], "its report")
            check.equal(reply.claimed, [], "what it claimed")
            let new = try await check.claimOne(watcher)
            check.expect(new.execution.ordinal > old.execution.ordinal, "the ordinal did not grow: \(old.execution), \(new.execution)")
            check.equal(
                try await check.beat(zombie, [check.report(old.execution, .completed, .complete)]).results, [.leaseLost], "its later report"
            )
            try await check.end(new.execution, by: watcher, .completed, .complete)
            check.equal(try await check.detail(id).executions.map(\.outcome), [.lost, .completed], "the outcomes")
        },
        Rule("a worker that leaves is gone; what it still holds is found and rescued") { check in
            let id = try await check.add()
            let leaver = try await check.join()
            let claimed = try await check.claimOne(leaver)
            try await check.jobs.leave(leaver)
            try await check.expectState(id, .running, "the job that a leaver held")
            let watcher = try await check.join()
            check.equal(try await check.inspection.stats().workers.map(\.id), [watcher], "the live workers")
            check.equal(
                try await check.jobs.casualties(seenBy: watcher).flatMap(\.executions), [claimed.execution], "what is to be rescued")
            check.equal(try await check.rescueAll(by: watcher), [claimed.execution], "what was cut")
            try await check.expectState(id, .available, "the job after the rescue")
        },
        Rule("a worker that leaves with empty hands leaves nothing to rescue") { check in
            let (leaver, watcher) = (try await check.join(), try await check.join())
            try await check.jobs.leave(leaver)
            check.expect(!(try await check.beat(leaver).isRegistered), "a worker that left is still registered")
            check.equal(try await check.jobs.casualties(seenBy: watcher), [], "the casualties")
        },
        Rule("only dead workers lose their jobs in a crash of some") { check in
            let ids = try await check.add(count: 2)
            let dead = try await check.join()
            let lost = try await check.claim(dead, limit: 1)
            try await check.subject.crashAndReopen()
            let alive = try await check.join()
            let kept = try await check.claim(alive, limit: 1)
            let watcher = try await check.join()
            check.equal(try await check.rescueAll(by: watcher), lost.map(\.execution), "what was cut")
            check.equal(try await check.inspection.states(of: ids), [.available, .running], "the states")
            try await check.end(kept[0].execution, by: alive, .completed, .complete)
        },
    ]
}
