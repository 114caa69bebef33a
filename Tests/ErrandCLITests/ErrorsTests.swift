// What fails, grouped.

import Errand
import ErrandTesting
import Testing

@testable import ErrandCLI

@Suite struct ErrorsTests {
    @Test(arguments: [
        ("no such user 7", "no such user 1042"), ("timeout after 3.5 s", "timeout after 12,75 s"),
        (#"key "a b" is taken"#, #"key "" is taken"#), ("at 0x7ffe12", "at 0xdeadbeef"),
        ("trace 4bf92f3577b34da6 lost", "trace 00f067aa0ba902b7 lost"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id 00000000-0000-0000-0000-000000000000"), ("one\ntwo", "one\nthree"),
        ("timed out after 30ms", "timed out after 31ms"), ("job_12 failed", "job_7 failed"), ("user 'a' is gone", "user 'b c' is gone"),
    ])
    func `what changes from job to job does not make another error`(one: String, other: String) {
        #expect(ErrorFingerprint.text(of: one) == ErrorFingerprint.text(of: other))
    }

    @Test(arguments: [
        ("no such user", "no such file"), ("user 7 is gone", "user 7 is back"), ("facade", "decade"),
        ("can't read config: it isn't valid", "can't reach host: it isn't valid"),
    ])
    func `other words are another error`(one: String, other: String) {
        #expect(ErrorFingerprint.text(of: one) != ErrorFingerprint.text(of: other))
    }

    @Test func `jobs are grouped by kind, type and words, the most frequent first, with the newest to look at`() async throws {
        let world = World()
        var last: JobID?
        let worker = try await world.join(kinds: ["mail", "letter"])
        for (kind, message) in [("mail", "no user 1"), ("letter", "no user 2"), ("mail", "no user 3"), ("mail", "disk is full")] {
            let id = try await world.enqueue(kind)
            if message == "no user 3" { last = id }
            let execution = try #require(try await world.claim(worker, kinds: [kind]).first)
            let report = ExecutionReport(
                execution: execution, outcome: .failed, next: .bury(reason: "max_attempts"),
                error: StoredError(type: "Oops", message: message), finishedAt: world.clock.now())
            _ = try await world.model.store.jobs.exchange(ExchangeRequest(worker: worker, reports: [report]))
        }
        let lines = await world.run("errors").lines.map { $0.split(separator: "\t").map(String.init) }
        #expect(lines.map { Array($0[...3]) } == [["2", "2", "mail", "Oops"], ["1", "1", "letter", "Oops"], ["1", "1", "mail", "Oops"]])
        #expect(lines[0][5] == "\(try #require(last))")
        #expect(await world.run("errors", "--kind", "letter", "--json").out.contains(#""fingerprint":"no user #","#))
        #expect(await world.run("errors", "--queue", "elsewhere").out == "")
    }
}
