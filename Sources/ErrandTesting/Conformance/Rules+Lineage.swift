// Rules about where jobs come from: earlier executions, parents, roots.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let lineageRules: [Rule] = [
        Rule("a claim knows the execution before it, however that one ended, and since when the job was due") { check in
            let now = check.subject.now()
            let id = try await check.add { $0.runAt = now + .seconds(-60) }
            let worker = try await check.join()
            var last: ExecutionID?
            func claim() async throws -> ClaimedJob {
                let claimed = try await check.claimOne(worker)
                check.equal(claimed.previous, last, "the execution before \(claimed.execution)")
                check.equal(claimed.dueAt, now + .seconds(-60), "when the job of \(claimed.execution) became due")
                last = claimed.execution
                return claimed
            }
            try await check.end(try await claim().execution, by: worker, .failed, .wait(until: now + .seconds(-1)))
            try await check.end(try await claim().execution, by: worker, .interrupted, .giveBack)
            try await check.end(try await claim().execution, by: worker, .snoozed, .wait(until: now + .seconds(-1)))
            try await check.end(try await claim().execution, by: worker, .failed, .bury(reason: "max_attempts"))
            _ = try await check.control.retry([id], resettingAttempts: true)
            try await check.end(try await claim().execution, by: worker, .completed, .complete)
            let other = try await check.add()
            check.equal(try await check.claimOne(worker).previous, nil, "the execution before the first of \(other)")
        },
        Rule("a tree holds a job and all that name one of its executions as their root, oldest first, and no other") { check in
            let root = try await check.add()
            let rooted = ExecutionID(root, 2)
            let trace = TraceContext(traceID: "4bf92f3577b34da6a3ce929d0e0e4736", spanID: "00f067aa0ba902b7", isSampled: false)
            func add(below parent: ExecutionID, root: ExecutionID) async throws -> JobID {
                try await check.add { ($0.parent, $0.root, $0.trace, $0.traceRelation) = (parent, root, trace, .link) }
            }
            let child = try await add(below: rooted, root: rooted)
            let stranger = try await check.add()
            let grandchild = try await add(below: ExecutionID(child, 1), root: rooted)
            let second = try await add(below: ExecutionID(root, 3), root: ExecutionID(root, 3))
            let alien = try await add(below: ExecutionID(stranger, 1), root: ExecutionID(stranger, 1))
            let tree = try await check.inspection.tree(rootedAt: root, limit: 10)
            check.equal(tree.jobs.map(\.id), [root, child, grandchild, second], "the jobs of the tree")
            check.equal(tree.total, 4, "how many they are")
            check.equal(tree.jobs.map(\.parent), [nil, rooted, ExecutionID(child, 1), ExecutionID(root, 3)], "their parents")
            check.equal(tree.jobs.map(\.trace), [nil, trace, trace, trace], "their places in a trace")
            check.equal(tree.jobs.map(\.traceRelation), [.child, .link, .link, .link], "their relations to it")
            check.equal(try await check.inspection.tree(rootedAt: stranger, limit: 10).jobs.map(\.id), [stranger, alien], "another tree")
            check.equal(try await check.inspection.tree(rootedAt: grandchild, limit: 10).jobs.map(\.id), [grandchild], "a leaf's own tree")
            for limit in 0...4 {
                let part = try await check.inspection.tree(rootedAt: root, limit: limit)
                check.equal(part.jobs.map(\.id), Array([root, child, grandchild, second].prefix(limit)), "the tree up to \(limit)")
                check.equal(part.total, 4, "how many there are beside the limit of \(limit)")
            }
            let none = try await check.inspection.tree(rootedAt: JobID(rawValue: 3), limit: 10)
            check.equal(none, JobTree(jobs: [], total: 0), "the tree of an unknown job")
        },
        Rule("a tree tells of every job what the job in full tells, and stays when its root was pruned") { check in
            let root = try await check.add()
            let rooted = ExecutionID(root, 1)
            let child = try await check.add { ($0.parent, $0.root, $0.runAt) = (rooted, rooted, check.subject.now() + .seconds(-1)) }
            let worker = try await check.join()
            for claimed in try await check.claim(worker) where claimed.execution.job == root {
                try await check.end(claimed.execution, by: worker, .completed, .complete)
            }
            for job in try await check.inspection.tree(rootedAt: root, limit: 10).jobs {
                check.equal(job, JobLineage(try await check.detail(job.id)), "a job of the tree")
            }
            check.equal(try await check.prune(RuleCheck.policy { $0.finishedJobs = 0 }), [root], "what was pruned")
            let tree = try await check.inspection.tree(rootedAt: root, limit: 10)
            check.equal(tree.jobs.map(\.id), [child], "the tree without its root")
            check.equal(tree.total, 1, "how many jobs it has")
        },
    ]
}
