// Rules about who is next: turns of limit keys in a fair queue, weights of queues, slots for urgent work.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let turnRules: [Rule] = [
        Rule("in a fair queue limit keys take turns, however many jobs one has waiting") { check in
            try await check.queues.change(.queue("q"), [.fair(true)])
            let many = try await check.add(count: 100, key: "many")
            let few = try await check.add(count: 5, key: "few")
            let alone = try await check.add()
            let worker = try await check.join()
            let order = try await check.claim(worker, limit: 15).map(\.execution.job)
            check.equal(order.filter { few.contains($0) }, few, "when the jobs of the small key started")
            check.expect(order.contains(alone), "a job without a key was not among the first fifteen")
            check.equal(order.count { many.contains($0) }, 9, "how many of the large key started beside them")
        },
        Rule("in a fair queue a key's weight is its part of the starts") { check in
            try await check.queues.change(.queue("q"), [.fair(true)])
            try await check.queues.change(.key("heavy", queue: "q"), [.weight(3)])
            let heavy = try await check.add(count: 300, key: "heavy")
            _ = try await check.add(count: 300, key: "light")
            let worker = try await check.join()
            let started = try await check.claim(worker, limit: 100).map(\.execution.job)
            let share = started.count { heavy.contains($0) }
            check.expect((74...76).contains(share), "of 100 starts \(share) were of the key with three times the weight")
        },
        Rule("a fair queue keeps to priorities, and a queue that is fair no more goes by age again") { check in
            try await check.queues.change(.queue("q"), [.fair(true)])
            _ = try await check.add(count: 3, key: "many")
            let urgent = try await check.add(count: 2, key: "many") { $0.priority = -1 }
            let worker = try await check.join()
            check.equal(try await check.claim(worker, limit: 2).map(\.execution.job), urgent, "what starts first")
            _ = try await check.claim(worker)
            try await check.queues.change(.queue("q"), [.fair(false)])
            let first = try await check.add(count: 3, key: "many")
            let second = try await check.add(count: 3, key: "few")
            check.equal(try await check.claim(worker).map(\.execution.job), first + second, "the order by age")
        },
        Rule("queues are served by their weights where the claim asks for that, and none of their slots stays free") { check in
            try await check.queues.change(.queue("q"), [.weight(3)])
            _ = try await check.add(count: 40)
            _ = try await check.add(count: 40) { $0.queue = "r" }
            let worker = try await check.join()
            func claim(_ limit: Int) async throws -> [String] {
                var request = RuleCheck.claim(limit: limit, queues: ["r", "q"])
                request.order = .weighted
                return try await check.jobs.exchange(ExchangeRequest(worker: worker, claim: request)).claimed.map(\.queue)
            }
            check.equal(try await claim(40).count { $0 == "q" }, 30, "how many of 40 are of the queue with three times the weight")
            check.equal(try await claim(40).count, 40, "how many are given when one queue runs out")
        },
        Rule("a claim without an order asks queue after queue") { check in
            try await check.queues.change(.queue("q"), [.weight(1000)])
            let last = try await check.add(count: 2)
            let first = try await check.add(count: 2) { $0.queue = "r" }
            let worker = try await check.join()
            check.equal(try await check.claim(worker, queues: ["r", "q"]).map(\.execution.job), first + last, "the order")
        },
        Rule("spare slots are for urgent jobs of any queue, which take the others, too") { check in
            let ids = try await check.add(count: 5)
            let worker = try await check.join()
            func claim(_ limit: Int) async throws -> [JobID] {
                var request = RuleCheck.claim(limit: limit, queues: ["q", "r"])
                request.spare = SpareSlots(2, priority: -10)
                return try await check.jobs.exchange(ExchangeRequest(worker: worker, claim: request)).claimed.map(\.execution.job)
            }
            check.equal(try await claim(4), Array(ids[..<2]), "a claim of four slots, two of them spare")
            check.equal(try await claim(2), [], "a claim of the spare slots alone")
            _ = try await check.add { $0.priority = -9 }
            check.equal(try await claim(2), [], "a claim of them when a job is not urgent enough")
            let urgent = try await check.add(count: 2) { ($0.priority, $0.queue) = (-10, "r") }
            check.equal(try await claim(2), urgent, "a claim of them for urgent jobs")
        },
    ]
}
