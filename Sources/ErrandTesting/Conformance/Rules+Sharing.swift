// Rules about several openings of one store: processes see each other's work, whatever they remember.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let sharingRules: [Rule] = [
        Rule("what one opening adds another claims, new queues and kinds included, also when it had looked before") { check in
            let other = try await check.subject.openAnother()
            let worker = try await check.join()
            let kinds = ["k", "new"]
            check.equal(try await check.claim(worker, queues: ["q", "r"], kinds: kinds), [], "a claim from an empty store")
            for (queue, kind) in [("q", "k"), ("q", "new"), ("r", "k"), ("r", "new")] {
                let input = RuleCheck.input { ($0.queue, $0.kind) = (queue, kind) }
                let id = try await other.jobs.enqueue([input])[0].id
                let claimed = try await check.claim(worker, queues: ["q", "r"], kinds: kinds)
                check.equal(claimed.map(\.execution.job), [id], "a claim after another opening added \(kind) to \(queue)")
                check.equal(claimed.map(\.kind), [kind], "the claimed kind")
                check.equal(claimed.map(\.queue), [queue], "the claimed queue")
            }
        },
        Rule("IDs grow over all openings, and each finds the other's keys") { check in
            let other = try await check.subject.openAnother()
            var ids: [JobID] = []
            for round in 0..<6 {
                let input = RuleCheck.input { ($0.key, $0.kind) = ("key\(round)", "kind\(round / 2)") }
                let (first, second) = round % 2 == 0 ? (check.jobs, other.jobs) : (other.jobs, check.jobs)
                let id = try await first.enqueue([input])[0].id
                check.equal(try await second.enqueue([input])[0], .existing(id), "the key through the other opening")
                ids.append(id)
            }
            check.equal(ids, Array(Set(ids)).sorted(), "the IDs in the order of enqueueing")
            check.equal(try await check.list().map(\.kind), ["kind2", "kind2", "kind1", "kind1", "kind0", "kind0"], "the kinds")
            try await check.expectExactCounts()
        },
        Rule("a worker of another opening lives, and its execution can be cancelled from here") { check in
            let other = try await check.subject.openAnother()
            let id = try await check.add()
            let mine = try await check.join()
            let theirs = try await other.jobs.join(check.description())
            let request = ExchangeRequest(worker: theirs, claim: RuleCheck.claim())
            let claimed = try check.require(try await other.jobs.exchange(request).claimed.first, "a claim found no job")
            check.equal(try await check.jobs.casualties(seenBy: mine), [], "the casualties that this opening sees")
            check.equal(try await other.jobs.casualties(seenBy: theirs), [], "the casualties that the other sees")
            check.equal(try await check.control.cancel([id], reason: "stop"), [.requested(claimed.execution)], "the wish")
            let heard = try await other.jobs.exchange(ExchangeRequest(worker: theirs)).cancellations
            check.equal(heard, [.init(execution: claimed.execution, reason: "stop")], "what the other opening's worker hears")
            check.equal(
                try await check.beat(mine, [check.report(claimed.execution, .completed, .complete)]).results, [.leaseLost],
                "a report from this opening's worker")
            let report = check.report(claimed.execution, .cancelled, .cancel(reason: "stop"))
            check.equal(try await other.jobs.exchange(ExchangeRequest(worker: theirs, reports: [report])).results, [.accepted], "the end")
            try await check.expectState(id, .cancelled, "the job, seen from here")
            try await check.expectExactCounts()
        },
        Rule("a worker that was rescued from another opening learns it") { check in
            let other = try await check.subject.openAnother()
            let id = try await check.add()
            let late = try await check.join(lease: .seconds(1))
            let old = try await check.claimOne(late)
            let watcher = try await other.jobs.join(check.description())
            try await check.subject.advance(by: .milliseconds(1200))
            let casualty = try check.require(try await other.jobs.casualties(seenBy: watcher).first, "no casualty was found")
            check.equal(casualty.cause, .overdue, "how it is known")
            check.equal(try await other.jobs.rescue(casualty, suspectThreshold: nil), [old.execution], "what was cut")
            let request = ExchangeRequest(worker: watcher, claim: RuleCheck.claim())
            let new = try check.require(try await other.jobs.exchange(request).claimed.first, "a claim found no job")
            check.expect(new.execution.ordinal > old.execution.ordinal, "the ordinal did not grow: \(old.execution), \(new.execution)")
            let reply = try await check.beat(late, [check.report(old.execution, .completed, .complete)])
            check.expect(!reply.isRegistered, "a rescued worker is still registered")
            check.equal(reply.results, [.leaseLost], "its report")
            try await check.expectState(id, .running, "the job")
        },
        Rule("a sign of life through another opening undoes the judgement of this one") { check in
            let other = try await check.subject.openAnother()
            let id = try await check.add()
            let late = try await other.jobs.join(check.description(lease: .seconds(1)))
            let watcher = try await check.join()
            let request = ExchangeRequest(worker: late, claim: RuleCheck.claim())
            let claimed = try check.require(try await other.jobs.exchange(request).claimed.first, "a claim found no job")
            try await check.subject.advance(by: .milliseconds(1200))
            let casualty = try check.require(try await check.jobs.casualties(seenBy: watcher).first, "no casualty was found")
            check.expect(try await other.jobs.exchange(ExchangeRequest(worker: late)).isRegistered, "the late worker is not registered")
            check.equal(try await check.jobs.rescue(casualty, suspectThreshold: nil), [], "what the rescue cut")
            try await check.expectState(id, .running, "the job")
            let report = check.report(claimed.execution, .completed, .complete)
            check.equal(try await other.jobs.exchange(ExchangeRequest(worker: late, reports: [report])).results, [.accepted], "its report")
        },
        Rule("many claims through two openings at once take every job exactly once") { check in
            let other = try await check.subject.openAnother()
            let ids = try await check.add(count: 60)
            let openings = [check.jobs, other.jobs]
            let workers = [try await check.join(), try await other.jobs.join(check.description())]
            let taken = try await withThrowingTaskGroup(of: [JobID].self) { group in
                for round in 0..<30 {
                    let (jobs, worker) = (openings[round % 2], workers[round % 2])
                    group.addTask {
                        try await jobs.exchange(ExchangeRequest(worker: worker, claim: RuleCheck.claim(limit: 3))).claimed.map(
                            \.execution.job)
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            check.equal(taken.sorted(), ids, "what 30 claims of 3 took from 60 jobs")
        },
        Rule("an enqueue, an outcome, a wish and a log line through one opening ring in another") { check in
            let other = try await check.subject.openAnother()
            let worker = try await other.jobs.join(check.description())
            try await check.expectRing(.work, about: "an enqueue through another opening") {
                _ = try await other.jobs.enqueue([RuleCheck.input()])
            }
            let request = ExchangeRequest(worker: worker, claim: RuleCheck.claim())
            let claimed = try check.require(try await other.jobs.exchange(request).claimed.first, "a claim found no job")
            try await check.expectRing(.control, about: "a wish through another opening") {
                _ = try await other.control.cancel([claimed.execution.job], reason: nil)
            }
            try await check.expectRing(.log, about: "an append through another opening") {
                _ = try await other.logs.append([RuleCheck.chunk(claimed.execution.job)], dropping: [])
            }
            try await check.expectRing(.outcome, about: "an outcome through another opening") {
                let report = check.report(claimed.execution, .completed, .complete)
                _ = try await other.jobs.exchange(ExchangeRequest(worker: worker, reports: [report]))
            }
        },
        Rule("log cursors grow over all openings") { check in
            let other = try await check.subject.openAnother()
            let id = try await check.add()
            var cursors: [Int64] = []
            for round in 0..<6 {
                let logs = round % 2 == 0 ? check.logs : other.logs
                cursors += try await logs.append([RuleCheck.chunk(id, 1, Int64(round * 2 + 1))], dropping: [])
            }
            check.equal(cursors, Array(Set(cursors)).sorted(), "the cursors in the order of appending")
            check.equal(try await other.logs.chunks(after: 0, limit: 10).map(\.cursor), cursors, "what the other opening reads")
        },
        Rule("pruning through one opening releases keys for the other") { check in
            let other = try await check.subject.openAnother()
            let worker = try await check.join()
            let input = RuleCheck.input { $0.key = "once" }
            let old = try await check.jobs.enqueue([input])[0].id
            try await check.end(try await check.claimOne(worker).execution, by: worker, .completed, .complete)
            try await check.subject.advance(by: .milliseconds(5))
            let report = try await other.control.prune(RuleCheck.policy { $0.completed = .zero }, limit: 10)
            check.equal(report.jobs, [old], "what was deleted")
            let new = try await check.jobs.enqueue([input])[0]
            check.equal(new, .added(new.id), "the enqueue with the released key")
            check.expect(new.id > old, "the ID \(new.id) is not above that of the deleted job, \(old)")
        },
    ]
}
