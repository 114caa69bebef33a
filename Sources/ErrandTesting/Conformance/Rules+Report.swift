// Rules about reports: fences, ordinals, refunds, what an outcome leaves behind.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let reportRules: [Rule] = [
        Rule("a completed job keeps its result, its end and its execution") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let claimed = try await check.claimOne(worker)
            let report = check.report(claimed.execution, .completed, .complete, result: Array("{\"sum\": 3}".utf8))
            check.equal(try await check.beat(worker, [report]).results, [.accepted], "the report")
            try await check.subject.crashAndReopen()
            let detail = try await check.detail(id)
            check.equal(detail.summary.state, .completed, "the state")
            check.equal(detail.summary.attempt, 1, "the attempts that counted")
            check.equal(detail.summary.finishedAt, report.finishedAt, "the end")
            check.equal(detail.result, Array("{\"sum\": 3}".utf8), "the result")
            check.equal(detail.error, nil, "the error")
            check.equal(
                detail.executions,
                [
                    ExecutionRecord(
                        execution: claimed.execution, attempt: 1, worker: worker, startedAt: claimed.startedAt,
                        finishedAt: report.finishedAt, outcome: .completed, error: nil)
                ], "the executions")
        },
        Rule("a report is accepted once") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let claimed = try await check.claimOne(worker)
            let completed = check.report(claimed.execution, .completed, .complete)
            let failed = check.report(claimed.execution, .failed, .bury(reason: "max_attempts"))
            check.equal(try await check.beat(worker, [completed, failed]).results, [.accepted, .leaseLost], "two reports in one step")
            check.equal(try await check.beat(worker, [failed]).results, [.leaseLost], "a third one")
            let detail = try await check.detail(id)
            check.equal(detail.summary.state, .completed, "the state")
            check.equal(detail.executions.map(\.outcome), [.completed], "the outcomes")
        },
        Rule("a report about an older execution is refused, also from the worker that holds the job again") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let first = try await check.claimOne(worker)
            try await check.end(first.execution, by: worker, .interrupted, .giveBack)
            let second = try await check.claimOne(worker)
            let late = check.report(first.execution, .completed, .complete, result: Array("1".utf8))
            check.equal(try await check.beat(worker, [late]).results, [.leaseLost], "the late report")
            try await check.expectState(id, .running, "the job after the late report")
            try await check.end(second.execution, by: worker, .completed, .complete)
        },
        Rule("a report from a worker that does not hold the execution is refused") { check in
            let id = try await check.add()
            let (holder, other) = (try await check.join(), try await check.join())
            let claimed = try await check.claimOne(holder)
            let foreign = check.report(claimed.execution, .completed, .complete)
            check.equal(try await check.beat(other, [foreign]).results, [.leaseLost], "a foreign report")
            let unborn = check.report(ExecutionID(id, claimed.execution.ordinal + 1), .completed, .complete)
            check.equal(try await check.beat(holder, [unborn]).results, [.leaseLost], "a report about an execution that never was")
            let nobody = ExecutionID(JobID(rawValue: 1), 1)
            check.equal(
                try await check.beat(holder, [check.report(nobody, .completed, .complete)]).results, [.leaseLost],
                "a report about a job that never was")
            try await check.end(claimed.execution, by: holder, .completed, .complete)
        },
        Rule("reports of one step are judged one by one, in order") { check in
            _ = try await check.add(count: 3)
            let worker = try await check.join()
            let held = try await check.claim(worker)
            let reports = [
                check.report(held[0].execution, .completed, .complete),
                check.report(ExecutionID(held[1].execution.job, held[1].execution.ordinal + 5), .completed, .complete),
                check.report(held[2].execution, .failed, .bury(reason: "unrecoverable")),
            ]
            check.equal(try await check.beat(worker, reports).results, [.accepted, .leaseLost, .accepted], "the results")
            check.equal(
                try await check.inspection.states(of: held.map(\.execution.job)), [.completed, .running, .dead], "the states")
        },
        Rule("ordinals grow over retry, give-back, snooze, operator's retry, rescue and crash") { check in
            let id = try await check.add { $0.maxAttempts = 100 }
            var worker = try await check.join()
            var ordinals: [Int64] = []
            func run(_ outcome: Outcome, _ next: NextStep) async throws {
                let claimed = try await check.claimOne(worker)
                ordinals.append(claimed.execution.ordinal)
                try await check.end(claimed.execution, by: worker, outcome, next)
            }
            let past = check.subject.now() + .seconds(-1)
            try await run(.failed, .wait(until: past))
            try await run(.interrupted, .giveBack)
            try await run(.snoozed, .wait(until: past))
            try await run(.timedOut, .wait(until: past))
            try await run(.failed, .bury(reason: "max_attempts"))
            check.equal(try await check.control.retry([id], resettingAttempts: false), [.retried], "the plain retry")
            try await run(.failed, .bury(reason: "max_attempts"))
            check.equal(try await check.control.retry([id], resettingAttempts: true), [.retried], "the full retry")
            ordinals.append(try await check.claimOne(worker).execution.ordinal)
            try await check.subject.crashAndReopen()
            worker = try await check.join()
            try await check.rescueAll(by: worker)
            try await run(.completed, .complete)
            check.equal(ordinals, Array(Set(ordinals)).sorted(), "the ordinals in the order of the claims")
            check.equal(try await check.detail(id).executions.map(\.execution.ordinal), ordinals, "the ordinals on record")
        },
        Rule("a failed attempt waits as retryable and counts; its error is kept") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let claimed = try await check.claimOne(worker)
            let error = StoredError(type: "Boom", message: "it broke", code: 7, stack: "a\nb")
            let later = check.subject.now() + .seconds(600)
            try await check.end(claimed.execution, by: worker, .failed, .wait(until: later), error: error)
            let detail = try await check.detail(id)
            check.equal(detail.summary.state, .retryable, "the state")
            check.equal(detail.summary.attempt, 1, "the attempts that counted")
            check.equal(detail.summary.runAt, later, "the next start")
            check.equal(detail.summary.finishedAt, nil, "the end")
            check.equal(detail.error, error, "the error")
            check.equal(detail.executions.map(\.error), [error], "the execution's error")
            check.equal(try await check.claim(worker), [], "a claim before its time")
        },
        Rule("snoozed, interrupted, lost and crashed executions are refunded; all others count") { check in
            for outcome in Outcome.allCases {
                let id = try await check.add()
                let worker = try await check.join()
                let first = try await check.claimOne(worker)
                try await check.end(first.execution, by: worker, outcome, .giveBack)
                let wanted = outcome.isRefunded ? 1 : 2
                check.equal(try await check.detail(id).summary.attempt, wanted - 1, "the attempts that counted after \(outcome)")
                let second = try await check.claimOne(worker)
                check.equal(second.attempt, wanted, "the attempt after \(outcome)")
                try await check.end(second.execution, by: worker, .completed, .complete)
                check.equal(try await check.detail(id).executions.map(\.outcome), [outcome, .completed], "the outcomes on record")
            }
        },
        Rule("a job shows the last error, also after executions without one, until it completes") { check in
            let id = try await check.add { $0.maxAttempts = 9 }
            let worker = try await check.join()
            let past = check.subject.now() + .seconds(-1)
            for message in ["first", "second"] {
                let error = StoredError(type: "E", message: message)
                try await check.end(try await check.claimOne(worker).execution, by: worker, .failed, .wait(until: past), error: error)
            }
            try await check.end(try await check.claimOne(worker).execution, by: worker, .interrupted, .giveBack)
            check.equal(try await check.detail(id).error?.message, "second", "the error after an interruption")
            let last = try await check.claimOne(worker)
            check.equal(try await check.detail(id).error?.message, "second", "the error while it runs again")
            try await check.end(last.execution, by: worker, .completed, .complete)
            let detail = try await check.detail(id)
            check.equal(detail.error, nil, "the error of the completed job")
            check.equal(detail.executions.map { $0.error?.message }, ["first", "second", nil, nil], "the errors on record")
        },
        Rule("crashes are counted apart, shown to the next execution, and forgotten with the attempts") { check in
            let id = try await check.add { $0.maxAttempts = 9 }
            let worker = try await check.join()
            try await check.end(try await check.claimOne(worker).execution, by: worker, .crashed, .giveBack)
            let second = try await check.claimOne(worker)
            check.equal(second.crashes, 1, "the crashes that the second execution is told")
            try await check.end(second.execution, by: worker, .failed, .giveBack)
            let third = try await check.claimOne(worker)
            check.equal(third.crashes, 1, "the crashes that the third execution is told")
            try await check.end(third.execution, by: worker, .crashed, .bury(reason: "poison"))
            check.equal(try await check.detail(id).summary.crashes, 2, "the crashes of the dead job")
            _ = try await check.control.retry([id], resettingAttempts: false)
            check.equal(try await check.detail(id).summary.crashes, 2, "the crashes after a plain retry")
            try await check.end(try await check.claimOne(worker).execution, by: worker, .failed, .bury(reason: "max_attempts"))
            _ = try await check.control.retry([id], resettingAttempts: true)
            check.equal(try await check.detail(id).summary.crashes, 0, "the crashes after a full retry")
        },
        Rule("a snoozed job is scheduled, and its attempt does not count") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let later = check.subject.now() + .seconds(600)
            try await check.end(try await check.claimOne(worker).execution, by: worker, .snoozed, .wait(until: later))
            let summary = try await check.detail(id).summary
            check.equal(summary.state, .scheduled, "the state")
            check.equal(summary.attempt, 0, "the attempts that counted")
            check.equal(summary.runAt, later, "the next start")
        },
        Rule("a job dies when its worker says so, with the reason; the store does not count for it") { check in
            let id = try await check.add { $0.maxAttempts = 2 }
            let worker = try await check.join()
            let past = check.subject.now() + .seconds(-1)
            for attempt in 1...3 {
                let claimed = try await check.claimOne(worker)
                check.equal(claimed.attempt, attempt, "the attempt")
                check.equal(claimed.maxAttempts, 2, "the maximum")
                try await check.end(
                    claimed.execution, by: worker, .failed, attempt < 3 ? .wait(until: past) : .bury(reason: "max_attempts"),
                    error: StoredError(type: "E", message: "\(attempt)"))
            }
            let detail = try await check.detail(id)
            check.equal(detail.summary.state, .dead, "the state")
            check.equal(detail.summary.reason, "max_attempts", "the reason")
            check.equal(detail.summary.attempt, 3, "the attempts that counted")
            check.equal(detail.error?.message, "3", "the last error")
            check.equal(detail.executions.map { $0.error?.message }, ["1", "2", "3"], "the errors on record")
            check.equal(detail.executions.map(\.attempt), [1, 2, 3], "the attempts on record")
            check.equal(detail.result, nil, "the result")
            check.expect(detail.summary.finishedAt != nil, "a dead job has an end")
        },
        Rule("a job that is given back is the first of its priority again") { check in
            let ids = try await check.add(count: 3)
            let worker = try await check.join()
            let claimed = try await check.claimOne(worker)
            try await check.end(claimed.execution, by: worker, .interrupted, .giveBack)
            check.equal(try await check.claim(worker).map(\.execution.job), ids, "the order after a give-back")
        },
        Rule("a step records its reports before it claims") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let claimed = try await check.claimOne(worker)
            let reply = try await check.jobs.exchange(
                ExchangeRequest(
                    worker: worker, reports: [check.report(claimed.execution, .interrupted, .giveBack)], claim: RuleCheck.claim()))
            check.equal(reply.results, [.accepted], "the result")
            check.equal(reply.claimed.map(\.execution.job), [id], "what the same step claimed")
        },
        Rule("a result of the greatest length is kept") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let long = [UInt8](repeating: UInt8(ascii: "1"), count: Limits.resultBytes)
            try await check.end(try await check.claimOne(worker).execution, by: worker, .completed, .complete, result: long)
            check.expect(try await check.detail(id).result == long, "a result of 256 KiB came back changed")
        },
    ]
}
