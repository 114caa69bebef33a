// Rules about unique keys: who has one, what becomes of the second job, and when a key is free again.

import Errand
import ErrandContext

extension RuleCheck {
    /// A job with the unique key `one`, changed by `change`.
    static func unique(
        _ conflict: Uniqueness.Conflict = .reject, payload: String = "{}", _ change: (inout NewJob) -> Void = { _ in }
    ) -> NewJob {
        input { input in
            input.payload = Array(payload.utf8)
            input.terms.uniqueness = Uniqueness(key: "one", onConflict: conflict)
            change(&input)
        }
    }

    /// What becomes of one new job.
    func enqueue(_ input: NewJob) async throws -> EnqueueResult { try await jobs.enqueue([input])[0] }

    /// Expects that the key `one` is taken by `owner`.
    func expectTaken(_ owner: JobID, _ what: @autoclosure () -> String) async throws {
        equal(try await enqueue(RuleCheck.unique()), .unique(owner), what())
    }

    /// Expects that the key `one` is free, and takes it.
    @discardableResult
    func expectFree(_ what: @autoclosure () -> String) async throws -> JobID {
        let result = try await enqueue(RuleCheck.unique())
        equal(result, .added(result.id), what())
        return result.id
    }
}

extension JobStoreConformance {
    static let uniqueRules: [Rule] = [
        Rule("of the jobs with one unique key one lives: available, scheduled, running, retryable, rescued, after a crash") { check in
            let id = try await check.enqueue(RuleCheck.unique { $0.runAt = check.subject.now() + .milliseconds(50) }).id
            try await check.expectTaken(id, "while it is scheduled")
            try await check.subject.advance(by: .milliseconds(100))
            let worker = try await check.join()
            try await check.beat(worker)
            try await check.expectTaken(id, "while it is available")
            let first = try await check.claimOne(worker)
            try await check.expectTaken(id, "while it runs")
            try await check.end(first.execution, by: worker, .failed, .wait(until: check.subject.now() + .milliseconds(50)))
            try await check.expectTaken(id, "while it waits for its next attempt")
            try await check.subject.advance(by: .milliseconds(100))
            _ = try await check.claimOne(worker)
            try await check.subject.crashAndReopen()
            try await check.expectTaken(id, "after a crash")
            let heir = try await check.join()
            try await check.rescueAll(by: heir)
            try await check.expectTaken(id, "after the rescue")
            check.equal(try await check.list().map(\.id), [id], "the jobs in the store")
        },
        Rule("two jobs of one call meet at their unique key too") { check in
            let results = try await check.jobs.enqueue([RuleCheck.unique(), RuleCheck.unique(), RuleCheck.input()])
            check.equal(results[1], .unique(results[0].id), "the second")
            check.equal(results[2], .added(results[2].id), "the one without a key")
        },
        Rule("every end frees the unique key: completion, cancellation, death, poison, expiry, deadline") { check in
            let worker = try await check.join()
            var id = try await check.expectFree("at first")
            for (outcome, next) in [
                (Outcome.completed, NextStep.complete), (.cancelled, .cancel(reason: nil)), (.failed, .bury(reason: "x")),
            ] {
                try await check.end(try await check.claimOne(worker).execution, by: worker, outcome, next)
                id = try await check.expectFree("after the end \(outcome)")
            }
            _ = try await check.control.cancel([id], reason: nil)
            _ = try await check.expectFree("after the cancellation of a job that had not started")
            let doomed = try await check.join()
            let execution = try await check.claimOne(doomed).execution
            try await check.subject.crashAndReopen()
            let watcher = try await check.join()
            for casualty in try await check.jobs.casualties(seenBy: watcher) {
                let conviction = Conviction(execution, error: RuleCheck.crash, retryAt: check.subject.now())
                _ = try await check.jobs.rescue(
                    RescueRequest(casualty, convictions: [conviction], suspectThreshold: nil, convictionLimit: 1))
            }
            try await check.expectState(execution.job, .dead, "the poison job")
            let last = try await check.expectFree("after the death by poison")
            _ = try await check.control.cancel([last], reason: nil)
            for change in [
                { $0.terms.expiresAt = check.subject.now() + .milliseconds(50) },
                { $0.terms.deadline = check.subject.now() + .milliseconds(50) },
            ] as [(inout NewJob) -> Void] {
                id = try await check.enqueue(RuleCheck.unique(.reject, change)).id
                try await check.subject.advance(by: .milliseconds(100))
                try await check.beat(watcher)
                let reason = try await check.detail(id).summary.reason ?? "no reason"
                let next = try await check.expectFree("after the end with \(reason)")
                _ = try await check.control.cancel([next], reason: nil)
            }
        },
        Rule("a unique key means something within its scope only") { check in
            func input(_ scope: Uniqueness.Scope, _ kind: String, _ queue: String) -> NewJob {
                RuleCheck.input { input in
                    (input.kind, input.queue) = (kind, queue)
                    input.terms.uniqueness = Uniqueness(key: "one", scope: scope)
                }
            }
            for (scope, isTaken) in [
                (Uniqueness.Scope.kind, [false, true, false]), (.queue, [true, false, false]), (.kindAndQueue, [false, false, false]),
                (.store, [true, true, true]),
            ] {
                let owner = try await check.enqueue(input(scope, "k", "q")).id
                let results = try await check.jobs.enqueue([input(scope, "k2", "q"), input(scope, "k", "q2"), input(scope, "k2", "q2")])
                check.equal(
                    results.map { $0 == .unique(owner) }, isTaken, "taken in another kind, queue, and both, with the scope \(scope)")
                check.equal(try await check.enqueue(input(scope, "k", "q")), .unique(owner), "the same in the scope \(scope)")
            }
        },
        Rule("whoever replaces a job that has not started has its ID and its place in the line, and is new in all else") { check in
            let id = try await check.enqueue(RuleCheck.unique { ($0.label, $0.key, $0.meta) = ("old", "i-1", ["a": "1"]) }).id
            let later = try await check.add()
            let created = try await check.detail(id).summary.createdAt
            try await check.subject.advance(by: .milliseconds(5))
            let replacement = RuleCheck.unique(.replace, payload: "[2]") { ($0.priority, $0.maxAttempts, $0.label) = (0, 7, "new") }
            check.equal(try await check.enqueue(replacement), .replaced(id), "the replacement")
            let detail = try await check.detail(id)
            check.equal(detail.payload, Array("[2]".utf8), "the payload")
            check.equal(detail.summary.label, "new", "the label")
            check.equal(detail.summary.maxAttempts, 7, "the attempts")
            check.equal(detail.summary.meta, [:], "the meta that the new job has not")
            check.equal(detail.summary.createdAt, created, "the age")
            check.equal(detail.summary.key, "i-1", "the idempotency key, of which the new job has none")
            let moved = RuleCheck.unique(.replace, payload: "[3]") { $0.runAt = check.subject.now() + .milliseconds(50) }
            check.equal(try await check.enqueue(moved), .replaced(id), "the replacement with a time")
            try await check.expectState(id, .scheduled, "the job that got a time")
            check.equal(try await check.enqueue(RuleCheck.unique(.replace, payload: "[4]")), .replaced(id), "the replacement at once")
            try await check.expectState(id, .available, "the job that lost its time")
            let worker = try await check.join()
            let claimed = try await check.claim(worker)
            check.equal(claimed.map(\.execution.job).sorted(), [id, later], "what is claimed")
            check.equal(claimed.first { $0.execution.job == id }?.payload, Array("[4]".utf8), "the payload that runs")
            check.equal(try await check.enqueue(RuleCheck.unique(.replace, payload: "[5]")), .unique(id), "the replacement of what runs")
            let execution = try check.require(claimed.first { $0.execution.job == id }?.execution, "the job was not claimed")
            try await check.end(execution, by: worker, .interrupted, .giveBack)
            check.equal(try await check.enqueue(RuleCheck.unique(.replace, payload: "[6]")), .unique(id), "the replacement of what has run")
            check.equal(try await check.detail(id).payload, Array("[4]".utf8), "the payload of what has run")
        },
        Rule("a job that is replaced again and again keeps its place in the line") { check in
            let id = try await check.enqueue(RuleCheck.unique(.replace)).id
            try await check.subject.advance(by: .milliseconds(5))
            let later = try await check.add()
            try await check.subject.advance(by: .milliseconds(5))
            check.equal(try await check.enqueue(RuleCheck.unique(.replace)), .replaced(id), "the replacement")
            let worker = try await check.join()
            check.equal(try await check.claim(worker).map(\.execution.job), [id, later], "the order of the line")
        },
        Rule("a debounced job waits for its delay again with every enqueue, but no longer than the longest wait") { check in
            let debounce = Uniqueness.Conflict.debounce(delay: .seconds(60), maximumWait: .seconds(90))
            let start = check.subject.now()
            let id = try await check.enqueue(RuleCheck.unique(debounce, payload: "[1]")).id
            try await check.expectState(id, .scheduled, "the first")
            let first = try await check.detail(id).summary.runAt
            check.expect(first >= start + .seconds(60), "the first waits until \(first)")
            try await check.subject.advance(by: .milliseconds(20))
            check.equal(try await check.enqueue(RuleCheck.unique(debounce, payload: "[2]")), .debounced(id), "the second")
            let second = try await check.detail(id).summary.runAt
            check.expect(second > first, "the second waits until \(second), the first until \(first)")
            check.equal(try await check.detail(id).payload, Array("[2]".utf8), "the payload of the second")
            let long = Uniqueness.Conflict.debounce(delay: .seconds(3600), maximumWait: .seconds(90))
            check.equal(try await check.enqueue(RuleCheck.unique(long)), .debounced(id), "one with a longer delay")
            let created = try await check.detail(id).summary.createdAt
            check.equal(try await check.detail(id).summary.runAt, created + .seconds(90), "the longest wait")
            let brief = Uniqueness.Conflict.debounce(delay: .milliseconds(20), maximumWait: nil)
            check.equal(try await check.enqueue(RuleCheck.unique(brief, payload: "[4]")), .debounced(id), "one with a short delay")
            try await check.subject.advance(by: .milliseconds(50))
            let worker = try await check.join()
            let claimed = try await check.claimOne(worker)
            check.equal(claimed.payload, Array("[4]".utf8), "the payload that runs")
            check.equal(try await check.enqueue(RuleCheck.unique(debounce)), .unique(id), "one that comes while it runs")
        },
        Rule("behind a keep-last job that runs one more waits, and the latest payload counts") { check in
            let worker = try await check.join()
            let owner = try await check.enqueue(RuleCheck.unique(.keepLast, payload: "[1]")).id
            check.equal(try await check.enqueue(RuleCheck.unique(.keepLast, payload: "[2]")), .replaced(owner), "before it has started")
            let first = try await check.claimOne(worker)
            check.equal(first.payload, Array("[2]".utf8), "the payload of the first")
            let waiting = try await check.enqueue(RuleCheck.unique(.keepLast, payload: "[3]"))
            check.equal(waiting, .added(waiting.id), "the one that waits")
            try await check.expectState(waiting.id, .waiting, "the one that waits")
            check.equal(try await check.enqueue(RuleCheck.unique(.keepLast, payload: "[4]")), .replaced(waiting.id), "the third")
            try await check.expectState(waiting.id, .waiting, "the replaced one that waits")
            try await check.expectTaken(owner, "for whoever does not wait")
            check.equal(try await check.claim(worker), [], "a claim while the first runs")
            check.equal(
                try await check.inspection.stats().counts.map { "\($0.state) \($0.jobs)" }.sorted(), ["running 1", "waiting 1"],
                "the counts")
            try await check.subject.crashAndReopen()
            let heir = try await check.join()
            try await check.rescueAll(by: heir)
            try await check.expectState(waiting.id, .waiting, "the one that waits, after a rescue")
            let again = try await check.claimOne(heir)
            check.equal(again.execution.job, owner, "what is claimed after the rescue")
            try await check.end(again.execution, by: heir, .failed, .wait(until: check.subject.now() + .seconds(-1)))
            try await check.expectState(waiting.id, .waiting, "the one that waits, after a failed attempt")
            try await check.end(try await check.claimOne(heir).execution, by: heir, .completed, .complete)
            try await check.expectState(waiting.id, .available, "the one that waited")
            let last = try await check.claimOne(heir)
            check.equal(last.execution.job, waiting.id, "what is claimed at last")
            check.equal(last.payload, Array("[4]".utf8), "the latest payload")
            try await check.expectTaken(waiting.id, "while the second runs")
            try await check.end(last.execution, by: heir, .completed, .complete)
            try await check.expectFree("after both")
        },
        Rule("whoever waits behind a unique key is placed at every end of the owner, and may be cancelled itself") { check in
            let worker = try await check.join()
            var owner = try await check.enqueue(RuleCheck.unique(.keepLast)).id
            for (outcome, next) in [
                (Outcome.cancelled, NextStep.cancel(reason: nil)), (.failed, .bury(reason: "x")), (.completed, .complete),
            ] {
                let execution = try await check.claimOne(worker).execution
                check.equal(execution.job, owner, "the owner")
                let waiting = try await check.enqueue(RuleCheck.unique(.keepLast)).id
                try await check.end(execution, by: worker, outcome, next)
                try await check.expectState(waiting, .available, "whoever waited for the end \(outcome)")
                owner = waiting
            }
            let execution = try await check.claimOne(worker).execution
            let given = try await check.enqueue(RuleCheck.unique(.keepLast)).id
            check.equal(
                try await check.control.cancel([given], reason: "not needed"), [.cancelled], "the cancellation of the one that waits")
            try await check.expectState(given, .cancelled, "the one that waited")
            try await check.expectTaken(owner, "by the owner, still")
            let delayed = try await check.enqueue(RuleCheck.unique(.keepLast) { $0.runAt = check.subject.now() + .seconds(3600) }).id
            try await check.expectState(delayed, .waiting, "one with a time to come")
            check.equal(try await check.control.retry([delayed], resettingAttempts: false), [.refused(.waiting)], "a retry of what waits")
            try await check.end(execution, by: worker, .completed, .complete)
            try await check.expectState(delayed, .scheduled, "the one with a time to come")
            try await check.expectTaken(delayed, "by the delayed one")
        },
        Rule("a job that completes keeps its unique key for its period, pruned or not; one that is cancelled or dies does not") { check in
            func input() -> NewJob {
                RuleCheck.unique { $0.terms.uniqueness?.period = .milliseconds(400) }
            }
            let worker = try await check.join()
            for (outcome, next) in [(Outcome.failed, NextStep.bury(reason: "x")), (.cancelled, .cancel(reason: nil))] {
                let id = try await check.enqueue(input()).id
                try await check.end(try await check.claimOne(worker).execution, by: worker, outcome, next)
                let free = try await check.enqueue(input())
                check.equal(free, .added(free.id), "after \(outcome) of \(id)")
                _ = try await check.control.cancel([free.id], reason: nil)
            }
            let start = check.subject.now()
            let id = try await check.enqueue(input()).id
            let execution = try await check.claimOne(worker).execution
            try await check.end(execution, by: worker, .completed, .complete)
            let soon = try await check.enqueue(input())
            if check.subject.now() < start + .milliseconds(400) { check.equal(soon, .unique(id), "after the completion") }
            try await check.subject.advance(by: .milliseconds(2))
            _ = try await check.prune(RuleCheck.policy { $0.completed = .zero })
            let pruned = try await check.enqueue(input())
            if check.subject.now() < start + .milliseconds(400) { check.equal(pruned, .unique(id), "after it was pruned") }
            try await check.subject.advance(by: .milliseconds(500))
            _ = try await check.prune(RuleCheck.policy { $0.completed = .zero })
            let after = try await check.enqueue(input())
            check.equal(after, .added(after.id), "after the period")
            try await check.subject.advance(by: .milliseconds(500))
            _ = try await check.prune(RuleCheck.policy { _ in })
            try await check.expectTaken(after.id, "by a job that lives longer than its period")
        },
        Rule("a unique key until the start is free as soon as its job has started, and stays so") { check in
            func input() -> NewJob { RuleCheck.unique { $0.terms.uniqueness?.until = .started } }
            let worker = try await check.join()
            let first = try await check.enqueue(input()).id
            check.equal(try await check.enqueue(input()), .unique(first), "before the start")
            let execution = try await check.claimOne(worker).execution
            let second = try await check.enqueue(input())
            check.equal(second, .added(second.id), "after the start")
            try await check.end(execution, by: worker, .interrupted, .giveBack)
            check.equal(try await check.enqueue(input()), .unique(second.id), "after the first was given back")
            check.equal(try await check.claim(worker).map(\.execution.job), [first, second.id], "what is claimed")
        },
        Rule("a dead or cancelled job whose unique key another has by now is not retried; otherwise it has its key again") { check in
            let worker = try await check.join()
            let first = try await check.expectFree("at first")
            try await check.end(try await check.claimOne(worker).execution, by: worker, .failed, .bury(reason: "x"))
            let second = try await check.expectFree("after the death")
            check.equal(
                try await check.control.retry([first], resettingAttempts: false), [.uniqueConflict(second)], "the retry beside another")
            try await check.expectState(first, .dead, "the job that is not retried")
            _ = try await check.control.cancel([second], reason: nil)
            check.equal(try await check.control.retry([first], resettingAttempts: false), [.retried], "the retry with a free key")
            try await check.expectTaken(first, "by the retried job")
            check.equal(
                try await check.control.retry([second], resettingAttempts: false), [.uniqueConflict(first)], "the retry of the other")
        },
        Rule("an idempotency key comes before the unique key, and the latest one names the job that was replaced") { check in
            let input = RuleCheck.unique(.replace) { $0.key = "i-1" }
            let id = try await check.enqueue(input).id
            check.equal(try await check.enqueue(input), .existing(id), "the repetition")
            let other = RuleCheck.unique(.replace, payload: "[2]") { $0.key = "i-2" }
            check.equal(try await check.enqueue(other), .replaced(id), "the replacement")
            check.equal(try await check.enqueue(other), .existing(id), "the repetition of the replacement")
            check.equal(try await check.inspection.jobs(meantBy: "key:i-2"), [id], "the job of the latest key")
            check.equal(try await check.inspection.jobs(meantBy: "key:i-1"), [], "the job of the key before")
            let worker = try await check.join()
            try await check.end(try await check.claimOne(worker).execution, by: worker, .completed, .complete)
            try await check.subject.advance(by: .milliseconds(2))
            check.equal(try await check.prune(RuleCheck.policy { $0.completed = .zero }), [id], "what is pruned")
            check.equal(try await check.inspection.jobs(meantBy: "key:i-2"), [], "the job of a pruned key")
        },
    ]
}
