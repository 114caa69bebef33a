// Rules about what waits for what: blocked until the end of what it waits for, and then as its policy says.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let dependencyRules: [Rule] = [
        Rule("a job waits until the last of what it depends on has completed, and is due then") { check in
            let first = try await check.add(count: 2)
            let last = try await check.add { $0.after = first.map { Dependency(.job($0)) } }
            try await check.expectState(last, .blocked, "a job with dependencies")
            let worker = try await check.join()
            let held = try await check.claim(worker)
            check.equal(held.map(\.execution.job), first, "what can be claimed")
            try await check.end(held[0].execution, by: worker, .completed, .complete)
            try await check.expectState(last, .blocked, "after one of two")
            try await check.subject.crashAndReopen()
            let other = try await check.join()
            try await check.rescueAll(by: other)
            let again = try await check.claimOne(other)
            try await check.subject.advance(by: .seconds(1))
            let before = check.subject.now()
            try await check.end(again.execution, by: other, .completed, .complete)
            try await check.expectState(last, .available, "after both")
            let due = try await check.detail(last).summary.runAt
            check.expect((before...check.subject.now()).contains(due), "it is due at \(due), released after \(before)")
            check.equal(try await check.claimOne(other).execution.job, last, "what is claimed next")
            let records = try await check.workflows.dependencies(of: [last, first[0]])
            check.equal(records[last]?.map(\.prerequisite), first.map { .job($0) }, "what it has waited for")
            check.equal(records[last]?.map(\.isOpen), [false, false], "whether it still does")
            check.equal(records[first[0]], nil, "what the first waits for")
            check.equal(
                try await check.workflows.dependents(of: first.map { .job($0) }, limit: 10), [last], "who waits for the first")
        },
        Rule("a report that releases a job lets the same step claim it") { check in
            let first = try await check.add()
            let last = try await check.add { $0.after = [Dependency(.job(first))] }
            let worker = try await check.join()
            let held = try await check.claimOne(worker)
            let reply = try await check.jobs.exchange(
                ExchangeRequest(worker: worker, reports: [check.report(held.execution, .completed, .complete)], claim: RuleCheck.claim()))
            check.equal(reply.claimed.map(\.execution.job), [last], "what the step gives")
        },
        Rule("death and cancellation cascade, are ignored, or held on to, as the policy says") { check in
            for isCancelled in [false, true] {
                let first = try await check.add()
                var ids: [DependencyPolicy: JobID] = [:]
                for policy in DependencyPolicy.allCases {
                    ids[policy] = try await check.add { $0.after = [Dependency(.job(first), ifFailed: policy)] }
                }
                let below = try await check.add { job in
                    job.after = [Dependency(.job(ids[.cascade] ?? first)), Dependency(.job(ids[.ignore] ?? first))]
                }
                let worker = try await check.join()
                let held = try await check.claimOne(worker)
                try await check.end(
                    held.execution, by: worker, .failed, isCancelled ? .cancel(reason: "x") : .bury(reason: "max_attempts"))
                let states = try await check.inspection.states(of: DependencyPolicy.allCases.compactMap { ids[$0] } + [below])
                check.equal(states, [.cancelled, .available, .blocked, .cancelled], "cascade, ignore, hold, and below")
                let reason = try await check.detail(try check.require(ids[.cascade], "no job")).summary.reason ?? ""
                check.expect(reason.contains(first.description), "the reason \"\(reason)\" does not name \(first)")
                // The one that holds on goes on once that has completed after all.
                check.equal(try await check.control.retry([first], resettingAttempts: false), [.retried], "the retry")
                let executions = try await check.claim(worker).map(\.execution)
                for execution in executions { try await check.end(execution, by: worker, .completed, .complete) }
                try await check.expectState(try check.require(ids[.hold], "no job"), .available, "the one that held on")
                for id in DependencyPolicy.allCases.compactMap({ ids[$0] }) + [below, first] {
                    _ = try await check.control.delete([id], evenLive: true)
                }
            }
        },
        Rule("a job that is added after an end goes by that end") { check in
            let ids = try await check.add(count: 3)
            let worker = try await check.join()
            let held = try await check.claim(worker)
            let ends: [(Outcome, NextStep)] = [(.completed, .complete), (.failed, .bury(reason: "x")), (.cancelled, .cancel(reason: nil))]
            for (execution, end) in zip(held, ends) { try await check.end(execution.execution, by: worker, end.0, end.1) }
            let wanted: [DependencyPolicy: [JobState]] = [
                .cascade: [.available, .cancelled, .cancelled], .ignore: [.available, .available, .available],
                .hold: [.available, .blocked, .blocked],
            ]
            for policy in DependencyPolicy.allCases {
                for (id, state) in zip(ids, wanted[policy] ?? []) {
                    let late = try await check.add { $0.after = [Dependency(.job(id), ifFailed: policy)] }
                    let before = try await check.state(id)
                    try await check.expectState(late, state, "\(policy) after one that is \(before?.rawValue ?? "gone")")
                }
            }
        },
        Rule("a dependency that is not on record is refused, and nothing is added") { check in
            let gone = try await check.add()
            _ = try await check.control.delete([gone], evenLive: true)
            for dependency in [Prerequisite.job(gone), .workflow(WorkflowID(rawValue: gone.rawValue)), .entry(1), .entry(2)] {
                do {
                    _ = try await check.jobs.enqueue([RuleCheck.input(), RuleCheck.input { $0.after = [Dependency(dependency)] }])
                    check.fail("a job after \(dependency) was added")
                } catch JobStoreError.refused {
                }
            }
            check.equal(try await check.list().count, 0, "how many jobs there are")
        },
        Rule("the repetition of an enqueue gives the same job, also when what it waited for is gone") { check in
            let first = try await check.add()
            func draft() -> NewJob {
                RuleCheck.input {
                    $0.key = "k"
                    $0.after = [Dependency(.job(first), ifFailed: .ignore)]
                }
            }
            let id = try await check.jobs.enqueue([draft()])[0].id
            check.equal(try await check.control.delete([first], evenLive: true), [.changed], "the deletion")
            check.equal(try await check.jobs.enqueue([draft()]), [.existing(id)], "the repetition")
        },
        Rule("jobs of one call can wait for each other") { check in
            let results = try await check.jobs.enqueue([
                RuleCheck.input(), RuleCheck.input { $0.after = [Dependency(.entry(0))] },
                RuleCheck.input { $0.after = [Dependency(.entry(0)), Dependency(.entry(1), ifFailed: .ignore)] },
            ])
            let ids = results.map(\.id)
            check.equal(try await check.inspection.states(of: ids), [.available, .blocked, .blocked], "the states")
            let records = try await check.workflows.dependencies(of: ids)
            check.equal(records[ids[2]]?.map(\.prerequisite), [.job(ids[0]), .job(ids[1])], "what the last waits for")
            check.equal(records[ids[2]]?.map(\.ifFailed), [.cascade, .ignore], "the policies")
        },
        Rule("very many that wait for one end are all released, and a crash in between loses none") { check in
            let first = try await check.add()
            let many = try await check.add(count: 1300) { $0.after = [Dependency(.job(first))] }
            let worker = try await check.join()
            let held = try await check.claimOne(worker)
            try await check.end(held.execution, by: worker, .completed, .complete)
            try await check.subject.crashAndReopen()
            let other = try await check.join()
            for _ in 0..<4 { try await check.beat(other) }
            check.equal(try await check.inspection.states(of: many).filter { $0 != .available }, [], "those that still wait")
        },
        Rule("very many that wait for one death are all cancelled, chain after chain") { check in
            let first = try await check.add()
            let wide = try await check.add(count: 600) { $0.after = [Dependency(.job(first))] }
            var chain = [first]
            for _ in 0..<600 {
                let above = chain[chain.count - 1]
                chain.append(try await check.add { $0.after = [Dependency(.job(above))] })
            }
            check.equal(try await check.control.cancel([first], reason: nil), [.cancelled], "the first")
            let worker = try await check.join()
            for _ in 0..<5 { try await check.beat(worker) }
            check.equal(try await check.inspection.states(of: wide + chain).filter { $0 != .cancelled }, [], "those that still wait")
        },
        Rule("a job that is blocked can be looked at, edited, cancelled and deleted, and promoted on request") { check in
            let first = try await check.add()
            func add() async throws -> JobID { try await check.add { $0.after = [Dependency(.job(first))] } }
            let ids = [try await add(), try await add(), try await add(), try await add()]
            let blocked = { () async throws -> [JobID] in
                var selector = JobSelector()
                selector.states = [.blocked]
                return try await check.list(selector).map(\.id).sorted()
            }
            check.equal(try await blocked(), ids, "the list")
            check.equal(
                try await check.inspection.stats().counts.filter { $0.state == .blocked }.map(\.jobs), [4], "how many are counted")
            check.equal(try await check.control.retry([ids[0]], resettingAttempts: false), [.refused(.blocked)], "a retry")
            check.equal(try await check.control.promote([ids[0]]), [.refused(.blocked)], "a promotion")
            check.equal(try await check.control.edit([ids[0]], JobEdit { ($0.priority, $0.queue) = (3, "other") }), [.changed], "an edit")
            try await check.expectState(ids[0], .blocked, "an edited job")
            check.equal(try await check.control.cancel([ids[1]], reason: "no"), [.cancelled], "a cancellation")
            check.equal(try await check.control.delete([ids[2]], evenLive: false), [.refused(.blocked)], "a deletion")
            check.equal(try await check.control.delete([ids[2]], evenLive: true), [.changed], "a deletion of a live one")
            check.equal(try await check.control.promote([ids[3]], despiteDependencies: true), [.changed], "a promotion on request")
            try await check.expectState(ids[3], .available, "a promoted job")
            check.equal(try await blocked(), [ids[0]], "the list afterwards")
            let worker = try await check.join()
            for held in try await check.claim(worker) { try await check.end(held.execution, by: worker, .completed, .complete) }
            let summary = try await check.detail(ids[0]).summary
            check.equal([summary.state.rawValue, summary.queue, "\(summary.priority)"], ["available", "other", "3"], "the edited job")
            check.equal(try await check.workflows.dependencies(of: [ids[2]]), [:], "what a deleted job waits for")
        },
        Rule("a delay and an expiry go by their times while a job is blocked") { check in
            let first = try await check.add()
            let now = check.subject.now()
            let late = try await check.add {
                $0.after = [Dependency(.job(first))]
                $0.runAt = now + .seconds(3)
            }
            let brief = try await check.add {
                $0.after = [Dependency(.job(first))]
                $0.terms.expiresAt = now + .milliseconds(500)
            }
            let below = try await check.add { $0.after = [Dependency(.job(brief))] }
            let worker = try await check.join()
            try await check.subject.advance(by: .seconds(1))
            try await check.beat(worker)
            check.equal(try await check.inspection.states(of: [late, brief, below]), [.blocked, .cancelled, .cancelled], "after a second")
            let held = try await check.claimOne(worker)
            try await check.end(held.execution, by: worker, .completed, .complete)
            try await check.expectState(late, .scheduled, "a delayed job, released early")
            try await check.subject.advance(by: .milliseconds(2100))
            check.equal(try await check.claimOne(worker).execution.job, late, "the delayed job")
        },
        Rule("a retried job waits again for what has not ended, and ignores what has failed") { check in
            let first = try await check.add()
            let middle = try await check.add { $0.after = [Dependency(.job(first))] }
            let last = try await check.add { $0.after = [Dependency(.job(first)), Dependency(.job(middle))] }
            check.equal(try await check.control.cancel([first], reason: nil), [.cancelled], "the first")
            check.equal(try await check.inspection.states(of: [middle, last]), [.cancelled, .cancelled], "the others")
            check.equal(
                try await check.control.retry([first, middle, last], resettingAttempts: false), [.retried, .retried, .retried], "the retry")
            check.equal(
                try await check.inspection.states(of: [first, middle, last]), [.available, .blocked, .blocked], "after the retry")
            let worker = try await check.join()
            for wanted in [first, middle, last] {
                let held = try await check.claimOne(worker)
                check.equal(held.execution.job, wanted, "what can be claimed")
                try await check.end(held.execution, by: worker, .completed, .complete)
            }
            let other = try await check.add()
            let alone = try await check.add { $0.after = [Dependency(.job(other))] }
            _ = try await check.control.cancel([other], reason: nil)
            check.equal(try await check.control.retry([alone], resettingAttempts: false), [.retried], "the retry of one alone")
            try await check.expectState(alone, .available, "one that was retried although what it waited for has failed")
        },
        Rule("what a live job has waited for is not pruned, and goes afterwards") { check in
            let first = try await check.add()
            let last = try await check.add { $0.after = [Dependency(.job(first))] }
            let worker = try await check.join()
            let held = try await check.claimOne(worker)
            try await check.end(held.execution, by: worker, .completed, .complete, result: Array("7".utf8))
            try await check.subject.advance(by: .seconds(2))
            var policy = RetentionPolicy()
            (policy.completed, policy.cancelled, policy.dead) = (.seconds(1), .seconds(1), .seconds(1))
            check.equal(try await check.control.prune(policy, limit: 100).jobs, [], "what goes while it is needed")
            check.equal(try await check.detail(first).result, Array("7".utf8), "its result")
            let next = try await check.claimOne(worker)
            try await check.end(next.execution, by: worker, .completed, .complete)
            check.equal(try await check.control.prune(policy, limit: 100).jobs, [first], "what goes afterwards")
            check.equal(try await check.workflows.dependencies(of: [last])[last]?.map(\.state), [nil], "what is known of it then")
        },
        Rule("what is kept since it is needed does not keep others from being pruned") { check in
            let needed = try await check.add(count: 30)
            for id in needed { _ = try await check.control.cancel([id], reason: nil) }
            _ = try await check.add { $0.after = needed.map { Dependency(.job($0), ifFailed: .hold) } }
            let others = try await check.add(count: 30)
            for id in others { _ = try await check.control.cancel([id], reason: nil) }
            var policy = RetentionPolicy()
            (policy.finishedJobs, policy.completed, policy.cancelled, policy.dead) = (10, nil, nil, nil)
            var gone: [JobID] = []
            for _ in 0..<10 {
                let report = try await check.control.prune(policy, limit: 7)
                gone += report.jobs
                if !report.hasMore { break }
            }
            check.equal(gone.sorted(), Array(others.prefix(20)), "what goes")
        },
        Rule("a deleted job has failed for those that wait for it") { check in
            let first = try await check.add()
            let cascade = try await check.add { $0.after = [Dependency(.job(first))] }
            let ignore = try await check.add { $0.after = [Dependency(.job(first), ifFailed: .ignore)] }
            check.equal(try await check.control.delete([first], evenLive: true), [.changed], "the deletion")
            check.equal(try await check.inspection.states(of: [cascade, ignore]), [.cancelled, .available], "the others")
        },
        Rule("whoever takes the place of a blocked job waits as that did") { check in
            let first = try await check.add()
            let old = try await check.add {
                $0.after = [Dependency(.job(first))]
                $0.terms.uniqueness = Uniqueness(key: "u")
            }
            let result = try await check.jobs.enqueue([
                RuleCheck.input {
                    $0.terms.uniqueness = Uniqueness(key: "u", onConflict: .replace)
                    $0.payload = Array("[2]".utf8)
                }
            ])
            check.equal(result, [.replaced(old)], "the replacement")
            try await check.expectState(old, .blocked, "the replaced job")
            let worker = try await check.join()
            let held = try await check.claimOne(worker)
            check.equal(held.execution.job, first, "what can be claimed")
            try await check.end(held.execution, by: worker, .completed, .complete)
            check.equal(try await check.claimOne(worker).payload, Array("[2]".utf8), "what is run then")
        },
        Rule("limits, sequences and the death of workers hold for released jobs as for others") { check in
            let first = try await check.add()
            let released = try await check.add(count: 2) {
                $0.after = [Dependency(.job(first))]
                $0.terms.sequence = JobSequence("s")
            }
            let free = try await check.add { $0.terms.sequence = JobSequence("s") }
            let dead = try await check.join()
            check.equal(try await check.claim(dead).map(\.execution.job), [first, free], "what can be claimed")
            try await check.subject.crashAndReopen()
            let worker = try await check.join()
            try await check.rescueAll(by: worker)
            for wanted in [[first, free], [released[0]], [released[1]]] {
                let held = try await check.claim(worker)
                check.equal(held.map(\.execution.job), wanted, "what can be claimed")
                for job in held { try await check.end(job.execution, by: worker, .completed, .complete) }
            }
        },
    ]
}

extension RuleCheck {
    var workflows: any WorkflowStore { subject.store.workflows }
}
