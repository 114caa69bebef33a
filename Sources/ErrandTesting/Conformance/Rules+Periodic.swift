// Rules about periodic jobs: each slot once, in one commit with its jobs, and one leader.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let periodicRules: [Rule] = [
        Rule("a periodic job is kept as it was set, and outlives a crash") { check in
            var periodic = RuleCheck.periodic("nightly")
            periodic.timing = .cron("0 3 * * *", zone: "UTC")
            periodic.job.priority = -3
            periodic.job.timeout = .seconds(90)
            periodic.job.meta = ["team": "a"]
            periodic.job.terms.tags = ["night"]
            (periodic.overlap, periodic.missed) = (.cancel, .all(upTo: 7))
            (periodic.jitter, periodic.expires, periodic.deadline) = (.seconds(5), .seconds(60), .seconds(120))
            periodic.startsAt = Timestamp(microseconds: 1_000_000)
            periodic.endsAt = Timestamp(microseconds: 4_000_000_000_000_000)
            let first = check.subject.now() + .seconds(60)
            let results = try await check.periodic.setPeriodic([PeriodicDraft(periodic, first: first)], source: nil)
            check.equal(results, [.added], "what setting it brought")
            try await check.subject.crashAndReopen()
            let entries = try await check.periodic.periodicJobs()
            let wanted = PeriodicEntry(
                periodic: periodic, source: nil, isPaused: false, next: first, last: nil, revision: entries.first?.revision ?? 0)
            check.equal(entries, [wanted], "the periodic jobs")
        },
        Rule("setting a periodic job anew keeps its next slot unless its timing is another") { check in
            let first = check.subject.now() + .seconds(60)
            let other = check.subject.now() + .seconds(90)
            var periodic = RuleCheck.periodic("a")
            func set() async throws -> (PeriodicSetResult, Timestamp?) {
                let result = try await check.periodic.setPeriodic([PeriodicDraft(periodic, first: other)], source: nil)[0]
                return (result, try await check.entry("a").next)
            }
            _ = try await check.periodic.setPeriodic([PeriodicDraft(periodic, first: first)], source: nil)
            check.expect(try await set() == (.unchanged, first), "setting the same changed something")
            periodic.job.payload = Array("[1]".utf8)
            check.expect(try await set() == (.changed, first), "a new payload did not keep the slot")
            check.equal(try await check.entry("a").periodic.job.payload, Array("[1]".utf8), "the payload")
            periodic.timing = .every(.seconds(61))
            check.expect(try await set() == (.changed, other), "a new timing kept the slot")
        },
        Rule("a file's periodic jobs are the file's: it removes what it no longer names, and others do not change them") { check in
            func draft(_ name: String) -> PeriodicDraft {
                PeriodicDraft(RuleCheck.periodic(name), first: check.subject.now() + .seconds(9))
            }
            func names() async throws -> [String] { try await check.periodic.periodicJobs().map(\.periodic.name) }
            _ = try await check.periodic.setPeriodic([draft("own")], source: nil)
            check.equal(
                try await check.periodic.setPeriodic([draft("a"), draft("b")], source: "/f"), [.added, .added], "what the file brought")
            check.equal(try await check.periodic.setPeriodic([draft("a")], source: nil), [.belongs(to: "/f")], "a change from elsewhere")
            check.equal(try await check.periodic.setPeriodic([draft("b")], source: "/f"), [.unchanged], "the shorter file")
            check.equal(try await names(), ["b", "own"], "what is left")
            check.equal(try await check.periodic.setPeriodic([], source: "/g"), [], "another file")
            check.equal(try await names(), ["b", "own"], "what is left after another file")
            check.equal(try await check.periodic.removePeriodic(["own", "none"]), [true, false], "what was there to remove")
            check.equal(try await names(), ["b"], "what is left at the end")
        },
        Rule("a slot is fired once, together with its jobs, however many try") { check in
            let entry = try await check.setPeriodic("a", at: check.subject.now())
            let firing = try check.firing(of: entry)
            let other = try check.firing(of: entry)
            guard case .fired(let results) = try await check.periodic.fire([firing])[0], case .added(let id) = results.first else {
                return check.fail("the slot was not fired")
            }
            check.equal(try await check.periodic.fire([other]), [.stale], "the same slot once more")
            check.equal(try await check.list().map(\.id), [id], "the jobs")
            try await check.subject.crashAndReopen()
            let now = try await check.entry("a")
            check.equal(now.next, firing.next, "the next slot")
            check.equal(now.last?.job, id, "the job of the last slot")
            check.equal(now.last?.slot, firing.runs.first?.slot, "the last slot")
            check.equal(now.last?.wasSkipped, false, "whether it was left out")
            let detail = try await check.detail(id)
            check.equal(detail.summary.meta["periodic"], "a", "the name that the run carries")
        },
        Rule("a slot of a periodic job that was changed, paused or removed meanwhile is not fired") { check in
            for change in 0..<3 {
                let entry = try await check.setPeriodic("a", at: check.subject.now())
                let firing = try check.firing(of: entry)
                switch change {
                case 0:
                    var periodic = entry.periodic
                    periodic.job.priority = 7
                    _ = try await check.periodic.setPeriodic([PeriodicDraft(periodic, first: entry.next)], source: nil)
                case 1: _ = try await check.periodic.pausePeriodic("a", true, next: nil)
                default: _ = try await check.periodic.removePeriodic(["a"])
                }
                check.equal(try await check.periodic.fire([firing]), [.stale], "the slot")
                check.equal(try await check.list().count, 0, "how many jobs there are")
                _ = try await check.periodic.removePeriodic(["a"])
            }
        },
        Rule("a periodic job that was removed and set again is another one") { check in
            let entry = try await check.setPeriodic("a", at: check.subject.now())
            let firing = try check.firing(of: entry)
            _ = try await check.periodic.removePeriodic(["a"])
            try await check.subject.advance(by: .milliseconds(1))
            _ = try await check.setPeriodic("a", at: try check.require(entry.next, "no slot"))
            check.equal(try await check.periodic.fire([firing]), [.stale], "a slot that was worked out before")
        },
        Rule("a periodic job that is put off keeps its slot, and is looked at again at its time") { check in
            let now = check.subject.now()
            let entry = try await check.setPeriodic("a", at: now)
            try await check.periodic.holdPeriodic("a", revision: entry.revision, until: now + .seconds(60))
            check.equal(try await check.entry("a").next, entry.next, "its slot")
            check.equal(try await check.periodic.duePeriodic(at: now, limit: 9), [], "what is due")
            let worker = try await check.join()
            let told = try await check.jobs.exchange(ExchangeRequest(worker: worker, leads: true))
            check.equal(told.nextSlot, now + .seconds(60), "when the leader looks again")
            check.equal(try await check.periodic.duePeriodic(at: now + .seconds(60), limit: 9).count, 1, "how many are due then")
            guard case .fired = try await check.periodic.fire([try check.firing(of: entry)])[0] else {
                return check.fail("it was not fired")
            }
            check.equal(try await check.periodic.duePeriodic(at: now + .seconds(60), limit: 9).count, 1, "how many are due a slot later")
            try await check.periodic.holdPeriodic("a", revision: entry.revision + 1, until: now + .seconds(600))
            check.equal(try await check.periodic.duePeriodic(at: now + .seconds(60), limit: 9).count, 1, "what another revision puts off")
        },
        Rule("a paused periodic job has no next slot, and goes on with the one that it is given") { check in
            let entry = try await check.setPeriodic("a", at: check.subject.now())
            check.equal(try await check.periodic.pausePeriodic("a", true, next: nil), true, "whether it was there to pause")
            check.equal(try await check.entry("a").next, nil, "the next slot of a paused one")
            check.equal(try await check.periodic.duePeriodic(at: check.subject.now(), limit: 9), [], "what is due")
            var periodic = entry.periodic
            periodic.timing = .every(.seconds(61))
            _ = try await check.periodic.setPeriodic([PeriodicDraft(periodic, first: check.subject.now())], source: nil)
            check.equal(try await check.entry("a").next, nil, "the next slot of a paused one that was changed")
            let next = check.subject.now() + .seconds(5)
            check.equal(try await check.periodic.pausePeriodic("a", false, next: next), true, "whether it was there to go on")
            check.equal(try await check.entry("a").next, next, "the next slot")
            check.equal(try await check.entry("a").isPaused, false, "whether it is paused")
            check.equal(try await check.periodic.pausePeriodic("none", true, next: nil), false, "whether another one was there")
        },
        Rule("what is due comes longest due first, and no more than asked for") { check in
            let now = check.subject.now()
            for (name, seconds) in [("a", 3), ("b", 1), ("c", 2), ("d", 4)] {
                _ = try await check.setPeriodic(name, at: now + .seconds(seconds))
            }
            func due(_ seconds: Int, _ limit: Int = 9) async throws -> [String] {
                try await check.periodic.duePeriodic(at: now + .seconds(seconds), limit: limit).map(\.periodic.name)
            }
            check.equal(try await due(0), [], "before the first")
            check.equal(try await due(3), ["b", "c", "a"], "up to the third")
            check.equal(try await due(9, 2), ["b", "c"], "two of them")
        },
        Rule("runs that skip, wait for or cancel their predecessor do so") { check in
            for (overlap, states) in [
                (PeriodicJob.Overlap.allow, [JobState.running, .available]), (.skip, [.running]), (.queue, [.running, .waiting]),
                (.cancel, [.running, .waiting]),
            ] {
                let worker = try await check.join()
                let entry = try await check.setPeriodic("a", at: check.subject.now()) { $0.overlap = overlap }
                guard case .fired = try await check.periodic.fire([try check.firing(of: entry)])[0] else {
                    return check.fail("the first slot was not fired")
                }
                let held = try await check.claimOne(worker)
                let second = try await check.entry("a")
                let result = try await check.periodic.fire([try check.firing(of: second)])[0]
                let jobs = try await check.list().filter { !$0.state.isFinal }
                check.equal(jobs.map(\.state), Array(states.reversed()), "the states under \(overlap)")
                if overlap == .skip {
                    check.equal(result, .fired([.unique(held.execution.job)]), "what became of the skipped run")
                    check.equal(try await check.entry("a").last?.wasSkipped, true, "whether it was left out")
                }
                let wishes = try await check.beat(worker).cancellations.map(\.execution)
                check.equal(wishes, overlap == .cancel ? [held.execution] : [], "what is to be cancelled under \(overlap)")
                try await check.end(held.execution, by: worker, .completed, .complete)
                _ = try await check.control.cancel(jobs.map(\.id), reason: nil)
                _ = try await check.periodic.removePeriodic(["a"])
                try await check.jobs.leave(worker)
            }
        },
        Rule("a firing out of turn leaves the next slot alone, and needs none") { check in
            let next = check.subject.now() + .seconds(100)
            var firing = try check.firing(of: try await check.setPeriodic("a", at: next))
            (firing.due, firing.next) = (nil, nil)
            for isPaused in [false, true] {
                if isPaused {
                    _ = try await check.periodic.pausePeriodic("a", true, next: nil)
                    firing.revision = try await check.entry("a").revision
                }
                guard case .fired = try await check.periodic.fire([firing])[0] else { return check.fail("it was not fired") }
                check.equal(try await check.entry("a").next, isPaused ? nil : next, "the next slot")
            }
            check.equal(try await check.list().count, 2, "how many jobs there are")
        },
        Rule("of the workers that offer to lead one is told of slots, until it is gone") { check in
            let first = try await check.join()
            let second = try await check.join()
            func told(_ worker: WorkerID, leads: Bool = true) async throws -> Timestamp? {
                let reply = try await check.jobs.exchange(ExchangeRequest(worker: worker, leads: leads))
                return reply.nextSlot
            }
            check.equal(try await told(first), nil, "what is told where there is nothing periodic")
            let slot = check.subject.now() + .seconds(30)
            _ = try await check.setPeriodic("a", at: slot)
            check.equal(try await told(first, leads: false), nil, "what is told to one that does not offer it")
            check.equal(try await told(first), slot, "what is told to the first")
            check.equal(try await told(second), nil, "what is told to the second")
            check.equal(try await told(first, leads: false), nil, "what is told to the first, which no longer offers it")
            check.equal(try await told(second), slot, "what is told to the second then")
            check.equal(try await told(first), nil, "what is told to the first, which offers it again")
            try await check.jobs.leave(second)
            check.equal(try await told(first), slot, "what is told to the first once the second has left")
            try await check.subject.crashAndReopen()
            let third = try await check.join()
            check.equal(try await told(third), nil, "what is told before the dead one is found")
            try await check.rescueAll(by: third)
            check.equal(try await told(third), slot, "what is told once it is")
        },
        Rule("the leader rings when it goes, so that another one leads at once") { check in
            _ = try await check.setPeriodic("a", at: check.subject.now() + .seconds(30))
            let first = try await check.join()
            _ = try await check.jobs.exchange(ExchangeRequest(worker: first, leads: true))
            try await check.expectRing(.control, about: "the leader has left") { try await check.jobs.leave(first) }
        },
    ]
}

extension RuleCheck {
    var periodic: any PeriodicStore { subject.store.periodic }

    /// A periodic job of kind `k` in queue `q`, once a minute.
    static func periodic(_ name: String) -> PeriodicJob { PeriodicJob(name, .every(.seconds(60)), input()) }

    /// Sets such a one, whose next slot is at `slot`.
    func setPeriodic(
        _ name: String, at slot: Timestamp, _ change: (inout PeriodicJob) -> Void = { _ in }
    ) async throws -> PeriodicEntry {
        var job = RuleCheck.periodic(name)
        change(&job)
        _ = try await periodic.setPeriodic([PeriodicDraft(job, first: slot)], source: nil)
        return try await entry(name)
    }

    func entry(_ name: String) async throws -> PeriodicEntry {
        try require(try await periodic.periodicJobs().first { $0.periodic.name == name }, "the periodic job \(name) is gone")
    }

    /// The firing of its next slot, as a leader works it out that looks at that time.
    func firing(of entry: PeriodicEntry) throws -> PeriodicFiring {
        let due = try require(entry.next, "the periodic job \(entry.periodic.name) has no next slot")
        var run = entry.periodic.run(at: due)
        // Due now, so that a claim finds it.
        run.runAt = nil
        return PeriodicFiring(
            name: entry.periodic.name, revision: entry.revision, due: due, runs: [PeriodicFiring.Run(slot: due, job: run)],
            next: due + .seconds(60), cancelsPrevious: entry.periodic.overlap == .cancel)
    }
}
