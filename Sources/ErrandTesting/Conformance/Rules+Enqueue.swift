// Rules about taking jobs in: durability, idempotency keys, what is kept.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let enqueueRules: [Rule] = [
        Rule("an acknowledged job survives the death of every process") { check in
            let ids = try await check.add(count: 3)
            try await check.subject.crashAndReopen()
            for id in ids { try await check.expectState(id, .available, "an acknowledged job after a crash") }
            let worker = try await check.join()
            check.equal(try await check.claim(worker).map(\.execution.job), ids, "what a worker finds after a crash")
        },
        Rule("whatever durability a job asks for, it survives the death of every process") { check in
            let results = try await check.jobs.enqueue(
                Durability.allCases.map { durability in RuleCheck.input { $0.durability = durability } })
            try await check.subject.crashAndReopen()
            for result in results { try await check.expectState(result.id, .available, "an acknowledged job after a crash") }
        },
        Rule("a job is kept exactly as it was given, byte by byte") { check in
            let earlier = try await check.add()
            let trace = TraceContext(
                traceID: "4bf92f3577b34da6a3ce929d0e0e4736", spanID: "00f067aa0ba902b7", isSampled: true, traceState: "a=1", baggage: "b=2")
            let parent = ExecutionID(earlier, 3)
            let id = try await check.add { input in
                input.payload = Array("{ \"a\" : \"\u{E9}\u{1F980}\" ,\n \"b\":[1.0e2 ] }".utf8)
                input.priority = -7
                input.maxAttempts = 9
                input.timeout = .milliseconds(1500)
                input.key = "invoice-7"
                input.meta = ["traceId": "t-1", "": "empty", "k=v": "\"quoted\""]
                input.label = "a line\tfor people"
                input.trace = trace
                input.traceRelation = .link
                input.parent = parent
                input.root = ExecutionID(earlier, 1)
            }
            let input = RuleCheck.input()
            let detail = try await check.detail(id)
            let payload = Array("{ \"a\" : \"\u{E9}\u{1F980}\" ,\n \"b\":[1.0e2 ] }".utf8)
            check.equal(detail.payload, payload, "the payload")
            check.equal(detail.summary.kind, input.kind, "the kind")
            check.equal(detail.summary.queue, input.queue, "the queue")
            check.equal(detail.summary.priority, -7, "the priority")
            check.equal(detail.summary.maxAttempts, 9, "the attempts that may count")
            check.equal(detail.summary.attempt, 0, "the attempts that have counted")
            check.equal(detail.summary.key, "invoice-7", "the key")
            check.equal(detail.summary.label, "a line\tfor people", "the label")
            check.equal(detail.timeout, .milliseconds(1500), "the timeout")
            check.equal(detail.trace, trace, "the trace")
            check.equal(detail.traceRelation, .link, "the relation to the trace")
            check.equal(detail.parent, parent, "the parent")
            check.equal(detail.root, ExecutionID(earlier, 1), "the root")
            let worker = try await check.join()
            let claimed = try await check.claimOne(worker)
            check.equal(claimed.execution.job, id, "the job with the lower priority number comes first")
            check.equal(claimed.payload, payload, "the claimed payload")
            check.equal(claimed.meta, ["traceId": "t-1", "": "empty", "k=v": "\"quoted\""], "the claimed meta")
            check.equal(claimed.meta, detail.summary.meta, "the meta in full")
            check.equal(claimed.key, "invoice-7", "the claimed key")
            check.equal(claimed.timeout, .milliseconds(1500), "the claimed timeout")
            check.equal(claimed.trace, trace, "the claimed trace")
            check.equal(claimed.traceRelation, .link, "the claimed relation to the trace")
            check.equal(claimed.parent, parent, "the claimed parent")
            check.equal(claimed.root, ExecutionID(earlier, 1), "the claimed root")
            check.equal(claimed.attempt, 1, "the claimed attempt")
            check.equal(claimed.maxAttempts, 9, "the claimed maximum")
        },
        Rule("a payload of the greatest length and an empty one are kept") { check in
            let long = [UInt8](repeating: UInt8(ascii: "7"), count: Limits.payloadBytes)
            let ids = [try await check.add { $0.payload = long }, try await check.add { $0.payload = [] }]
            check.expect(try await check.detail(ids[0]).payload == long, "a payload of 1 MiB came back changed")
            check.equal(try await check.detail(ids[1]).payload, [], "an empty payload")
            let worker = try await check.join()
            let claimed = try await check.claim(worker)
            check.equal(claimed.map(\.payload.count), [Limits.payloadBytes, 0], "the claimed lengths")
        },
        Rule("IDs grow in the order of enqueueing, across calls and crashes") { check in
            var ids = try await check.add(count: 50)
            ids.append(try await check.add())
            try await check.subject.crashAndReopen()
            ids += try await check.add(count: 2)
            check.equal(ids, ids.sorted(), "the order of IDs")
            check.equal(Set(ids).count, ids.count, "the number of different IDs")
        },
        Rule("the same key, kind and payload give the same job") { check in
            let input = RuleCheck.input { $0.key = "once" }
            let first = try await check.jobs.enqueue([input])[0]
            let again = try await check.jobs.enqueue([input])[0]
            check.equal(again, .existing(first.id), "the second enqueue with a key")
            var elsewhere = input
            elsewhere.queue = "other"
            elsewhere.priority = 5
            check.equal(try await check.jobs.enqueue([elsewhere])[0], .existing(first.id), "another queue and priority with the same key")
            try await check.subject.crashAndReopen()
            check.equal(try await check.jobs.enqueue([input])[0], .existing(first.id), "the enqueue with a key after a crash")
            check.equal(try await check.list().map(\.id), [first.id], "the jobs in the store")
        },
        Rule("a key with another kind or payload is a conflict, and nothing is added") { check in
            let first = try await check.add { $0.key = "once" }
            let kind = RuleCheck.input { ($0.key, $0.kind) = ("once", "other") }
            let payload = RuleCheck.input { ($0.key, $0.payload) = ("once", Array("[]".utf8)) }
            // The boundary between kind and payload counts: "k{" + "}" is not "k" + "{}".
            let shifted = RuleCheck.input { ($0.key, $0.kind, $0.payload) = ("once", "k{", Array("}".utf8)) }
            let results = try await check.jobs.enqueue([kind, payload, shifted])
            check.equal(results, [.conflict(first), .conflict(first), .conflict(first)], "enqueues with a key that is taken")
            check.equal(try await check.list().map(\.id), [first], "the jobs in the store")
        },
        Rule("a key is kept while its job runs, and after its end") { check in
            let input = RuleCheck.input { $0.key = "once" }
            let id = try await check.jobs.enqueue([input])[0].id
            let worker = try await check.join()
            let claimed = try await check.claimOne(worker)
            check.equal(try await check.jobs.enqueue([input])[0], .existing(id), "the enqueue while the job runs")
            try await check.end(claimed.execution, by: worker, .completed, .complete)
            check.equal(try await check.jobs.enqueue([input])[0], .existing(id), "the enqueue after the job has completed")
        },
        Rule("one job of a bulk enqueue fails alone") { check in
            let owner = try await check.add { $0.key = "taken" }
            let twin = RuleCheck.input { $0.key = "twin" }
            let conflict = RuleCheck.input { ($0.key, $0.kind) = ("taken", "other") }
            let results = try await check.jobs.enqueue([RuleCheck.input(), conflict, twin, twin, RuleCheck.input()])
            guard results.count == 5 else { return check.fail("5 jobs gave \(results.count) results") }
            check.equal(results[1], .conflict(owner), "the job whose key is taken")
            check.equal(results[3], .existing(results[2].id), "the second of two twins in one call")
            for place in [0, 2, 4] { check.equal(results[place], .added(results[place].id), "job \(place) of the call") }
            check.equal(Set(try await check.list().map(\.id)), Set([owner] + [0, 2, 4].map { results[$0].id }), "the jobs in the store")
        },
        Rule("an enqueue of nothing does nothing") { check in
            check.equal(try await check.jobs.enqueue([]), [], "the results of no jobs")
            check.equal(try await check.list().count, 0, "the jobs in the store")
        },
    ]
}
