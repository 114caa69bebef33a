// Periodic jobs of errand.yaml: what they say, and what they may not.

import Errand
import Testing

@testable import ErrandHandlers

@Suite struct PeriodicSettingsTests {
    private let now = Timestamp(microseconds: 1_767_225_600_000_000)

    private func jobs(_ text: String) throws -> [PeriodicJob] {
        try ErrandConfiguration.parse(Array(text.utf8), file: "/tmp/errand.yaml").periodicJobs()
    }

    @Test func `everything that can be said arrives`() throws {
        let job = try #require(
            try jobs(
                """
                periodic:
                  nightly:
                    cron: "0 3 * * *"
                    tz: Europe/Berlin
                    kind: report
                    payload: { full: true, ratio: 1.50, big: 12345678901234567890, text: "7", none: ~, list: [a, 0x10, -0], "odd \\"key": 007 }
                    queue: reports
                    priority: -5
                    max_attempts: 3
                    timeout: 10m
                    expires: 1h
                    deadline: 2h
                    tags: [night, a]
                    label: the report
                    limit_key: acme
                    sequence: reports
                    halt: true
                    missed: all
                    catch_up: 7
                    jitter: 30s
                    starts: 2026-02-01T00:00:00Z
                    ends: 2027-02-01T00:00:00+01:00
                """
            ).first)
        #expect(job.name == "nightly" && job.timing == .cron("0 3 * * *", zone: "Europe/Berlin"))
        #expect(
            String(decoding: job.job.payload, as: UTF8.self)
                == #"{"full":true,"ratio":1.50,"big":12345678901234567890,"text":"7","none":null,"list":["a","0x10",-0],"odd \"key":"007"}"#
        )
        #expect(job.job.kind == "report" && job.job.queue == "reports" && job.job.priority == -5 && job.job.maxAttempts == 3)
        #expect(job.job.timeout == .seconds(600) && job.expires == .seconds(3600) && job.deadline == .seconds(7200))
        #expect(job.job.terms.tags == ["a", "night"] && job.job.label == "the report" && job.job.terms.limitKey == "acme")
        #expect(job.job.terms.sequence == JobSequence("reports", haltsOnDeath: true))
        #expect(job.overlap == .allow && job.missed == .all(upTo: 7) && job.jitter == .seconds(30))
        #expect(job.startsAt == Timestamp("2026-02-01T00:00:00Z") && job.endsAt == Timestamp("2027-01-31T23:00:00Z"))
    }

    @Test func `what a kind has by default its periodic jobs have as well, unless they say otherwise`() throws {
        let jobs = try jobs(
            """
            kinds:
              report: { queue: reports, priority: 4, max_attempts: 2, expires: 1h, tags: [x], unique: { by: [day] }, limit_key: tenant }
            periodic:
              plain: { every: 1h, kind: report, payload: { day: 1, tenant: acme } }
              own: { every: 1h, kind: report, payload: { day: 1 }, queue: other, priority: 0, expires: 5m, overlap: skip }
            """)
        let (own, plain) = (jobs[0], jobs[1])
        #expect(plain.job.queue == "reports" && plain.job.priority == 4 && plain.job.maxAttempts == 2 && plain.expires == .seconds(3600))
        #expect(plain.job.terms.tags == ["x"] && plain.job.terms.limitKey == "acme" && plain.job.terms.uniqueness != nil)
        #expect(own.job.queue == "other" && own.job.priority == 0 && own.expires == .seconds(300) && own.job.terms.uniqueness == nil)
    }

    @Test func `a command runs once, where the file is, unless it says otherwise`() throws {
        let jobs = try jobs(
            """
            periodic:
              here: { every: 1h, run: [sh, -c, "echo 'a b'"] }
              there: { every: 1h, run: [ls], cwd: sub, env: { A: "1" }, max_attempts: 4 }
            """)
        #expect(
            String(decoding: jobs[0].job.payload, as: UTF8.self) == #"{"argv":["sh","-c","echo 'a b'"],"cwd":"/tmp"}"#)
        #expect(jobs[0].job.kind == "command" && jobs[0].job.maxAttempts == 1 && jobs[0].job.label == "sh -c echo 'a b'")
        #expect(String(decoding: jobs[1].job.payload, as: UTF8.self) == #"{"argv":["ls"],"cwd":"/tmp/sub","env":{"A":"1"}}"#)
        #expect(jobs[1].job.maxAttempts == 4)
    }

    @Test(arguments: [
        (
            "a: {kind: k}",
            ["1:12: periodic job \"a\" has no \"cron\" and no \"every\": say when, such as cron: \"0 3 * * *\" or every: 10m"]
        ),
        ("a: {every: 1h}", ["1:12: periodic job \"a\" has no \"kind\" and no \"run\": say what is enqueued"]),
        ("a: {every: 1h, cron: '@daily', kind: k}", ["1:16: a periodic job is due by \"cron\" or by \"every\", not both"]),
        ("a: {every: 1h, kind: k, run: [x]}", ["1:36: a periodic job enqueues a \"kind\" or a command (\"run\"), not both"]),
        ("a: {every: 1h, tz: UTC, kind: k}", ["1:27: \"tz\" goes with \"cron\": an interval is the same everywhere"]),
        ("a: {cron: '0 0 30 2 *', kind: k}", ["1:22: that never comes: no February has 30 days"]),
        ("a: {cron: '@daily', tz: Europe/Brlin, kind: k}", ["1:36: \"Europe/Brlin\" is no time zone: did you mean Europe/Berlin?"]),
        (
            "a: {every: 1h, kind: k, catch_up: 3}",
            ["1:36: \"catch_up\" says how many missed slots are made up for: it goes with \"missed: all\""]
        ),
        ("a: {every: 1h, kind: k, overlap: never}", ["1:45: \"overlap\" is one of allow, cancel, queue, skip, not \"never\""]),
        (
            "a: {every: 1h, kind: k, starts: soon}",
            ["1:44: \"starts\": \"soon\" is no time: write 2026-05-01T18:30:00Z or 2026-05-01T18:30:00+02:00"]
        ),
        ("a: {every: 1h, kind: k, evry: 1h}", ["1:36: unknown key \"evry\" in a periodic job: did you mean \"every\"?"]),
        ("A: {every: 1h, kind: k}", ["1:12: \"A\" is not a periodic job name: use 1 to 64 characters of a-z, 0-9, '.', '_' and '-'"]),
        ("a: {every: 1h, kind: command}", ["1:33: a command is said by itself: run: [program, argument]"]),
        ("a: {every: 1h, kind: k, halt: true}", ["1:36: \"halt\" says more about a sequence: give one too, with \"sequence\""]),
        ("a: {every: 1h, kind: k, cwd: /}", ["1:36: \"cwd\" goes with \"run\": a kind's handler says where it runs"]),
    ])
    func `what a periodic job may not say is refused with its place`(text: String, messages: [String]) {
        let error = #expect(throws: ConfigurationError.self) { try jobs("periodic: {\(text)}\n") }
        #expect(error?.problems.map { "\($0.line):\($0.column): \($0.message)" } == messages)
    }

    @Test(arguments: [
        ("a: {cron: '@yearly', kind: k, starts: '2020-02-01T00:10:00Z', ends: '2020-03-01T01:00:00Z'}", "no slot ever comes"),
        ("a: {every: 1h, kind: k, overlap: skip, missed: all}", "lets one run wait at most"),
        ("a: {every: 100ms, kind: k}", "at least 1 second"), ("a: {every: 1h, kind: k, jitter: 2d}", "the jitter 2d"),
    ])
    func `what only the whole tells is refused at its line`(text: String, message: String) {
        let error = #expect(throws: ConfigurationError.self) { try jobs("periodic: {\(text)}\n") }
        #expect(error?.problems.first?.message.contains(message) == true, "\(String(describing: error))")
        #expect(error?.problems.first?.line == 1)
    }

    @Test func `what may be a slip is told`() throws {
        let text =
            "periodic: {a: {every: 1h, kind: k, ends: '2020-01-01T00:00:00Z'}, b: {every: 1h, run: [no-such-program]}, c: {every: 1h, run: [sh]}}"
        let file = try ErrandConfiguration.parse(Array(text.utf8), file: "/tmp/errand.yaml")
        #expect(try file.periodicJobs().count == 3)
        #expect(
            file.periodicNotes(now: now) == [
                "the periodic job \"a\" is over", "the periodic job \"b\" runs no-such-program, which is not found here",
            ])
    }
}
