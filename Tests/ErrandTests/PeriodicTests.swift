// Periodic jobs through clock changes, outages and two leaders: each slot as its policy says, and none twice.

import ErrandContext
import ErrandSchedules
import ErrandTesting
import Foundation
import Logging
import Testing

@testable import Errand

@Suite struct PeriodicTests {
    private let clock = ManualClock()
    private let model: ModelStore
    private let queue: JobQueue

    init() {
        model = ModelStore(clock: clock)
        queue = JobQueue(store: model.store, clock: clock)
    }

    private func time(_ text: String) throws -> Timestamp { try #require(Timestamp(text)) }

    private func set(_ time: Timestamp) { clock.jumpWall(by: time - clock.now()) }

    private func periodic(_ timing: PeriodicJob.Timing, _ change: (inout PeriodicJob) -> Void = { _ in }) -> PeriodicJob {
        var periodic = PeriodicJob("p", timing, NewJob(kind: "k", payload: Array("{}".utf8)))
        change(&periodic)
        return periodic
    }

    private func fire() async throws {
        try await PeriodicRunner(queue: queue, logger: Logger(label: "t", factory: { _ in SwiftLogNoOpLogHandler() })).fireDue()
    }

    /// The slots of all runs so far, oldest first.
    private func slots() async throws -> [String] {
        try await model.jobs(matching: JobSelector(), before: nil, limit: 10_000).jobs.compactMap { $0.meta["slot"] }.sorted()
    }

    /// Lets time pass in steps, at each of which two leaders look, one of them twice.
    private func pass(from start: String, to end: String, step: Duration = .seconds(60)) async throws {
        set(try time(start))
        let end = try time(end)
        while clock.now() < end {
            clock.advance(by: step)
            let (first, second) = (self, self)
            async let one: Void = first.fire()
            async let other: Void = second.fire()
            _ = try await (one, other)
            try await fire()
        }
    }

    // MARK: Clock changes

    @Test(
        arguments: [
            // Europe/Berlin, 29 March 2026: 02:00 CET is 03:00 CEST. 02:30 does not come, and runs at the first moment after the gap.
            (
                "30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", "2026-03-30T12:00:00Z",
                ["2026-03-28T01:30:00", "2026-03-29T01:00:00", "2026-03-30T00:30:00"]
            ),
            // 25 October 2026: 03:00 CEST is 02:00 CET. 02:30 comes twice, and runs at the first of the two.
            (
                "30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", "2026-10-26T12:00:00Z",
                ["2026-10-24T00:30:00", "2026-10-25T00:30:00", "2026-10-26T01:30:00"]
            ),
            // Every half hour goes on as time does, through both changes.
            (
                "*/30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z",
                ["2026-03-29T00:30:00", "2026-03-29T01:00:00", "2026-03-29T01:30:00", "2026-03-29T02:00:00"]
            ),
            (
                "*/30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z",
                ["2026-10-25T00:30:00", "2026-10-25T01:00:00", "2026-10-25T01:30:00", "2026-10-25T02:00:00"]
            ),
            // America/New_York, 8 March 2026: 02:00 EST is 03:00 EDT; 1 November 2026: 02:00 EDT is 01:00 EST.
            (
                "30 2 * * *", "America/New_York", "2026-03-07T00:00:00Z", "2026-03-09T23:00:00Z",
                ["2026-03-07T07:30:00", "2026-03-08T07:00:00", "2026-03-09T06:30:00"]
            ),
            (
                "30 1 * * *", "America/New_York", "2026-10-31T00:00:00Z", "2026-11-02T23:00:00Z",
                ["2026-10-31T05:30:00", "2026-11-01T05:30:00", "2026-11-02T06:30:00"]
            ),
            (
                "*/30 * * * *", "America/New_York", "2026-11-01T05:00:00Z", "2026-11-01T07:00:00Z",
                ["2026-11-01T05:30:00", "2026-11-01T06:00:00", "2026-11-01T06:30:00", "2026-11-01T07:00:00"]
            ),
        ] as [(String, String, String, String, [String])])
    func `each slot fires once through a clock change, with two leaders`(
        _ line: String, _ zone: String, _ start: String, _ end: String, _ wanted: [String]
    ) async throws {
        set(try time(start))
        try await queue.setPeriodic(periodic(.cron(line, zone: zone)))
        try await pass(from: start, to: end)
        #expect(try await slots() == wanted.map { "\($0).000000Z" })
    }

    // MARK: Outages

    @Test(
        arguments: [
            (PeriodicJob.Missed.skip, []), (.latest, ["15:00"]), (.all(upTo: 2), ["14:45", "15:00"]),
            (
                .all(upTo: 100),
                ["12:15", "12:30", "12:45", "13:00", "13:15", "13:30", "13:45", "14:00", "14:15", "14:30", "14:45", "15:00"]
            ),
        ] as [(PeriodicJob.Missed, [String])])
    func `what was missed in an outage of three hours is made up for as the policy says`(
        _ missed: PeriodicJob.Missed, _ wanted: [String]
    ) async throws {
        set(try time("2026-05-04T11:59:00Z"))
        try await queue.setPeriodic(periodic(.every(.seconds(900))) { $0.missed = missed })
        try await pass(from: "2026-05-04T11:59:00Z", to: "2026-05-04T12:01:00Z")
        // Nobody looks for three hours.
        set(try time("2026-05-04T15:05:00Z"))
        try await fire()
        try await pass(from: "2026-05-04T15:05:00Z", to: "2026-05-04T15:16:00Z")
        let all = ["12:00"] + wanted + ["15:15"]
        #expect(try await slots() == all.map { "2026-05-04T\($0):00.000000Z" })
    }

    @Test func `a slot that is up to a minute late is no missed one`() async throws {
        set(try time("2026-05-04T11:59:00Z"))
        try await queue.setPeriodic(periodic(.every(.seconds(900))) { $0.missed = .skip })
        set(try time("2026-05-04T12:01:00Z"))
        try await fire()
        #expect(try await slots() == ["2026-05-04T12:00:00.000000Z"])
        set(try time("2026-05-04T12:16:00.000001Z"))
        try await fire()
        #expect(try await slots().count == 1)
    }

    @Test func `a clock that is set back fires no slot again`() async throws {
        try await queue.setPeriodic(periodic(.every(.seconds(60))))
        let start = clock.now()
        for _ in 0..<5 {
            clock.advance(by: .seconds(60))
            try await fire()
        }
        let before = try await slots()
        #expect(before.count == 5)
        clock.jumpWall(by: .seconds(-180))
        for _ in 0..<3 {
            clock.advance(by: .seconds(60))
            try await fire()
        }
        #expect(try await slots() == before)
        clock.advance(by: .seconds(60))
        try await fire()
        #expect(try await slots().last == (start + .seconds(360)).description)
    }

    // MARK: Bounds, chance, changes

    @Test func `there are slots between the start and the end, both counted, and none outside`() async throws {
        let start = clock.now() + .seconds(120)
        try await queue.setPeriodic(
            periodic(.every(.seconds(60))) {
                $0.startsAt = start
                $0.endsAt = start + .seconds(120)
            })
        for _ in 0..<10 {
            clock.advance(by: .seconds(60))
            try await fire()
        }
        #expect(try await slots() == [0, 60, 120].map { (start + .seconds($0)).description })
        let entry = try #require(try await queue.periodicJob("p"))
        #expect(entry.next == nil && !entry.isPaused)
    }

    @Test func `chance is the same for a slot whoever works it out, lies within its bound, and differs between slots and names`() throws {
        var delays: Set<Duration> = []
        for name in ["a", "b"] {
            for minute in 0..<50 {
                let slot = Timestamp(microseconds: Int64(minute) * 60_000_000)
                var one = periodic(.every(.seconds(60))) { $0.jitter = .seconds(30) }
                one.name = name
                let other = one
                let start = try #require(one.run(at: slot).runAt)
                #expect(start == other.run(at: slot).runAt)
                #expect(start >= slot && start <= slot + .seconds(30))
                delays.insert(start - slot)
            }
        }
        #expect(delays.count > 90)
    }

    @Test func `a run lives as long after its slot as it is told to`() throws {
        let slot = Timestamp(microseconds: 1_000_000_000_000)
        let run = periodic(.every(.seconds(60))) { ($0.expires, $0.deadline) = (.seconds(10), .seconds(20)) }.run(at: slot)
        #expect(run.terms.expiresAt == slot + .seconds(10))
        #expect(run.terms.deadline == slot + .seconds(20))
        #expect(run.meta == ["periodic": "p", "slot": slot.description])
    }

    @Test func `a paused one makes up for nothing when it goes on`() async throws {
        try await queue.setPeriodic(periodic(.every(.seconds(60))) { $0.missed = .all(upTo: 100) })
        let start = clock.now()
        #expect(try await queue.pausePeriodic("p"))
        clock.advance(by: .seconds(600))
        try await fire()
        #expect(try await slots() == [])
        #expect(try await queue.resumePeriodic("p"))
        // Once more changes nothing.
        #expect(try await queue.resumePeriodic("p"))
        clock.advance(by: .seconds(60))
        try await fire()
        #expect(try await slots() == [(start + .seconds(660)).description])
        #expect(try await queue.resumePeriodic("none") == false)
    }

    @Test func `one that is run now keeps its slot`() async throws {
        try await queue.setPeriodic(periodic(.every(.seconds(60))) { ($0.overlap, $0.jitter) = (.skip, .seconds(50)) })
        let next = try await queue.periodicJob("p")?.next
        guard case .added(let id) = try await queue.runPeriodic("p") else {
            Issue.record("nothing was enqueued")
            return
        }
        #expect(try await queue.runPeriodic("p") == .unique(id))
        #expect(try await queue.periodicJob("p")?.next == next)
        #expect(try await model.job(id)?.summary.state == .available)
        #expect(try await queue.runPeriodic("none") == nil)
    }

    @Test func `what cannot be set is refused with the reason`() async throws {
        let past = clock.now() + .seconds(-60)
        let refusals: [(String, (inout PeriodicJob) -> Void)] = [
            ("is not a periodic job name", { $0.name = "A b" }), ("no February has 30 days", { $0.timing = .cron("0 0 30 2 *") }),
            ("is no time zone", { $0.timing = .cron("0 0 * * *", zone: "Europe/Atlantis") }),
            ("at least 1 second", { $0.timing = .every(.milliseconds(10)) }),
            (
                "no slot ever comes",
                { ($0.timing, $0.startsAt, $0.endsAt) = (.cron("0 0 1 1 *"), Timestamp(microseconds: 1), Timestamp(microseconds: 9)) }
            ),
            ("before it starts", { ($0.startsAt, $0.endsAt) = (Timestamp(microseconds: 9), Timestamp(microseconds: 8)) }),
            ("the jitter", { $0.jitter = .seconds(86_401) }), ("is not shorter than the time between", { $0.jitter = .seconds(60) }),
            ("leave the start time out", { $0.job.runAt = past }),
            ("leave it out", { $0.job.key = "k" }), ("not when", { $0.job.terms.expiresAt = past }),
            ("expiry must be longer than 0", { $0.expires = .zero }),
            ("is outside of 1 … 1000", { $0.missed = .all(upTo: 0) }), ("carries its own", { $0.job.meta["slot"] = "x" }),
            ("lets one run wait at most", { ($0.overlap, $0.missed) = (.queue, .all(upTo: 2)) }),
            ("leave the job's own unique key out", { ($0.overlap, $0.job.terms.uniqueness) = (.skip, Uniqueness(key: "k")) }),
            ("not valid JSON", { $0.job.payload = Array("{".utf8) }),
        ]
        for (text, change) in refusals {
            let error = await #expect(throws: EnqueueError.self) { try await queue.setPeriodic(periodic(.every(.seconds(60)), change)) }
            #expect(error?.description.contains(text) == true, "\(String(describing: error)) lacks \(text)")
        }
        #expect(try await queue.periodicJobs() == [])
    }

    // MARK: A worker

    /// Lets time pass up to `time`, and then the worker do what it has to until `isDone`.
    private func pass(to time: Timestamp, until isDone: () -> Bool) async {
        clock.advance(by: max(time - clock.now(), .zero))
        while !isDone() {
            // A timer that was set late fires as well.
            clock.advance(by: .zero)
            await Task.yield()
        }
    }

    @Test(.timeLimit(.minutes(2))) func `a worker fires and runs what is due, and the runs carry where they come from`() async throws {
        let runs = Collected<[String: String]>()
        let worker = Worker(
            queue: queue,
            handlers: [
                Handler(kind: "k") { job, _ in
                    runs.add(job.meta)
                    return nil
                }
            ])
        try await queue.setPeriodic(periodic(.every(.seconds(60))))
        let slots = (1...3).map { clock.now() + .seconds($0 * 60) }
        let running = Task { try await worker.runToEnd() }
        for (index, slot) in slots.enumerated() { await pass(to: slot) { runs.values.count > index } }
        worker.drain()
        #expect(try await running.value == .drained)
        #expect(runs.values == slots.map { ["periodic": "p", "slot": $0.description] })
    }

    @Test(.timeLimit(.minutes(2))) func `a worker that runs until empty fires what is due, and waits for no slot`() async throws {
        let runs = Collected<JobID>()
        let worker = Worker(
            queue: queue,
            handlers: [
                Handler(kind: "k") { job, _ in
                    runs.add(job.execution.job)
                    return nil
                }
            ])
        try await queue.setPeriodic(periodic(.every(.seconds(5))))
        clock.advance(by: .seconds(5))
        #expect(try await worker.runToEnd(until: .empty(idleTimeout: .seconds(10))) == .drained)
        #expect(runs.values.count == 1)
    }

    @Test func `a great many missed slots are made up for in several commits, none twice`() async throws {
        try await queue.setPeriodic(periodic(.every(.seconds(1))) { $0.missed = .all(upTo: 1000) })
        clock.advance(by: .seconds(3600))
        try await fire()
        let slots = try await slots()
        #expect(slots.count == 1000 && Set(slots).count == 1000)
        #expect(slots.last == clock.now().description)
    }

    @Test func `what cannot be read here keeps its slot for a leader that can`() async throws {
        try await queue.setPeriodic(periodic(.every(.seconds(60))))
        let unreadable = periodic(.cron("0 0 * * *", zone: "Europe/Atlantis")) { $0.name = "atlantis" }
        let due = clock.now() + .seconds(60)
        _ = try await model.setPeriodic([PeriodicDraft(unreadable, first: due)], source: nil)
        clock.advance(by: .seconds(60))
        try await fire()
        #expect(try await slots().count == 1)
        #expect(try await queue.periodicJob("atlantis")?.next == due)
        #expect(try await model.duePeriodic(at: clock.now(), limit: 9) == [])
        #expect(try await model.duePeriodic(at: clock.now() + .seconds(60), limit: 9).count == 2)
    }
}

@Suite struct LeadershipTests {
    private func led(_ slot: Timestamp?, _ driver: inout StateDriver) -> Did {
        var reply = ExchangeReply()
        reply.nextSlot = slot
        return driver.tell(.exchanged(reply))
    }

    @Test func `a leader fires at the slot, asks for the next one, and fires again`() {
        var driver = StateDriver()
        driver.join()
        #expect(driver.request?.leads == true)
        let slot = driver.now.wall + .seconds(5)
        let told = led(slot, &driver)
        #expect(!told.actions.contains(.fire))
        #expect(told.wakes.last == driver.now.uptime + .seconds(5))
        #expect(driver.passToWake().actions.contains(.fire))
        // While it fires nothing is fired beside it.
        #expect(!driver.tell(.woke).actions.contains(.fire))
        let fired = driver.tell(.fired)
        #expect(!fired.actions.contains(.fire))
        #expect(fired.exchanges.count == 1)
        #expect(!led(slot + .seconds(60), &driver).actions.contains(.fire))
        driver.pass(.seconds(60))
        #expect(driver.tell(.woke).actions.contains(.fire))
    }

    @Test func `a leader whose slots are all busy fires on time and asks for the next slot`() {
        var driver = StateDriver(concurrency: 1)
        driver.join()
        driver.reply(claimed: [claimedJob(1)])
        driver.tell(.rang(wantsAttention: true))
        _ = led(driver.now.wall + .seconds(3), &driver)
        #expect(driver.passToWake().actions.contains(.fire))
        #expect(driver.tell(.fired).exchanges.map { $0.claim == nil } == [true])
    }

    @Test func `a failure is told and tried again after five seconds`() {
        var driver = StateDriver()
        driver.join()
        _ = led(driver.now.wall, &driver)
        let error = JobStoreError.unavailable(reason: "test")
        let failed = driver.tell(.firingFailed(error))
        #expect(failed.notes == [.firingFailed(error)])
        #expect(failed.wakes == [driver.now.uptime + .seconds(5)])
        driver.pass(.seconds(4))
        #expect(!driver.tell(.woke).actions.contains(.fire))
        driver.pass(.seconds(1))
        #expect(driver.tell(.woke).actions.contains(.fire))
    }

    @Test func `who drains, is quiet or runs one job does not offer to lead, and one that fires ends afterwards`() {
        var once = StateDriver(until: .once)
        once.join()
        #expect(once.request?.leads == false)

        var quiet = StateDriver()
        quiet.join()
        var reply = ExchangeReply()
        reply.orders.apply(.quiet)
        reply.nextSlot = quiet.now.wall + .seconds(5)
        // At once, so that another one leads.
        #expect(quiet.tell(.exchanged(reply)).exchanges.map(\.leads) == [false])

        var driver = StateDriver()
        driver.join()
        #expect(led(driver.now.wall, &driver).actions.contains(.fire))
        // Told at once, so that another one leads.
        #expect(driver.tell(.drainRequested).exchanges.map(\.leads) == [false])
        #expect(driver.reply().end == nil)
        #expect(driver.tell(.fired).end == .drained)
    }

    @Test func `a worker that is told of no slot leads no more`() {
        var driver = StateDriver()
        driver.join()
        _ = led(driver.now.wall + .seconds(5), &driver)
        driver.tell(.rang(wantsAttention: false))
        _ = led(nil, &driver)
        driver.pass(.seconds(5))
        #expect(!driver.tell(.woke).actions.contains(.fire))
    }
}

@Suite struct PeriodicCodingTests {
    @Test(arguments: [PeriodicJob.Timing.cron("0 3 * * *", zone: "Europe/Berlin"), .every(.seconds(90))])
    func `a periodic job is read back as it was written, its payload apart`(_ timing: PeriodicJob.Timing) throws {
        var job = NewJob(kind: "k", payload: [])
        (job.queue, job.priority, job.maxAttempts, job.timeout) = ("q", -3, 7, .seconds(9))
        (job.meta, job.label) = (["a": "b"], "l")
        (job.terms.tags, job.terms.limitKey) = (["t"], "acme")
        var periodic = PeriodicJob("p", timing, job)
        #expect(try roundTrip(periodic) == periodic)
        for missed in [PeriodicJob.Missed.skip, .latest, .all(upTo: 9)] {
            (periodic.missed, periodic.overlap, periodic.jitter) = (missed, .cancel, .seconds(3))
            (periodic.startsAt, periodic.endsAt) = (Timestamp(microseconds: 5), Timestamp(microseconds: 50))
            (periodic.expires, periodic.deadline) = (.seconds(1), .seconds(2))
            #expect(try roundTrip(periodic) == periodic)
        }
    }

    private func roundTrip(_ periodic: PeriodicJob) throws -> PeriodicJob {
        try JSONDecoder().decode(PeriodicJob.self, from: try JSONEncoder().encode(periodic))
    }
}
