// Rules about workflows: jobs that are counted together, and what waits for all of them.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let workflowRules: [Rule] = [
        Rule("a workflow counts its jobs, and ends with the last of them") { check in
            var draft = NewWorkflow()
            draft.name = "nightly"
            draft.jobs = [RuleCheck.input(), RuleCheck.input { $0.after = [Dependency(.entry(0))] }, RuleCheck.input()]
            let start = try await check.workflows.start(draft)
            let ids = start.jobs.map(\.id)
            var status = try await check.status(start.id)
            check.equal([status.total, status.live, status.dead, status.cancelled], [3, 3, 0, 0], "the counts at the start")
            check.equal(status.name, "nightly", "the name")
            check.equal(status.state, .running, "the state at the start")
            check.equal(try await check.workflows.jobs(of: start.id, after: nil, limit: 10), ids, "its jobs")
            check.equal(try await check.workflows.jobs(of: start.id, after: ids[0], limit: 1), [ids[1]], "a page of its jobs")
            check.equal(try await check.detail(ids[1]).summary.workflow, start.id, "the workflow of a job")
            var selector = JobSelector()
            selector.workflow = start.id
            check.equal(try await check.list(selector, pageSize: 2).map(\.id), ids.reversed(), "the list of its jobs")
            let worker = try await check.join()
            for _ in 0..<2 {
                for held in try await check.claim(worker) {
                    check.equal(held.workflow, start.id, "the workflow of a claimed job")
                    try await check.end(held.execution, by: worker, .completed, .complete)
                }
            }
            status = try await check.status(start.id)
            check.equal([status.total, status.live, status.completed], [3, 0, 3], "the counts at the end")
            check.equal(status.state, .completed, "the state at the end")
            check.expect(status.endedAt != nil, "it has not ended")
            check.equal(try await check.workflows.workflows(before: nil, limit: 10).map(\.id), [start.id], "the list")
            check.equal(try await check.workflows.workflows(before: start.id, limit: 10).map(\.id), [], "the list below it")
            check.equal(try await check.workflows.workflows(meantBy: "\(start.id)").count, 1, "what its ID means")
            check.equal(try await check.workflows.workflows(meantBy: "\(start.id)".prefix(6).description), [start.id], "its beginning")
        },
        Rule("followers of a workflow run at its end as their policies say") { check in
            for isGood in [true, false] {
                var draft = NewWorkflow()
                draft.jobs = [RuleCheck.input(), RuleCheck.input()]
                draft.followers = [.init(RuleCheck.input(), ifFailed: .cascade), .init(RuleCheck.input(), ifFailed: .ignore)]
                let start = try await check.workflows.start(draft)
                let followers = start.followers.map(\.id)
                check.equal(try await check.inspection.states(of: followers), [.blocked, .blocked], "the followers at the start")
                let worker = try await check.join()
                let held = try await check.claim(worker)
                check.equal(held.map(\.execution.job), start.jobs.map(\.id), "what can be claimed")
                try await check.end(held[0].execution, by: worker, .completed, .complete)
                check.equal(try await check.inspection.states(of: followers), [.blocked, .blocked], "the followers in between")
                try await check.end(held[1].execution, by: worker, .failed, isGood ? .complete : .bury(reason: "x"))
                let wanted: [JobState] = isGood ? [.available, .available] : [.cancelled, .available]
                check.equal(try await check.inspection.states(of: followers), wanted, "the followers at the end")
                check.equal(try await check.status(start.id).state, isGood ? .completed : .dead, "the workflow")
                _ = try await check.control.delete(followers, evenLive: true)
            }
        },
        Rule("a retry of one of its jobs lets a workflow go on") { check in
            var draft = NewWorkflow()
            draft.jobs = [RuleCheck.input()]
            draft.followers = [.init(RuleCheck.input(), ifFailed: .hold)]
            let start = try await check.workflows.start(draft)
            let worker = try await check.join()
            let held = try await check.claimOne(worker)
            try await check.end(held.execution, by: worker, .failed, .bury(reason: "x"))
            check.equal(try await check.status(start.id).dead, 1, "the dead")
            try await check.expectState(start.followers[0].id, .blocked, "a follower that holds on")
            check.equal(try await check.control.retry([start.jobs[0].id], resettingAttempts: false), [.retried], "the retry")
            let status = try await check.status(start.id)
            check.equal([status.live, status.dead], [1, 0], "the counts after the retry")
            check.equal(status.endedAt, nil, "its end")
            let again = try await check.claimOne(worker)
            try await check.end(again.execution, by: worker, .completed, .complete)
            check.equal(try await check.status(start.id).state, .completed, "its state")
            try await check.expectState(start.followers[0].id, .available, "the follower")
        },
        Rule("an open workflow takes jobs until it is closed, a running one while it runs, one that has ended none") { check in
            var draft = NewWorkflow()
            draft.isOpen = true
            draft.followers = [.init(RuleCheck.input(), ifFailed: .cascade)]
            let start = try await check.workflows.start(draft)
            let worker = try await check.join()
            func run() async throws {
                let held = try await check.claimOne(worker)
                try await check.end(held.execution, by: worker, .completed, .complete)
            }
            for _ in 0..<2 {
                _ = try await check.add { $0.workflow = start.id }
                try await run()
                check.equal(try await check.status(start.id).state, .running, "an open workflow")
            }
            _ = try await check.add { $0.workflow = start.id }
            check.equal(try await check.workflows.close(start.id)?.isOpen, false, "a closed workflow")
            _ = try await check.add { $0.workflow = start.id }
            try await run()
            check.equal(try await check.status(start.id).state, .running, "a closed workflow with a live job")
            try await run()
            let status = try await check.status(start.id)
            check.equal([status.total, status.completed], [4, 4], "the counts")
            check.equal(status.state, .completed, "its state")
            try await check.expectState(start.followers[0].id, .available, "the follower")
            do {
                _ = try await check.jobs.enqueue([RuleCheck.input { $0.workflow = start.id }])
                check.fail("a job was added to a workflow that has ended")
            } catch JobStoreError.refused {
            }
            check.equal(try await check.workflows.close(WorkflowID(rawValue: 7))?.id, nil, "closing what is not there")
        },
        Rule("an open workflow without jobs ends when it is closed") { check in
            var draft = NewWorkflow()
            draft.isOpen = true
            draft.followers = [.init(RuleCheck.input(), ifFailed: .cascade)]
            let start = try await check.workflows.start(draft)
            try await check.expectState(start.followers[0].id, .blocked, "the follower before")
            check.equal(try await check.workflows.close(start.id)?.state, .completed, "the workflow")
            try await check.expectState(start.followers[0].id, .available, "the follower")
        },
        Rule("no job of a workflow waits for that workflow, on whichever way") { check in
            var draft = NewWorkflow()
            draft.jobs = [RuleCheck.input()]
            draft.followers = [.init(RuleCheck.input(), ifFailed: .cascade)]
            let start = try await check.workflows.start(draft)
            let below = try await check.add { $0.after = [Dependency(.job(start.followers[0].id))] }
            var second = NewWorkflow()
            second.jobs = [RuleCheck.input { $0.after = [Dependency(.job(below))] }]
            let other = try await check.workflows.start(second)
            for prerequisite in [Prerequisite.workflow(start.id), .job(start.followers[0].id), .job(below), .workflow(other.id)] {
                do {
                    _ = try await check.jobs.enqueue([
                        RuleCheck.input {
                            $0.workflow = start.id
                            $0.after = [Dependency(prerequisite)]
                        }
                    ])
                    check.fail("a job of \(start.id) that waits for \(prerequisite) was added")
                } catch JobStoreError.refused {
                }
            }
            do {
                _ = try await check.jobs.enqueue([
                    RuleCheck.input { $0.after = [Dependency(.job(below))] },
                    RuleCheck.input {
                        $0.workflow = start.id
                        $0.after = [Dependency(.entry(0))]
                    },
                ])
                check.fail("a job of \(start.id) that waits for another of its call was added, which waits for that")
            } catch JobStoreError.refused {
            }
            check.equal(try await check.status(start.id).total, 1, "how many jobs it has")
        },
        Rule("a repeated start with the same key gives the same workflow and adds nothing") { check in
            var draft = NewWorkflow()
            draft.key = "nightly 7"
            draft.jobs = [RuleCheck.input()]
            let first = try await check.workflows.start(draft)
            let second = try await check.workflows.start(draft)
            check.equal(second, WorkflowStart(id: first.id, isExisting: true, jobs: [], followers: []), "the repetition")
            draft.jobs.append(RuleCheck.input())
            do {
                _ = try await check.workflows.start(draft)
                check.fail("another workflow was started under the same key")
            } catch JobStoreError.refused {
            }
            check.equal(try await check.list().count, 1, "how many jobs there are")
        },
        Rule("a workflow with a dependency that is not on record is refused as a whole") { check in
            var draft = NewWorkflow()
            draft.jobs = [RuleCheck.input(), RuleCheck.input { $0.after = [Dependency(.job(JobID(rawValue: 7)))] }]
            do {
                _ = try await check.workflows.start(draft)
                check.fail("it was started")
            } catch JobStoreError.refused {
            }
            check.equal(try await check.list().count, 0, "how many jobs there are")
            check.equal(try await check.workflows.workflows(before: nil, limit: 10), [], "the workflows")
        },
        Rule("a workflow survives a crash, and its number is nobody else's") { check in
            var draft = NewWorkflow()
            draft.isOpen = true
            let start = try await check.workflows.start(draft)
            try await check.subject.crashAndReopen()
            let id = try await check.add { $0.workflow = start.id }
            check.expect(id.rawValue > start.id.rawValue, "the job \(id) does not come behind the workflow \(start.id)")
            check.equal(try await check.status(start.id).total, 1, "its jobs")
        },
        Rule("deleted jobs of a workflow have been cancelled for it, and it goes with the last of them") { check in
            var draft = NewWorkflow()
            draft.jobs = [RuleCheck.input(), RuleCheck.input()]
            let start = try await check.workflows.start(draft)
            let ids = start.jobs.map(\.id)
            check.equal(try await check.control.delete([ids[0]], evenLive: true), [.changed], "the first deletion")
            check.equal(try await check.status(start.id).cancelled, 1, "the cancelled")
            let worker = try await check.join()
            let held = try await check.claimOne(worker)
            try await check.end(held.execution, by: worker, .completed, .complete)
            let status = try await check.status(start.id)
            check.equal([status.total, status.live, status.cancelled], [2, 0, 1], "the counts at the end")
            check.equal(try await check.control.delete([ids[1]], evenLive: false), [.changed], "the second deletion")
            _ = try await check.control.prune(RetentionPolicy(), limit: 10)
            check.equal(try await check.workflows.workflow(start.id), nil, "the workflow")
        },
    ]
}

extension RuleCheck {
    func status(_ id: WorkflowID) async throws -> WorkflowStatus {
        try require(try await workflows.workflow(id), "the workflow \(id) is gone")
    }
}
