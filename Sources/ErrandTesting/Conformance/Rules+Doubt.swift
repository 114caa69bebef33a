// Rules about steps that failed as far as their worker could tell, and were committed all the same.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let doubtRules: [Rule] = [
        Rule("what a worker was given without learning of it is given back at its next step, and costs no attempt") { check in
            let ids = try await check.add(count: 3)
            let worker = try await check.join()
            let known = try await check.claimOne(worker)
            // The reply of this step never arrives.
            _ = try await check.claim(worker, limit: 1)
            let step = ExchangeRequest(worker: worker, claim: RuleCheck.claim(limit: 2), held: [known.execution])
            let claimed = try await check.jobs.exchange(step).claimed
            check.equal(claimed.map(\.execution.job), Array(ids.dropFirst()), "the jobs of the next claim")
            check.equal(claimed.map(\.attempt), [1, 1], "their attempts")
            try await check.expectState(known.execution.job, .running, "the job that the worker knows about")
            let executions = try await check.detail(ids[1]).executions
            check.equal(executions.map(\.outcome), [.interrupted, nil], "the executions of the job that was given back")
            check.expect(executions.first?.error != nil, "an execution that never began does not say so")
            let ordinals = executions.map(\.execution.ordinal)
            check.equal(ordinals, Array(Set(ordinals)).sorted(), "the ordinals")
        },
        Rule("without doubt nothing is given back") { check in
            let id = try await check.add()
            let worker = try await check.join()
            _ = try await check.claimOne(worker)
            try await check.beat(worker)
            try await check.expectState(id, .running, "a job that a step did not mention")
        },
        Rule("a report that is repeated in doubt is accepted if exactly that is on record, and refused otherwise") { check in
            _ = try await check.add(count: 2)
            let (worker, other) = (try await check.join(), try await check.join())
            let jobs = try await check.claim(worker)
            let past = check.subject.now() + .seconds(-1)
            let reports = [
                check.report(jobs[0].execution, .completed, .complete), check.report(jobs[1].execution, .failed, .wait(until: past)),
            ]
            check.equal(try await check.beat(worker, reports).results, [.accepted, .accepted], "the reports")
            let again = ExchangeRequest(worker: worker, reports: reports, held: [])
            check.equal(try await check.jobs.exchange(again).results, [.accepted, .accepted], "the same reports in doubt")
            check.equal(try await check.beat(worker, reports).results, [.leaseLost, .leaseLost], "the same reports without doubt")
            let changed = check.report(jobs[0].execution, .failed, .bury(reason: "max_attempts"))
            let another = ExchangeRequest(worker: worker, reports: [changed], held: [])
            check.equal(try await check.jobs.exchange(another).results, [.leaseLost], "another outcome in doubt")
            let foreign = ExchangeRequest(worker: other, reports: reports, held: [])
            check.equal(try await check.jobs.exchange(foreign).results, [.leaseLost, .leaseLost], "another worker's reports")
            check.equal(try await check.detail(jobs[0].execution.job).executions.map(\.outcome), [.completed], "the outcomes on record")
        },
        Rule("a cancelled execution that is given back in doubt is cancelled") { check in
            let id = try await check.add()
            let worker = try await check.join()
            _ = try await check.claim(worker, limit: 1)
            _ = try await check.control.cancel([id], reason: "enough")
            _ = try await check.jobs.exchange(ExchangeRequest(worker: worker, held: []))
            try await check.expectState(id, .cancelled, "the job")
        },
    ]
}
