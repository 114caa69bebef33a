// Rules about crashes: the convicted execution alone pays, and it pays in crashes, never in attempts.

import Errand
import ErrandContext

extension RuleCheck {
    static let crash = StoredError(type: "Crash", message: "SIGILL in a handler of kind k", code: 4)
    static let neighbour = StoredError(type: "NeighbourCrashed", message: "somebody else crashed")

    /// Lets a worker claim up to `limit` jobs and die; gives the casualty, as a new worker sees it, and what it held.
    func casualty(limit: Int = 100) async throws -> (casualty: Casualty, held: [ClaimedJob], watcher: WorkerID) {
        let held = try await claim(try await join(), limit: limit)
        try await subject.crashAndReopen()
        let watcher = try await join()
        return (try require(try await jobs.casualties(seenBy: watcher).first, "no casualty was found"), held, watcher)
    }

    /// Lets a worker die with the one job that is there, and convicts it.
    func convictOnly(limit: Int?) async throws -> ClaimedJob {
        let (casualty, held, watcher) = try await casualty(limit: 1)
        let culprit = try require(held.first, "nothing was claimed")
        let past = subject.now() + .seconds(-1)
        _ = try await jobs.rescue(
            RescueRequest(
                casualty, convictions: [Conviction(culprit.execution, error: RuleCheck.crash, retryAt: past)],
                neighbourError: RuleCheck.neighbour, suspectThreshold: 1, convictionLimit: limit))
        // A step makes available what has become due.
        try await beat(watcher)
        try await jobs.leave(watcher)
        return culprit
    }
}

extension JobStoreConformance {
    static let crashRules: [Rule] = [
        Rule("a convicted execution is crashed and its job waits; its neighbours are interrupted, and nobody pays an attempt") { check in
            let ids = try await check.add(count: 3)
            let (casualty, held, watcher) = try await check.casualty()
            let culprit = held[1].execution
            let later = check.subject.now() + .seconds(600)
            let cut = try await check.jobs.rescue(
                RescueRequest(
                    casualty, convictions: [Conviction(culprit, error: RuleCheck.crash, retryAt: later)],
                    neighbourError: RuleCheck.neighbour, suspectThreshold: 1, convictionLimit: 3))
            check.equal(cut.sorted(), held.map(\.execution).sorted(), "what was cut")
            for id in ids {
                let detail = try await check.detail(id)
                let isCulprit = id == culprit.job
                check.equal(detail.summary.state, isCulprit ? .retryable : .available, "the state")
                check.equal(detail.summary.attempt, 0, "the attempts that counted")
                check.equal(detail.summary.crashes, isCulprit ? 1 : 0, "the crashes")
                check.equal(detail.executions.map(\.outcome), [isCulprit ? .crashed : .interrupted], "the outcomes")
                check.equal(detail.executions.map(\.error), [isCulprit ? RuleCheck.crash : RuleCheck.neighbour], "the errors")
                if isCulprit { check.equal(detail.summary.runAt, later, "the next start") }
            }
            check.equal(Set(try await check.claim(watcher).map(\.execution.job)), Set(ids).subtracting([culprit.job]), "what runs next")
        },
        Rule("a conviction names one execution: a job that runs again, or elsewhere, is not convicted") { check in
            _ = try await check.add(count: 2)
            let (first, held, watcher) = try await check.casualty()
            try await check.rescueAll(by: watcher)
            try await check.jobs.leave(watcher)
            check.equal(try await check.jobs.rescue(RescueRequest(first, suspectThreshold: nil)), [], "a second rescue")
            let (second, again, _) = try await check.casualty(limit: 1)
            let elsewhere = held.map(\.execution).filter { $0.job != again[0].execution.job }
            let accused = [ExecutionID(again[0].execution.job, 1), ExecutionID(again[0].execution.job, 9)] + elsewhere
            let later = check.subject.now() + .seconds(600)
            _ = try await check.jobs.rescue(
                RescueRequest(
                    second, convictions: accused.map { Conviction($0, error: RuleCheck.crash, retryAt: later) }, suspectThreshold: nil,
                    convictionLimit: 1))
            for claimed in held {
                let detail = try await check.detail(claimed.execution.job)
                check.equal(detail.summary.state, .available, "the state")
                check.equal(detail.summary.crashes, 0, "the crashes")
                check.expect(!detail.executions.contains { $0.outcome == .crashed }, "an execution that did not crash is crashed")
            }
        },
        Rule("a job convicted as often as the limit dies of poison, whatever its attempts") { check in
            let id = try await check.add { $0.maxAttempts = 1 }
            for round in 1...3 {
                let culprit = try await check.convictOnly(limit: 3)
                check.equal(culprit.attempt, 1, "the attempt in round \(round)")
                check.equal(culprit.crashes, round - 1, "the crashes that the worker is told in round \(round)")
                try await check.expectState(id, round < 3 ? .available : .dead, "the job after \(round) convictions")
            }
            let detail = try await check.detail(id)
            check.equal(detail.summary.reason, "poison", "the reason")
            check.equal(detail.summary.crashes, 3, "the crashes")
            check.equal(detail.summary.attempt, 0, "the attempts that counted")
            check.equal(detail.error, RuleCheck.crash, "the error")
            check.equal(detail.executions.map(\.outcome), [.crashed, .crashed, .crashed], "the outcomes")
        },
        Rule("without a limit no conviction is the last") { check in
            let id = try await check.add()
            for _ in 0..<5 { _ = try await check.convictOnly(limit: nil) }
            try await check.expectState(id, .available, "the job after five convictions")
            check.equal(try await check.detail(id).summary.crashes, 5, "the crashes")
        },
        Rule("a crash that a living worker reports costs no attempt, counts as a crash, and leaves its other executions alone") { check in
            let ids = try await check.add(count: 2)
            let worker = try await check.join()
            let held = try await check.claim(worker, limit: 2)
            let later = check.subject.now() + .seconds(600)
            let report = ExecutionReport(
                execution: held[0].execution, outcome: .crashed, next: .wait(until: later), error: RuleCheck.crash,
                finishedAt: check.subject.now())
            let reply = try await check.jobs.exchange(ExchangeRequest(worker: worker, reports: [report, report]))
            check.equal(reply.results, [.accepted, .leaseLost], "what became of the report and of its repetition")
            let culprit = try await check.detail(ids[0])
            check.equal(culprit.summary.state, .retryable, "the state")
            check.equal(culprit.summary.attempt, 0, "the attempts that counted")
            check.equal(culprit.summary.crashes, 1, "the crashes")
            check.equal(culprit.summary.runAt, later, "the next start")
            check.equal(culprit.executions.map(\.outcome), [.crashed], "the outcomes")
            check.equal(culprit.executions.map(\.error), [RuleCheck.crash], "the errors")
            try await check.expectState(ids[1], .running, "the neighbour")
        },
        Rule("a living worker's last report of a crash makes the job dead") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let report = ExecutionReport(
                execution: try await check.claimOne(worker).execution, outcome: .crashed, next: .bury(reason: "poison"),
                error: RuleCheck.crash, finishedAt: check.subject.now())
            _ = try await check.jobs.exchange(ExchangeRequest(worker: worker, reports: [report]))
            let detail = try await check.detail(id)
            check.equal(detail.summary.state, .dead, "the state")
            check.equal(detail.summary.reason, "poison", "the reason")
            check.equal(detail.summary.crashes, 1, "the crashes")
            check.equal(detail.summary.attempt, 0, "the attempts that counted")
        },
        Rule("a wish to cancel ends a convicted job too") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let claimed = try await check.claimOne(worker)
            _ = try await check.control.cancel([id], reason: "enough")
            try await check.subject.crashAndReopen()
            let watcher = try await check.join()
            let casualty = try check.require(try await check.jobs.casualties(seenBy: watcher).first, "no casualty was found")
            let conviction = Conviction(claimed.execution, error: RuleCheck.crash, retryAt: check.subject.now() + .seconds(60))
            _ = try await check.jobs.rescue(RescueRequest(casualty, convictions: [conviction], suspectThreshold: nil, convictionLimit: 3))
            let detail = try await check.detail(id)
            check.equal(detail.summary.state, .cancelled, "the state")
            check.equal(detail.summary.reason, "enough", "the reason")
            check.equal(detail.executions.map(\.outcome), [.crashed], "the outcomes")
        },
        Rule("the last sequence number of an execution's log is that of its last line") { check in
            let id = try await check.add()
            check.equal(try await check.logs.lastSequence(of: ExecutionID(id, 1)), 0, "of an execution without a log")
            _ = try await check.logs.append(
                [RuleCheck.chunk(id, 1, 1), RuleCheck.chunk(id, 1, 9), RuleCheck.chunk(id, 2, 40), RuleCheck.chunk(id, 1, 3)], dropping: [])
            check.equal(try await check.logs.lastSequence(of: ExecutionID(id, 1)), 10, "of the first execution")
            check.equal(try await check.logs.lastSequence(of: ExecutionID(id, 2)), 41, "of the second execution")
        },
    ]
}
