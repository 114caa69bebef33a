// Rules about claims: order, limits, kinds, one holder for each job.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let claimRules: [Rule] = [
        Rule("a claim that finds nothing tells, if asked, whether others hold such jobs") { check in
            _ = try await check.add()
            _ = try await check.add { $0.kind = "other" }
            let (holder, asker) = (try await check.join(), try await check.join())
            func asking(kinds: [String] = ["k"]) async throws -> ExchangeReply {
                var claim = RuleCheck.claim(kinds: kinds)
                claim.asksAboutOthers = true
                return try await check.jobs.exchange(ExchangeRequest(worker: asker, claim: claim))
            }
            let held = try await check.claimOne(holder)
            check.equal(try await asking().othersHold, true, "while another worker holds one")
            check.equal(try await asking(kinds: ["absent"]).othersHold, false, "about a kind that nobody holds")
            try await check.end(held.execution, by: holder, .completed, .complete)
            check.equal(try await asking().othersHold, false, "after its end")
            check.equal(try await asking(kinds: ["other"]).claimed.count, 1, "what the asker gets itself")
            check.equal(try await asking(kinds: ["other"]).othersHold, false, "about a job that the asker holds itself")
        },
        Rule("a queue gives its jobs by priority, then by due time, then by ID, whatever their kinds") { check in
            let now = check.subject.now()
            func add(_ priority: Int, _ secondsAgo: Int?, _ kind: String = "k") async throws -> JobID {
                try await check.add { input in
                    input.kind = kind
                    input.priority = priority
                    input.runAt = secondsAgo.map { now + .seconds(-$0) }
                }
            }
            let plain = try await add(0, nil)
            let late = try await add(5, 7200, "other")
            let recent = try await add(0, 60, "other")
            let old = try await add(0, 3600, "other")
            let twin = try await add(0, 3600)
            let urgent = try await add(-100, nil, "other")
            let last = try await add(100, 7200)
            let worker = try await check.join()
            let order = [urgent, old, twin, recent, plain, late, last]
            check.equal(
                try await check.claim(worker, limit: 3, kinds: ["k", "other"]).map(\.execution.job), Array(order[..<3]), "the first claim")
            check.equal(
                try await check.claim(worker, limit: 9, kinds: ["other", "k"]).map(\.execution.job), Array(order[3...]), "the second claim")
        },
        Rule("several kinds of a queue share one order") { check in
            var ids: [JobID] = []
            for place in 0..<12 { ids.append(try await check.add { $0.kind = "kind\(place % 4)" }) }
            let worker = try await check.join()
            let kinds = (0..<4).map { "kind\($0)" }
            let first = try await check.claim(worker, limit: 7, kinds: kinds).map(\.execution.job)
            let rest = try await check.claim(worker, limit: 7, kinds: kinds).map(\.execution.job)
            check.equal(first + rest, ids, "the jobs of four kinds")
        },
        Rule("a claim takes at most its limit, and of each queue at most its share, queue after queue") { check in
            let q = try await check.add(count: 4)
            let r = try await check.add(count: 4) { $0.queue = "r" }
            let worker = try await check.join()
            let claim = ClaimRequest(limit: 5, queues: [.init(queue: "r", limit: 2), .init(queue: "q", limit: 9)], kinds: ["k"])
            let reply = try await check.jobs.exchange(ExchangeRequest(worker: worker, claim: claim))
            check.equal(reply.claimed.map(\.execution.job), [r[0], r[1], q[0], q[1], q[2]], "a claim of 5 with a share of 2")
            let none = ClaimRequest(limit: 0, queues: [.init(queue: "r", limit: 2)], kinds: ["k"])
            check.equal(try await check.jobs.exchange(ExchangeRequest(worker: worker, claim: none)).claimed, [], "a claim of none")
            let closed = ClaimRequest(limit: 5, queues: [.init(queue: "r", limit: 0)], kinds: ["k"])
            check.equal(try await check.jobs.exchange(ExchangeRequest(worker: worker, claim: closed)).claimed, [], "a share of none")
            check.equal(try await check.claim(worker, queues: ["unknown"]), [], "a claim from a queue that nobody used")
        },
        Rule("jobs of kinds that nobody asked for stay where they are and hide nothing") { check in
            let strangers = try await check.add(count: 40) { ($0.kind, $0.priority) = ("stranger", -50) }
            let mine = try await check.add(count: 2)
            let worker = try await check.join()
            check.equal(try await check.claim(worker, limit: 1).map(\.execution.job), [mine[0]], "a claim behind 40 strangers")
            check.equal(try await check.claim(worker, limit: 9).map(\.execution.job), [mine[1]], "a claim of more than there is")
            check.equal(try await check.claim(worker, kinds: []), [], "a claim without kinds")
            check.equal(try await check.inspection.states(of: strangers), strangers.map { _ in .available }, "the strangers")
            check.equal(try await check.claim(worker, limit: 40, kinds: ["stranger"]).map(\.execution.job), strangers, "the other claim")
        },
        Rule("a claimed job is running, and on record with its worker and start") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let claimed = try await check.claimOne(worker)
            check.expect(claimed.execution.ordinal > 0, "an ordinal is 1 or more: \(claimed.execution)")
            let detail = try await check.detail(id)
            check.equal(detail.summary.state, .running, "the state")
            check.equal(detail.summary.attempt, 1, "the running attempt")
            let record = ExecutionRecord(
                execution: claimed.execution, attempt: 1, worker: worker, startedAt: claimed.startedAt, finishedAt: nil, outcome: nil,
                error: nil)
            check.equal(detail.executions, [record], "the executions")
        },
        Rule("two workers that claim at the same moment never get the same job") { check in
            let ids = try await check.add(count: 6)
            let (a, b) = (try await check.join(), try await check.join())
            let claim = RuleCheck.claim(limit: 4)
            let (one, two) = try await check.subject.exchangeAtOnce(
                ExchangeRequest(worker: a, claim: claim), ExchangeRequest(worker: b, claim: claim))
            check.equal((one.claimed + two.claimed).map(\.execution.job).sorted(), ids, "what two claims of 4 took from 6 jobs")
            for (worker, reply) in [(a, one), (b, two)] {
                for claimed in reply.claimed {
                    check.equal(
                        try await check.detail(claimed.execution.job).executions.map(\.worker), [worker], "who holds \(claimed.execution)")
                }
            }
        },
        Rule("many claims at once take every job exactly once") { check in
            let ids = try await check.add(count: 60)
            let jobs = check.jobs
            let workers = [try await check.join(), try await check.join(), try await check.join()]
            let taken = try await withThrowingTaskGroup(of: [JobID].self) { group in
                for round in 0..<30 {
                    group.addTask {
                        let request = ExchangeRequest(worker: workers[round % 3], claim: RuleCheck.claim(limit: 3))
                        return try await jobs.exchange(request).claimed.map(\.execution.job)
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            check.equal(taken.sorted(), ids, "what 30 claims of 3 took from 60 jobs")
        },
        Rule("a worker that the register does not know claims nothing") { check in
            let id = try await check.add()
            let worker = try await check.join()
            try await check.jobs.leave(worker)
            let reply = try await check.jobs.exchange(ExchangeRequest(worker: worker, claim: RuleCheck.claim()))
            check.expect(!reply.isRegistered, "a worker that left is still registered")
            check.equal(reply.claimed, [], "what it claimed")
            try await check.expectState(id, .available, "the job")
        },
    ]
}
