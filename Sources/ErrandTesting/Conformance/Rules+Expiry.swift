// Rules about jobs that end by themselves: expiry before the start, a deadline for all attempts together.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let expiryRules: [Rule] = [
        Rule("a job that has not started by its expiry is cancelled with the reason expired, by the next step of any worker") { check in
            let now = check.subject.now()
            let available = try await check.add { $0.terms.expiresAt = now + .milliseconds(100) }
            let delayed = try await check.add { ($0.runAt, $0.terms.expiresAt) = (now + .milliseconds(50), now + .milliseconds(100)) }
            let stranger = try await check.add { ($0.queue, $0.kind, $0.terms.expiresAt) = ("r", "s", now + .milliseconds(100)) }
            let other = try await check.add()
            try await check.subject.advance(by: .milliseconds(200))
            try await check.expectState(available, .available, "as long as nobody looks")
            let worker = try await check.join()
            check.equal(try await check.claim(worker).map(\.execution.job), [other], "what is claimed")
            for id in [available, delayed, stranger] {
                let summary = try await check.detail(id).summary
                check.equal(summary.state, .cancelled, "the state")
                check.equal(summary.reason, "expired", "the reason")
                check.expect(summary.finishedAt != nil, "an expired job has an end")
            }
            check.equal(try await check.beat(worker).nextWake, nil, "the next wake afterwards")
        },
        Rule("a job that has started in time does not expire, whatever becomes of that execution") { check in
            let expiry = check.subject.now() + .milliseconds(400)
            let id = try await check.add { $0.terms.expiresAt = expiry }
            let worker = try await check.join()
            guard let claimed = try await check.claim(worker).first else { return }
            check.equal(claimed.terms.expiresAt, expiry, "the terms that the worker sees")
            try await check.subject.advance(by: .milliseconds(500))
            check.equal(try await check.beat(worker).nextWake, nil, "the next wake while it runs")
            try await check.end(claimed.execution, by: worker, .failed, .wait(until: check.subject.now() + .seconds(-1)))
            check.equal(try await check.claimOne(worker).execution.job, id, "what is claimed after the expiry")
        },
        Rule("the next wake is also that of the next expiry or deadline of a job that does not run") { check in
            let now = check.subject.now()
            let worker = try await check.join()
            let late = try await check.add { $0.terms.deadline = now + .seconds(7200) }
            check.equal(try await check.beat(worker).nextWake, now + .seconds(7200), "with a deadline")
            let soon = try await check.add { ($0.priority, $0.terms.expiresAt) = (-1, now + .seconds(3600)) }
            check.equal(try await check.beat(worker).nextWake, now + .seconds(3600), "with an earlier expiry")
            check.equal(try await check.claimOne(worker).execution.job, soon, "what starts")
            check.equal(try await check.beat(worker).nextWake, now + .seconds(7200), "once that has started")
            _ = try await check.control.cancel([late], reason: nil)
            check.equal(try await check.beat(worker).nextWake, nil, "once the other is cancelled")
        },
        Rule("a job that waits at its deadline is dead with the reason deadline, retryable and held ones too") { check in
            let deadline = check.subject.now() + .milliseconds(400)
            func input() -> NewJob {
                RuleCheck.unique(.keepLast) { ($0.terms.deadline, $0.maxAttempts) = (deadline, 9) }
            }
            let worker = try await check.join()
            let id = try await check.enqueue(input()).id
            let other = try await check.add { $0.terms.deadline = deadline }
            for claimed in try await check.claim(worker, limit: 1) {
                check.equal(claimed.execution.job, id, "what is claimed")
                let held = try await check.enqueue(input()).id
                try await check.end(claimed.execution, by: worker, .failed, .wait(until: check.subject.now()))
                try await check.subject.advance(by: .milliseconds(500))
                try await check.beat(worker)
                for job in [id, other, held] {
                    let summary = try await check.detail(job).summary
                    check.equal(
                        summary.state, .dead,
                        "the state of \(job == id ? "the retryable" : job == other ? "the available" : "the held") one")
                    check.equal(summary.reason, "deadline", "the reason")
                }
                check.equal(try await check.detail(id).executions.map(\.outcome), [.failed], "the executions of the retryable one")
            }
        },
        Rule("a job that would run again at its deadline or later is dead at once, after a retry, a snooze, a shutdown and a rescue") {
            check in
            let worker = try await check.join()
            let deadline = check.subject.now() + .seconds(3600)
            let endings: [(Outcome, NextStep)] = [
                (.failed, .wait(until: deadline)), (.snoozed, .wait(until: deadline + .seconds(1))), (.timedOut, .bury(reason: "deadline")),
            ]
            for (outcome, next) in endings {
                let id = try await check.add { $0.terms.deadline = deadline }
                try await check.end(try await check.claimOne(worker).execution, by: worker, outcome, next)
                let summary = try await check.detail(id).summary
                check.equal(summary.state, .dead, "the state after \(outcome)")
                check.equal(summary.reason, "deadline", "the reason after \(outcome)")
            }
            let early = try await check.add { $0.terms.deadline = deadline }
            try await check.end(
                try await check.claimOne(worker).execution, by: worker, .failed, .wait(until: deadline + .seconds(-1)))
            try await check.expectState(early, .retryable, "one that is tried again before its deadline")
            _ = try await check.control.cancel([early], reason: nil)
            let near = check.subject.now() + .milliseconds(400)
            let ids = try await check.add(count: 2) { $0.terms.deadline = near }
            let claimed = try await check.claim(worker)
            guard claimed.count == 2 else { return }
            try await check.subject.advance(by: .milliseconds(500))
            try await check.end(claimed[0].execution, by: worker, .interrupted, .giveBack)
            try await check.expectState(claimed[0].execution.job, .dead, "the one that was given back")
            try await check.subject.crashAndReopen()
            let watcher = try await check.join()
            try await check.rescueAll(by: watcher)
            for id in ids { check.equal(try await check.detail(id).summary.reason, "deadline", "the reason") }
        },
        Rule("an operator's retry of a job that had ended lifts its expiry and its deadline") { check in
            let now = check.subject.now()
            let id = try await check.add { ($0.terms.expiresAt, $0.terms.tags) = (now + .milliseconds(50), ["kept"]) }
            try await check.subject.advance(by: .milliseconds(100))
            let worker = try await check.join()
            try await check.beat(worker)
            try await check.expectState(id, .cancelled, "the expired job")
            check.equal(try await check.control.retry([id], resettingAttempts: false), [.retried], "the retry")
            let claimed = try await check.claimOne(worker)
            check.equal(claimed.execution.job, id, "what is claimed")
            check.equal(claimed.terms.expiresAt, nil, "the expiry")
            check.equal(claimed.terms.tags, ["kept"], "the other terms")
            try await check.end(claimed.execution, by: worker, .failed, .wait(until: check.subject.now() + .seconds(-1)))
            check.equal(try await check.claimOne(worker).execution.job, id, "the next attempt")
        },
        Rule("of jobs that have expired by the thousand none starts") { check in
            let expiry = check.subject.now() + .milliseconds(400)
            let ids = try await check.add(count: 1200) { $0.terms.expiresAt = expiry }
            try await check.subject.advance(by: .milliseconds(500))
            let last = try await check.add()
            let worker = try await check.join()
            var claimed: [JobID] = []
            for _ in 0..<10 where claimed.isEmpty { claimed = try await check.claim(worker).map(\.execution.job) }
            check.equal(claimed, [last], "what is claimed")
            let states = Set(try await check.inspection.states(of: ids))
            check.equal(states, [.cancelled], "the states of the others")
        },
    ]
}
