// Rules about looking: lists, pages, names, counts.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let inspectionRules: [Rule] = [
        Rule("a list gives every job once, newest first, whatever the page size") { check in
            let ids = try await check.add(count: 23)
            for size in [1, 2, 7, 23, 24, 100] {
                check.equal(try await check.list(pageSize: size).map(\.id), ids.reversed(), "pages of \(size)")
            }
        },
        Rule("jobs that come and change while somebody turns pages make nothing appear twice or be missed") { check in
            let ids = try await check.add(count: 12)
            let worker = try await check.join()
            var seen: [JobID] = []
            var cursor: JobID?
            repeat {
                let page = try await check.inspection.jobs(matching: JobSelector(), before: cursor, limit: 5)
                seen += page.jobs.map(\.id)
                cursor = page.next
                _ = try await check.add()
                if let claimed = try await check.claim(worker, limit: 1).first {
                    try await check.end(claimed.execution, by: worker, .completed, .complete)
                }
            } while cursor != nil
            check.equal(seen, ids.reversed(), "the jobs on all pages")
        },
        Rule("a selector restricts by ID, queue, kind, state, meta and time of creation") { check in
            let plain = try await check.add()
            let other = try await check.add { ($0.queue, $0.kind, $0.meta) = ("r", "other", ["team": "a", "run": "1"]) }
            let third = try await check.add { ($0.kind, $0.meta) = ("other", ["team": "a"]) }
            let worker = try await check.join()
            _ = try await check.claimOne(worker)
            func ids(_ change: (inout JobSelector) -> Void) async throws -> [JobID] {
                var selector = JobSelector()
                change(&selector)
                return try await check.list(selector, pageSize: 2).map(\.id)
            }
            check.equal(try await ids { $0.ids = [third, plain, JobID(rawValue: 5)] }, [third, plain], "by ID")
            check.equal(try await ids { $0.queues = ["r"] }, [other], "by queue")
            check.equal(try await ids { $0.queues = ["r", "q"] }, [third, other, plain], "by two queues")
            check.equal(try await ids { $0.kinds = ["other"] }, [third, other], "by kind")
            check.equal(try await ids { $0.queues = ["nowhere"] }, [], "by a queue that nobody used")
            check.equal(try await ids { $0.states = [.running] }, [plain], "by state")
            check.equal(try await ids { $0.states = [.running, .available] }, [third, other, plain], "by two states")
            check.equal(try await ids { $0.meta = ["team": "a"] }, [third, other], "by meta")
            check.equal(try await ids { $0.meta = ["team": "a", "run": "1"] }, [other], "by two values of meta")
            check.equal(try await ids { ($0.kinds, $0.queues) = (["other"], ["q"]) }, [third], "by kind and queue")
            let created = try await check.detail(plain).summary.createdAt
            check.equal(try await ids { $0.since = created + .seconds(-60) }, [third, other, plain], "since before")
            check.equal(try await ids { $0.until = created }, [], "until the first creation")
            check.equal(try await ids { $0.since = check.subject.now() + .seconds(3600) }, [], "since a time to come")
        },
        Rule("every state can be listed, and a summary equals the one in full") { check in
            _ = try await check.add(count: 4) { $0.queue = "r" }
            let worker = try await check.join()
            let held = try await check.claim(worker, limit: 4, queues: ["r"])
            try await check.end(held[0].execution, by: worker, .completed, .complete)
            try await check.end(held[1].execution, by: worker, .failed, .bury(reason: "max_attempts"))
            try await check.end(held[2].execution, by: worker, .failed, .wait(until: check.subject.now() + .seconds(3600)))
            _ = try await check.add { ($0.key, $0.label, $0.meta, $0.priority) = ("a key", "label", ["a": "b"], 3) }
            _ = try await check.add { $0.runAt = check.subject.now() + .seconds(3600) }
            _ = try await check.control.cancel([try await check.add()], reason: "why not")
            let all = try await check.list()
            check.equal(all.count, 7, "the jobs")
            for summary in all {
                check.equal(try await check.detail(summary.id).summary, summary, "the summary in full")
                var selector = JobSelector()
                selector.states = [summary.state]
                check.expect(
                    try await check.list(selector).contains(summary), "\(summary.id) is not in the list of its state, \(summary.state)")
            }
            check.equal(
                Set(all.map(\.state)), [.completed, .dead, .retryable, .running, .available, .scheduled, .cancelled], "the states")
        },
        Rule("states answer for each ID in order, with nil for unknown ones") { check in
            let ids = try await check.add(count: 2)
            _ = try await check.control.cancel([ids[1]], reason: nil)
            check.equal(
                try await check.inspection.states(of: [ids[1], JobID(rawValue: 3), ids[0], ids[1]]),
                [.cancelled, nil, .available, .cancelled], "the states")
            check.equal(try await check.inspection.job(JobID(rawValue: 3)), nil, "an unknown job in full")
        },
        Rule("a job is found by its ID, a unique prefix, a suffix of four characters or more, or its key") { check in
            let ids = try await check.add(count: 30)
            let keyed = try await check.add { $0.key = "K:1" }
            let texts = ids.map(\.description)
            for (id, text) in zip(ids, texts).prefix(5) {
                check.equal(try await check.inspection.jobs(meantBy: text), [id], "the whole ID")
                check.equal(try await check.inspection.jobs(meantBy: text.uppercased()), [id], "the whole ID in capitals")
                let suffix = String(text.suffix(6))
                check.equal(try await check.inspection.jobs(meantBy: suffix), [id], "the suffix \(suffix)")
                let prefix = (1...13).lazy.map { String(text.prefix($0)) }.first { prefix in
                    (texts + [keyed.description]).filter { $0.hasPrefix(prefix) }.count == 1
                }
                check.equal(try await check.inspection.jobs(meantBy: prefix ?? text), [id], "the prefix \(prefix ?? text)")
            }
            check.equal(try await check.inspection.jobs(meantBy: "key:K:1"), [keyed], "the key")
            check.equal(try await check.inspection.jobs(meantBy: "key:unknown"), [], "an unknown key")
            check.equal(try await check.inspection.jobs(meantBy: "zzzzzzzzzzzzz"), [], "an unknown ID")
            check.equal(try await check.inspection.jobs(meantBy: "not an ID!"), [], "a text that is no ID")
            check.equal(try await check.inspection.jobs(meantBy: ""), [], "nothing at all")
            let ambiguous = try await check.inspection.jobs(meantBy: String(texts[0].prefix(3)))
            check.equal(ambiguous.count, 10, "how many a common prefix may mean")
            check.expect(Set(ambiguous).isSubset(of: Set(ids + [keyed])), "a common prefix means jobs that are not there")
        },
        Rule("counts equal a recount, and workers are shown with what they hold") { check in
            for (queue, kind) in [("q", "k"), ("q", "other"), ("r", "k")] {
                _ = try await check.add(count: 5) { ($0.queue, $0.kind) = (queue, kind) }
            }
            _ = try await check.add { $0.runAt = check.subject.now() + .seconds(3600) }
            let worker = try await check.join()
            let held = try await check.claim(worker, limit: 7, queues: ["q", "r"], kinds: ["k"])
            try await check.end(held[0].execution, by: worker, .completed, .complete)
            try await check.end(held[1].execution, by: worker, .failed, .wait(until: check.subject.now() + .seconds(3600)))
            try await check.end(held[2].execution, by: worker, .failed, .bury(reason: "max_attempts"))
            try await check.end(held[3].execution, by: worker, .interrupted, .giveBack)
            _ = try await check.control.cancel([held[3].execution.job], reason: nil)
            try await check.expectExactCounts()
            let stats = try await check.inspection.stats()
            check.equal(stats.workers.map(\.id), [worker], "the workers")
            check.equal(stats.workers.map(\.running), [3], "what the worker holds")
            check.equal(stats.workers.first?.description.queues, ["q": 100], "what the worker told")
            try await check.subject.crashAndReopen()
            try await check.expectExactCounts()
            check.equal(try await check.inspection.stats().workers, [], "the workers after a crash")
            try await check.rescueAll(by: try await check.join())
            try await check.expectExactCounts()
        },
        Rule("the oldest available job of each queue and kind is known") { check in
            let now = check.subject.now()
            _ = try await check.add { ($0.runAt, $0.priority) = (now + .seconds(-60), -5) }
            _ = try await check.add { $0.runAt = now + .seconds(-3600) }
            _ = try await check.add { ($0.queue, $0.runAt) = ("r", now + .seconds(-10)) }
            _ = try await check.add { ($0.queue, $0.runAt) = ("s", now + .seconds(3600)) }
            let oldest = try await check.inspection.stats().oldestAvailable.sorted { $0.queue < $1.queue }
            check.equal(
                oldest,
                [
                    .init(queue: "q", kind: "k", since: now + .seconds(-3600)), .init(queue: "r", kind: "k", since: now + .seconds(-10)),
                ], "the oldest")
        },
        Rule("what ended in the last hour is counted by outcome") { check in
            _ = try await check.add(count: 4)
            let worker = try await check.join()
            let held = try await check.claim(worker, limit: 4)
            try await check.end(held[0].execution, by: worker, .completed, .complete)
            try await check.end(held[1].execution, by: worker, .completed, .complete)
            try await check.end(held[2].execution, by: worker, .failed, .wait(until: check.subject.now() + .seconds(60)))
            try await check.end(held[3].execution, by: worker, .snoozed, .wait(until: check.subject.now() + .seconds(60)))
            let ended = try await check.inspection.stats().lastHour
            for (outcome, count) in [(Outcome.completed, 2), (.failed, 1), (.snoozed, 1), (.cancelled, 0)] {
                let counted = ended.filter { $0.outcome == outcome && $0.queue == "q" && $0.kind == "k" }.map(\.executions).reduce(0, +)
                check.equal(counted, count, "the executions that ended \(outcome)")
            }
        },
    ]
}

extension RuleCheck {
    /// Counts all jobs by hand and compares with the store's counters.
    func expectExactCounts() async throws {
        var counted: [String: Int] = [:]
        for summary in try await list() { counted["\(summary.queue) \(summary.kind) \(summary.state.rawValue)", default: 0] += 1 }
        var told: [String: Int] = [:]
        for count in try await inspection.stats().counts {
            told["\(count.queue) \(count.kind) \(count.state.rawValue)", default: 0] += count.jobs
            expect(count.jobs > 0, "a count of \(count.jobs) is told: \(count)")
        }
        equal(told, counted, "the counters")
    }
}
