// Rules about operators who promote, edit and delete jobs.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let editRules: [Rule] = [
        Rule("promoted jobs are available at once, as if they had become due now; others are left alone") { check in
            let now = check.subject.now()
            let waiting = try await check.add()
            let scheduled = try await check.add { $0.runAt = now + .seconds(3600) }
            let retryable = try await check.add { $0.queue = "r" }
            let worker = try await check.join()
            let claimed = try check.require(try await check.claim(worker, queues: ["r"]).first, "a claim found no job")
            try await check.end(claimed.execution, by: worker, .failed, .wait(until: now + .seconds(3600)))
            check.equal(
                try await check.control.promote([scheduled, retryable, waiting, JobID(rawValue: 7)]),
                [.changed, .changed, .refused(.available), .notFound], "the answers")
            check.equal(try await check.beat(worker).nextWake, nil, "the next wake afterwards")
            try await check.subject.advance(by: .milliseconds(5))
            let later = try await check.add()
            let (first, again) = (try await check.claim(worker), try await check.claim(worker, queues: ["r"]))
            check.equal(first.map(\.execution.job), [waiting, scheduled, later], "the order of the line")
            check.expect(first.allSatisfy { ($0.dueAt ?? now) < now + .seconds(60) }, "a promoted job is due in the future")
            check.equal(again.map(\.attempt), [2], "the attempt of the job that had failed")
            check.equal(try await check.control.promote([waiting]), [.refused(.running)], "a running job")
            for claimed in first { try await check.end(claimed.execution, by: worker, .completed, .complete) }
            check.equal(try await check.control.promote([waiting]), [.refused(.completed)], "a job that is over")
        },
        Rule("an edit replaces what it names and nothing else, survives a crash, and moves the job in its line") { check in
            let first = try await check.add { job in
                (job.meta, job.label, job.timeout, job.terms.tags) = (["user": "ada"], "hello", .seconds(9), ["a"])
            }
            let second = try await check.add()
            let edit = JobEdit { ($0.payload, $0.priority, $0.queue) = (Array("[1]".utf8), 7, "other") }
            check.equal(try await check.control.edit([first, JobID(rawValue: 7)], edit), [.changed, .notFound], "the answers")
            check.equal(try await check.control.edit([second], JobEdit { $0.priority = -5 }), [.changed], "the answer")
            try await check.subject.crashAndReopen()
            let detail = try await check.detail(first)
            check.equal(detail.payload, Array("[1]".utf8), "the payload")
            check.equal(detail.summary.priority, 7, "the priority")
            check.equal(detail.summary.queue, "other", "the queue")
            check.equal(detail.summary.meta, ["user": "ada"], "the meta")
            check.equal(detail.summary.label, "hello", "the label")
            check.equal(detail.summary.tags, ["a"], "the tags")
            check.equal(detail.timeout, .seconds(9), "the timeout")
            check.equal(detail.summary.state, .available, "the state")
            let third = try await check.add()
            let worker = try await check.join()
            check.equal(try await check.claim(worker).map(\.execution.job), [second, third], "the line that one left and one leads")
            let moved = try await check.claim(worker, queues: ["other"])
            check.equal(moved.map(\.execution.job), [first], "the other line")
            check.equal(moved.map(\.payload), [Array("[1]".utf8)], "what its worker gets")
            try await check.expectExactCounts()
        },
        Rule("an edit of the schedule puts a job off or makes it available, and a retryable job stays one") { check in
            let now = check.subject.now()
            let worker = try await check.join()
            let failed = try await check.add()
            try await check.end(
                try await check.claimOne(worker).execution, by: worker, .failed, .wait(until: now + .seconds(3600)))
            let available = try await check.add()
            let scheduled = try await check.add { $0.runAt = now + .seconds(3600) }
            let later = JobEdit { $0.runAt = now + .seconds(7200) }
            check.equal(
                try await check.control.edit([failed, available, scheduled], later), [.changed, .changed, .changed], "the answers")
            for (id, state) in [(failed, JobState.retryable), (available, .scheduled), (scheduled, .scheduled)] {
                try await check.expectState(id, state, "a job that was put off")
                check.equal(try await check.detail(id).summary.runAt, now + .seconds(7200), "when it starts")
            }
            check.equal(try await check.claim(worker), [], "a claim before the time")
            check.equal(try await check.beat(worker).nextWake, now + .seconds(7200), "the next wake")
            check.equal(
                try await check.control.edit([available, failed], JobEdit { $0.runAt = now + .seconds(-60) }), [.changed, .changed],
                "the answers")
            check.equal(try await check.claim(worker).map(\.execution.job).sorted(), [failed, available], "a claim afterwards")
            try await check.expectState(scheduled, .scheduled, "the third job")
        },
        Rule("a job that runs or is over is not edited") { check in
            let worker = try await check.join()
            let id = try await check.add()
            let claimed = try await check.claimOne(worker)
            let edit = JobEdit { ($0.priority, $0.payload) = (9, Array("9".utf8)) }
            check.equal(try await check.control.edit([id], edit), [.refused(.running)], "while it runs")
            check.equal(try await check.detail(id).payload, Array("{}".utf8), "the payload of the running job")
            try await check.end(claimed.execution, by: worker, .completed, .complete)
            check.equal(try await check.control.edit([id], edit), [.refused(.completed)], "when it is over")
            check.equal(try await check.detail(id).payload, Array("{}".utf8), "the payload of the job that is over")
        },
        Rule("a retry may change the input, and an edit leaves the idempotency key where it is") { check in
            let worker = try await check.join()
            let input = RuleCheck.input { $0.key = "once" }
            let id = try await check.jobs.enqueue([input])[0].id
            try await check.end(try await check.claimOne(worker).execution, by: worker, .failed, .bury(reason: "max_attempts"))
            let edit = JobEdit { ($0.payload, $0.queue) = (Array("{\"fixed\":true}".utf8), "q2") }
            check.equal(try await check.control.retry([id], resettingAttempts: false, edits: [id: edit]), [.retried], "the retry")
            check.equal(try await check.jobs.enqueue([input]), [.existing(id)], "the enqueue that made the job, once more")
            check.equal(
                try await check.jobs.enqueue([RuleCheck.input { ($0.key, $0.payload) = ("once", Array("{\"fixed\":true}".utf8)) }]),
                [.conflict(id)], "an enqueue with the payload of the edit")
            let again = try await check.claim(worker, queues: ["q2"])
            check.equal(again.map(\.payload), [Array("{\"fixed\":true}".utf8)], "what runs now")
            check.equal(again.map(\.attempt), [2], "the attempt")
            try await check.expectExactCounts()
        },
        Rule("deleting takes jobs that are over with all that they held, live ones only when told, running ones never") { check in
            let worker = try await check.join()
            let input = RuleCheck.input { ($0.key, $0.terms.tags) = ("once", ["gone"]) }
            let over = try await check.jobs.enqueue([input])[0].id
            try await check.end(
                try await check.claimOne(worker).execution, by: worker, .failed, .wait(until: check.subject.now() + .seconds(-1)))
            try await check.end(try await check.claimOne(worker).execution, by: worker, .completed, .complete)
            let running = try await check.add()
            _ = try await check.claimOne(worker)
            let available = try await check.add()
            let scheduled = try await check.add { $0.runAt = check.subject.now() + .seconds(3600) }
            let all = [over, running, available, scheduled, JobID(rawValue: 7)]
            check.equal(
                try await check.control.delete(all, evenLive: false),
                [.changed, .refused(.running), .refused(.available), .refused(.scheduled), .notFound], "the answers")
            check.equal(
                try await check.control.delete(all, evenLive: true), [.notFound, .refused(.running), .changed, .changed, .notFound],
                "the answers for live jobs too")
            try await check.subject.crashAndReopen()
            check.equal(try await check.list().map(\.id), [running], "the jobs that are left")
            var tagged = JobSelector()
            tagged.tags = ["gone"]
            check.equal(try await check.list(tagged), [], "the jobs with the tag of a deleted one")
            check.equal(try await check.inspection.job(over), nil, "a deleted job in full")
            let new = try await check.jobs.enqueue([input])[0]
            check.equal(new, .added(new.id), "an enqueue with the key of a deleted job")
            check.expect(new.id > scheduled, "the ID \(new.id) is not above those of deleted jobs")
            check.equal(try await check.detail(new.id).executions, [], "the executions of the new job")
            try await check.expectExactCounts()
        },
    ]
}
