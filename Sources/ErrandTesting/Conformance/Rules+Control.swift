// Rules about operators: cancel and retry, in every state.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let controlRules: [Rule] = [
        Rule("a job that has not started is cancelled at once, with the reason") { check in
            let available = try await check.add()
            let scheduled = try await check.add { $0.runAt = check.subject.now() + .seconds(3600) }
            let retryable = try await check.add { $0.queue = "r" }
            let worker = try await check.join()
            let claimed = try check.require(try await check.claim(worker, queues: ["r"]).first, "a claim found no job")
            try await check.end(claimed.execution, by: worker, .failed, .wait(until: check.subject.now() + .seconds(3600)))
            let ids = [available, scheduled, retryable]
            check.equal(
                try await check.control.cancel(ids, reason: "not needed"), [.cancelled, .cancelled, .cancelled], "the cancellations")
            for id in ids {
                let summary = try await check.detail(id).summary
                check.equal(summary.state, .cancelled, "the state")
                check.equal(summary.reason, "not needed", "the reason")
                check.expect(summary.finishedAt != nil, "a cancelled job has an end")
            }
            check.equal(try await check.detail(available).executions, [], "the executions of a job that never ran")
            check.equal(try await check.detail(retryable).executions.map(\.outcome), [.failed], "the executions of one that did")
            check.equal(try await check.claim(worker, queues: ["q", "r"]), [], "a claim afterwards")
            check.equal(try await check.beat(worker).nextWake, nil, "the next wake afterwards")
        },
        Rule("a wish to cancel survives a crash when the job had not started") { check in
            let id = try await check.add()
            check.equal(try await check.control.cancel([id], reason: nil), [.cancelled], "the cancellation")
            try await check.subject.crashAndReopen()
            try await check.expectState(id, .cancelled, "the job after the crash")
            check.equal(try await check.detail(id).summary.reason, nil, "the reason that nobody gave")
        },
        Rule("the wish to cancel a running job reaches its worker until the execution has ended") { check in
            let id = try await check.add()
            let (holder, other) = (try await check.join(), try await check.join())
            let claimed = try await check.claimOne(holder)
            check.equal(try await check.beat(holder).cancellations, [], "before the wish")
            check.equal(try await check.control.cancel([id], reason: "stop"), [.requested(claimed.execution)], "the wish")
            try await check.expectState(id, .running, "the job")
            check.expect(try await check.detail(id).cancelRequestedAt != nil, "the wish is not shown")
            let wish = ExchangeReply.Cancellation(execution: claimed.execution, reason: "stop")
            for _ in 0..<2 { check.equal(try await check.beat(holder).cancellations, [wish], "what the holder hears") }
            check.equal(try await check.beat(other).cancellations, [], "what another worker hears")
            check.equal(try await check.control.cancel([id], reason: "stop"), [.requested(claimed.execution)], "the repeated wish")
            let report = check.report(claimed.execution, .cancelled, .cancel(reason: "stop"))
            let reply = try await check.beat(holder, [report])
            check.equal(reply.results, [.accepted], "the report")
            check.equal(reply.cancellations, [], "what the holder hears with the end")
            let detail = try await check.detail(id)
            check.equal(detail.summary.state, .cancelled, "the state")
            check.equal(detail.summary.reason, "stop", "the reason")
            check.equal(detail.executions.map(\.outcome), [.cancelled], "the outcomes")
            check.equal(detail.cancelRequestedAt, nil, "the wish after the end")
        },
        Rule("a job that somebody asked to cancel is cancelled instead of running again, however its execution ended") { check in
            let endings: [(Outcome, NextStep)] = [
                (.failed, .wait(until: check.subject.now())), (.snoozed, .wait(until: check.subject.now())), (.interrupted, .giveBack),
            ]
            for (outcome, next) in endings {
                let id = try await check.add()
                let worker = try await check.join()
                let claimed = try await check.claimOne(worker)
                _ = try await check.control.cancel([id], reason: "stop")
                check.equal(
                    try await check.beat(worker, [check.report(claimed.execution, outcome, next)]).results, [.accepted], "\(outcome)")
                let detail = try await check.detail(id)
                check.equal(detail.summary.state, .cancelled, "the job after \(outcome)")
                check.equal(detail.summary.reason, "stop", "the reason after \(outcome)")
                check.equal(detail.executions.map(\.outcome), [outcome], "what is on record")
            }
        },
        Rule("a wish to cancel outlives the worker that was to hear it") { check in
            let id = try await check.add()
            let claimed = try await check.claimOne(try await check.join())
            check.equal(try await check.control.cancel([id], reason: nil), [.requested(claimed.execution)], "the wish")
            try await check.subject.crashAndReopen()
            check.equal(try await check.rescueAll(by: try await check.join()), [claimed.execution], "what is rescued")
            let detail = try await check.detail(id)
            check.equal(detail.summary.state, .cancelled, "the job")
            check.equal(detail.executions.map(\.outcome), [.interrupted], "what is on record")
        },
        Rule("a wish to cancel never hits a later execution") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let first = try await check.claimOne(worker)
            _ = try await check.control.cancel([id], reason: nil)
            let report = check.report(first.execution, .completed, .complete)
            check.equal(try await check.beat(worker, [report]).results, [.accepted], "the completion that came first")
            try await check.expectState(id, .completed, "a job that completed before it heard of the wish")
            let other = try await check.add()
            let next = try await check.claimOne(worker)
            check.equal(next.execution.job, other, "the next job")
            check.equal(try await check.beat(worker).cancellations, [], "what the worker hears afterwards")
        },
        Rule("finished jobs and unknown ones cannot be cancelled, and the answers keep the order") { check in
            let ids = try await check.add(count: 4)
            let worker = try await check.join()
            let held = try await check.claim(worker, limit: 3)
            try await check.end(held[0].execution, by: worker, .completed, .complete)
            try await check.end(held[1].execution, by: worker, .failed, .bury(reason: "max_attempts"))
            try await check.end(held[2].execution, by: worker, .cancelled, .cancel(reason: nil))
            let unknown = JobID(rawValue: 7)
            check.equal(
                try await check.control.cancel([ids[1], unknown, ids[3], ids[0], ids[2]], reason: nil),
                [.finished(.dead), .notFound, .cancelled, .finished(.completed), .finished(.cancelled)], "the answers")
            check.equal(
                try await check.inspection.states(of: ids), [.completed, .dead, .cancelled, .cancelled], "the states afterwards")
        },
        Rule("a plain retry of a dead job grants one more attempt and keeps its history") { check in
            let id = try await check.add { $0.maxAttempts = 1 }
            let worker = try await check.join()
            let error = StoredError(type: "E", message: "first")
            let first = try await check.claimOne(worker)
            try await check.end(first.execution, by: worker, .failed, .bury(reason: "max_attempts"), error: error)
            check.equal(try await check.control.retry([id], resettingAttempts: false), [.retried], "the retry")
            let waiting = try await check.detail(id).summary
            check.equal(waiting.state, .available, "the state")
            check.equal(waiting.finishedAt, nil, "the end")
            check.equal(waiting.reason, nil, "the reason")
            let second = try await check.claimOne(worker)
            check.expect(second.execution.ordinal > first.execution.ordinal, "the ordinal did not grow")
            check.equal(second.attempt, 2, "the attempt")
            check.equal(second.maxAttempts, 2, "the maximum, with one attempt more")
            try await check.end(second.execution, by: worker, .completed, .complete)
            let detail = try await check.detail(id)
            check.equal(detail.executions.map(\.outcome), [.failed, .completed], "the outcomes")
            check.equal(detail.executions.map(\.error), [error, nil], "the errors on record")
            check.equal(detail.executions.map(\.worker), [worker, worker], "the workers on record")
        },
        Rule("a full retry grants all attempts again") { check in
            let id = try await check.add { $0.maxAttempts = 2 }
            let worker = try await check.join()
            let past = check.subject.now() + .seconds(-1)
            try await check.end(try await check.claimOne(worker).execution, by: worker, .failed, .wait(until: past))
            try await check.end(try await check.claimOne(worker).execution, by: worker, .failed, .bury(reason: "max_attempts"))
            check.equal(try await check.control.retry([id], resettingAttempts: true), [.retried], "the retry")
            check.equal(try await check.detail(id).summary.attempt, 0, "the attempts that have counted")
            let third = try await check.claimOne(worker)
            check.equal(third.attempt, 1, "the attempt")
            check.equal(third.maxAttempts, 2, "the maximum")
            check.equal(try await check.detail(id).executions.count, 3, "the executions on record")
        },
        Rule("retryable and cancelled jobs can be retried at once, and those with attempts left get no more") { check in
            let ids = try await check.add(count: 2)
            let worker = try await check.join()
            let first = try await check.claimOne(worker)
            try await check.end(first.execution, by: worker, .failed, .wait(until: check.subject.now() + .seconds(3600)))
            _ = try await check.control.cancel([ids[1]], reason: "a mistake")
            check.equal(try await check.control.retry(ids, resettingAttempts: false), [.retried, .retried], "the retries")
            let claimed = try await check.claim(worker)
            check.equal(claimed.map(\.attempt), [2, 1], "the attempts")
            check.equal(claimed.map(\.maxAttempts), [5, 5], "the maxima")
            check.equal(try await check.detail(ids[1]).summary.reason, nil, "the reason")
            check.equal(try await check.beat(worker).nextWake, nil, "the next wake")
        },
        Rule("a retry survives a crash") { check in
            let id = try await check.add()
            let worker = try await check.join()
            try await check.end(try await check.claimOne(worker).execution, by: worker, .failed, .bury(reason: "unrecoverable"))
            _ = try await check.control.retry([id], resettingAttempts: false)
            try await check.subject.crashAndReopen()
            try await check.expectState(id, .available, "the job after the crash")
            check.equal(try await check.detail(id).executions.map(\.outcome), [.failed], "the outcomes")
        },
        Rule("jobs that are not over, completed ones and unknown ones are not retried") { check in
            let ids = try await check.add(count: 3)
            let scheduled = try await check.add { $0.runAt = check.subject.now() + .seconds(3600) }
            let worker = try await check.join()
            let held = try await check.claim(worker, limit: 2)
            try await check.end(held[0].execution, by: worker, .completed, .complete)
            check.equal(
                try await check.control.retry([scheduled, ids[0], JobID(rawValue: 7), ids[1], ids[2]], resettingAttempts: true),
                [.refused(.scheduled), .refused(.completed), .notFound, .refused(.running), .refused(.available)], "the answers")
            check.equal(
                try await check.inspection.states(of: ids + [scheduled]), [.completed, .running, .available, .scheduled], "the states")
            try await check.end(held[1].execution, by: worker, .completed, .complete)
        },
    ]
}
