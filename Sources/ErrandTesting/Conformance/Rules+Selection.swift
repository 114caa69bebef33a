// Rules about finding jobs by their tags and by what their payloads hold.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let selectionRules: [Rule] = [
        Rule("a list by tags gives the jobs that have all of them, newest first, in every state and page size") { check in
            let worker = try await check.join()
            let first = try await check.add { $0.terms.tags = ["import", "nightly"] }
            let second = try await check.add { $0.terms.tags = ["import"] }
            _ = try await check.add()
            let third = try await check.add { job in
                job.terms.tags = ["import", "nightly"]
                job.runAt = check.subject.now() + .seconds(3600)
            }
            try await check.end(try await check.claimOne(worker).execution, by: worker, .completed, .complete)
            func tagged(_ tags: String..., states: Set<JobState> = [], pageSize: Int = 100) async throws -> [JobID] {
                var selector = JobSelector()
                (selector.tags, selector.states) = (tags, states)
                return try await check.list(selector, pageSize: pageSize).map(\.id)
            }
            for size in [1, 2, 100] {
                check.equal(try await tagged("import", pageSize: size), [third, second, first], "with one tag, in pages of \(size)")
                check.equal(try await tagged("import", "nightly", pageSize: size), [third, first], "with both, in pages of \(size)")
            }
            check.equal(try await tagged("nightly", states: [.completed]), [first], "with a tag and a state")
            check.equal(try await tagged("weekly"), [], "with a tag that no job has")
            check.equal(try await check.detail(first).summary.tags, ["import", "nightly"], "the tags that a job shows")
        },
        Rule("tags survive a crash, a retry and the job's end, and go when it is deleted") { check in
            let worker = try await check.join()
            let id = try await check.add { $0.terms.tags = ["keep"] }
            try await check.end(
                try await check.claimOne(worker).execution, by: worker, .failed, .wait(until: check.subject.now() + .seconds(-1)))
            let again = try await check.claimOne(worker)
            check.equal(again.terms.tags, ["keep"], "the tags of the second attempt")
            try await check.end(again.execution, by: worker, .completed, .complete)
            try await check.subject.crashAndReopen()
            var selector = JobSelector()
            selector.tags = ["keep"]
            check.equal(try await check.list(selector).map(\.id), [id], "what has the tag")
            try await check.subject.advance(by: .milliseconds(5))
            check.equal(try await check.prune(RuleCheck.policy { $0.completed = .zero }), [id], "what was pruned")
            check.equal(try await check.list(selector), [], "what has the tag afterwards")
        },
        Rule("a list by arguments gives the jobs whose payloads hold them all, and passes over the others") { check in
            func add(_ payload: String) async throws -> JobID { try await check.add { $0.payload = Array(payload.utf8) } }
            let seven = try await add(#"{"customer":{"id":7,"name":"Ada"},"items":[{"sku":"x"}]}"#)
            let text = try await add(#" {"customer" : {"id" : "7"}} "#)
            _ = try await add(#"{"customer":{"id":70}}"#)
            _ = try await add(#"[7]"#)
            let null = try await add(#"{"customer":null,"a.b":true}"#)
            func holding(_ pairs: (String, String)...) async throws -> [JobID] {
                var selector = JobSelector()
                for (path, value) in pairs {
                    selector.arguments.append(PayloadMatch(path: try check.require(PayloadPath(path), "no path"), value: value))
                }
                return try await check.list(selector, pageSize: 2).map(\.id)
            }
            check.equal(try await holding(("customer.id", "7")), [text, seven], "a number, as such or as text")
            check.equal(try await holding(("customer.id", "7"), ("customer.name", "Ada")), [seven], "two places")
            check.equal(try await holding(("items.0.sku", "x")), [seven], "an element")
            check.equal(try await holding(("/a.b", "true")), [null], "a name with a dot")
            check.equal(try await holding(("customer", "null")), [null], "null")
            check.equal(try await holding(("customer.id", "8")), [], "a value that no payload holds")
        },
    ]
}
