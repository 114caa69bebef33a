// Rules about queues and kinds: pauses, limits of how many run, rates at which they start.

import Errand
import ErrandContext

extension RuleCheck {
    var queues: any QueueControl { subject.store.queues }

    /// What stands for `scope`.
    func settings(of scope: LimitScope) async throws -> QueueSettings {
        try require(try await queues.settings().first { $0.scope == scope }, "nothing is known of \(scope)")
    }
}

extension JobStoreConformance {
    static let limitRules: [Rule] = [
        Rule("a paused queue gives out nothing, and goes on in its order when it is resumed") { check in
            let ids = try await check.add(count: 2)
            let other = try await check.add { $0.queue = "r" }
            let worker = try await check.join()
            try await check.queues.change(.queue("q"), [.pause])
            check.equal(try await check.claim(worker, queues: ["q", "r"]).map(\.execution.job), [other], "a claim during the pause")
            try await check.expectState(ids[0], .available, "a job of the paused queue")
            check.equal(try await check.settings(of: .queue("q")).isPaused, true, "whether it is shown as paused")
            try await check.queues.change(.queue("q"), [.resume])
            check.equal(try await check.claim(worker).map(\.execution.job), ids, "a claim afterwards")
        },
        Rule("a paused kind gives out nothing in any queue, and hides no other kind") { check in
            _ = try await check.add { $0.kind = "held" }
            _ = try await check.add { ($0.kind, $0.queue) = ("held", "r") }
            let id = try await check.add()
            let worker = try await check.join()
            try await check.queues.change(.kind("held"), [.pause])
            let kinds = ["k", "held"]
            check.equal(
                try await check.claim(worker, queues: ["q", "r"], kinds: kinds).map(\.execution.job), [id], "a claim during the pause")
            try await check.queues.change(.kind("held"), [.resume])
            check.equal(try await check.claim(worker, queues: ["q", "r"], kinds: kinds).count, 2, "a claim afterwards")
        },
        Rule("a suspect of a paused queue or a full kind waits too") { check in
            let id = try await check.add()
            for _ in 0..<3 {
                let dying = try await check.join()
                _ = try await check.claimOne(dying)
                try await check.subject.crashAndReopen()
                try await check.rescueAll(by: try await check.join(), suspectThreshold: 3)
            }
            check.equal(try await check.detail(id).summary.isSuspect, true, "whether it is a suspect")
            let worker = try await check.join()
            let alone = ClaimRequest(limit: 9, queues: [.init(queue: "q", limit: 9)], kinds: ["k"], mayRunAlone: true)
            func claim() async throws -> [JobID] {
                try await check.jobs.exchange(ExchangeRequest(worker: worker, claim: alone)).claimed.map(\.execution.job)
            }
            try await check.queues.change(.queue("q"), [.pause])
            check.equal(try await claim(), [], "a claim during the pause")
            try await check.queues.change(.queue("q"), [.resume])
            _ = try await check.add { $0.queue = "r" }
            let holder = try await check.join()
            check.equal(try await check.claim(holder, queues: ["r"]).count, 1, "what fills the kind")
            try await check.queues.change(.kind("k"), [.concurrency(1)])
            check.equal(try await claim(), [], "a claim while its kind is full")
            try await check.queues.change(.kind("k"), [.concurrency(2)])
            check.equal(try await claim(), [id], "a claim with room")
            check.equal(try await check.settings(of: .kind("k")).running, 2, "what runs")
        },
        Rule("settings survive the death of every process, and another opening's change acts at the next claim") { check in
            _ = try await check.add(count: 3)
            try await check.queues.change(.queue("q"), [.concurrency(1), .rate(RateLimit(interval: .seconds(3600), burst: 2))])
            try await check.queues.change(.kind("new"), [.pause])
            let before = try await check.queues.settings()
            try await check.subject.crashAndReopen()
            check.equal(try await check.queues.settings(), before, "the settings after the crash")
            let other = try await check.subject.openAnother()
            let worker = try await check.join()
            check.equal(try await check.claim(worker).count, 1, "a claim under the limit")
            try await other.queues.change(.queue("q"), [.concurrency(nil), .rate(nil)])
            check.equal(try await check.claim(worker).count, 2, "a claim after another opening lifted it")
            try await other.queues.change(.queue("q"), [.pause])
            _ = try await check.add()
            check.equal(try await check.claim(worker), [], "a claim after another opening paused it")
        },
        Rule("no more jobs of a queue run than its concurrency, whoever asks, and no fewer while there are jobs") { check in
            _ = try await check.add(count: 8)
            try await check.queues.change(.queue("q"), [.concurrency(3)])
            let (one, two) = (try await check.join(), try await check.join())
            let other = try await check.subject.openAnother()
            let first = try await check.claim(one, limit: 2)
            check.equal(first.count, 2, "a claim below the limit")
            check.equal(
                try await other.jobs.exchange(ExchangeRequest(worker: two, claim: RuleCheck.claim())).claimed.count, 1,
                "what another worker gets of the rest")
            check.equal(try await check.claim(one), [], "a claim at the limit")
            check.equal(try await check.settings(of: .queue("q")).running, 3, "what runs")
            let request = ExchangeRequest(
                worker: one, reports: first.map { check.report($0.execution, .completed, .complete) }, claim: RuleCheck.claim())
            check.equal(try await check.jobs.exchange(request).claimed.count, 2, "a claim in the step that frees two slots")
        },
        Rule("a kind's concurrency holds over all queues, and one claim of several queues does not pass it") { check in
            for queue in ["q", "r", "s"] { _ = try await check.add(count: 2) { $0.queue = queue } }
            let other = try await check.add { $0.kind = "free" }
            try await check.queues.change(.kind("k"), [.concurrency(3)])
            let worker = try await check.join()
            let claimed = try await check.claim(worker, queues: ["q", "r", "s"], kinds: ["k", "free"])
            check.equal(claimed.count { $0.kind == "k" }, 3, "what one claim brings of the limited kind")
            check.expect(claimed.contains { $0.execution.job == other }, "the other kind is held back")
            check.equal(try await check.claim(worker, queues: ["q", "r", "s"]), [], "a second claim")
        },
        Rule("a slot is free again however its execution ended: outcome, wait, give-back, cancel, rescue") { check in
            try await check.queues.change(.queue("q"), [.concurrency(1)])
            try await check.queues.change(.kind("k"), [.concurrency(1)])
            let far = check.subject.now() + .seconds(3600)
            let ends: [(Outcome, NextStep)] = [
                (.completed, .complete), (.failed, .wait(until: far)), (.failed, .bury(reason: "max_attempts")),
                (.cancelled, .cancel(reason: nil)), (.snoozed, .wait(until: far)),
            ]
            _ = try await check.add(count: ends.count + 3)
            let worker = try await check.join()
            for (outcome, next) in ends {
                let claimed = try await check.claim(worker)
                check.equal(claimed.count, 1, "a claim before \(outcome)")
                for job in claimed { try await check.end(job.execution, by: worker, outcome, next) }
            }
            let back = try await check.claimOne(worker)
            try await check.end(back.execution, by: worker, .interrupted, .giveBack)
            let again = try await check.claimOne(worker)
            check.equal(again.execution.job, back.execution.job, "what comes after a give-back")
            try await check.subject.crashAndReopen()
            let heir = try await check.join()
            check.equal(try await check.claim(heir), [], "a claim before the rescue")
            try await check.rescueAll(by: heir)
            check.equal(try await check.claim(heir).count, 1, "a claim after the rescue")
            check.equal(try await check.settings(of: .queue("q")).running, 1, "what runs")
        },
        Rule("a limit that is set counts what runs; a lower one ends nothing, and waits") { check in
            _ = try await check.add(count: 6)
            let worker = try await check.join()
            let running = try await check.claim(worker, limit: 3)
            try await check.queues.change(.queue("q"), [.concurrency(2)])
            check.equal(try await check.claim(worker), [], "a claim above the new limit")
            try await check.end(running[0].execution, by: worker, .completed, .complete)
            check.equal(try await check.claim(worker), [], "a claim at the new limit")
            try await check.end(running[1].execution, by: worker, .completed, .complete)
            check.equal(try await check.claim(worker).count, 1, "a claim below it")
            try await check.queues.change(.queue("q"), [.concurrency(nil)])
            try await check.queues.change(.queue("q"), [.concurrency(4)])
            check.equal(try await check.claim(worker).count, 2, "a claim under a limit that was lifted and set again")
        },
        Rule("a rate lets its burst start at once, then one job in each interval, and the reply tells when") { check in
            _ = try await check.add(count: 6)
            try await check.queues.change(.queue("q"), [.rate(RateLimit(interval: .seconds(2), burst: 2))])
            let worker = try await check.join()
            let before = check.subject.now()
            let reply = try await check.jobs.exchange(ExchangeRequest(worker: worker, claim: RuleCheck.claim()))
            let after = check.subject.now()
            check.equal(reply.claimed.count, 2, "the burst")
            let next = try check.require(reply.nextWake, "nothing tells when the next job may start")
            check.expect(next >= before + .seconds(2) && next <= after + .seconds(2), "the next permit is told for \(next)")
            check.equal(try await check.claim(worker), [], "a claim before the next permit")
            check.equal(try await check.beat(worker).nextWake, nil, "what a step without a claim is told")
            check.equal(
                try await check.jobs.exchange(ExchangeRequest(worker: worker, claim: RuleCheck.claim(queues: ["r"]))).nextWake, nil,
                "what a claim of another queue is told")
            try await check.subject.advance(by: .seconds(2))
            check.equal(try await check.claim(worker).count, 1, "a claim after one interval")
        },
        Rule("a kind's rate holds over all queues, and counts retries too") { check in
            let id = try await check.add()
            try await check.queues.change(.kind("k"), [.rate(RateLimit(interval: .seconds(3600), burst: 2))])
            let worker = try await check.join()
            let claimed = try await check.claimOne(worker)
            try await check.end(claimed.execution, by: worker, .interrupted, .giveBack)
            check.equal(try await check.claimOne(worker).execution.job, id, "the second start")
            _ = try await check.add { $0.queue = "r" }
            check.equal(try await check.claim(worker, queues: ["q", "r"]), [], "a third start")
            check.equal(try await check.settings(of: .kind("k")).rate?.burst, 2, "the rate that is shown")
        },
        Rule("a worker that asks whether all is done learns that a limit keeps jobs back, but not that a pause does") { check in
            _ = try await check.add(count: 2)
            let worker = try await check.join()
            _ = try await check.claimOne(worker)
            var claim = RuleCheck.claim()
            claim.asksAboutOthers = true
            let request = ExchangeRequest(worker: worker, claim: claim)
            try await check.queues.change(.queue("q"), [.concurrency(1)])
            check.equal(try await check.jobs.exchange(request).othersHold, true, "behind a limit")
            try await check.queues.change(.queue("q"), [.concurrency(nil), .pause])
            check.equal(try await check.jobs.exchange(request).othersHold, false, "behind a pause")
        },
        Rule("what stands is listed for every queue and kind, queues first, each by name") { check in
            _ = try await check.add { ($0.queue, $0.kind) = ("b", "mail") }
            try await check.queues.change(.queue("a"), [.pause, .concurrency(4)])
            let rate = RateLimit(3, per: .seconds(1), burst: 5)
            try await check.queues.change(.kind("letter"), [.rate(rate)])
            check.equal(
                try await check.queues.settings(),
                [
                    QueueSettings(scope: .queue("a"), isPaused: true, concurrency: 4), QueueSettings(scope: .queue("b")),
                    QueueSettings(scope: .kind("letter"), rate: rate), QueueSettings(scope: .kind("mail")),
                ], "the settings")
        },
        Rule("a setting out of range is refused, and nothing of its change is made") { check in
            let bad: [SettingChange] = [
                .concurrency(0), .concurrency(1_000_001), .rate(RateLimit(interval: .zero)),
                .rate(RateLimit(interval: .seconds(1), burst: 0)), .rate(RateLimit(interval: .seconds(1), burst: 1_000_001)),
            ]
            for (scope, changes) in bad.map({ (LimitScope.queue("q"), [.pause, $0]) }) + [(.kind("No Kind"), [.pause])] {
                do throws(JobStoreError) {
                    try await check.queues.change(scope, changes)
                    check.fail("\(changes) of \(scope) was not refused")
                } catch {
                    if case .refused = error { continue }
                    check.fail("\(changes) of \(scope): \(error)")
                }
            }
            check.equal(try await check.queues.settings(), [], "what stands")
            try await check.queues.change(.queue("q"), [.concurrency(1_000_000)])
        },
        Rule("work rings after a change, and when a job ends that kept others back") { check in
            _ = try await check.add(count: 2)
            try await check.expectRing(.work, about: "a change") {
                try await check.queues.change(.queue("q"), [.concurrency(1)])
            }
            let worker = try await check.join()
            let claimed = try await check.claimOne(worker)
            try await check.expectRing(.work, about: "the end of a job at the limit") {
                try await check.end(claimed.execution, by: worker, .completed, .complete)
            }
        },
    ]
}
