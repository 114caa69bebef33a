// The promise: an enqueue that is repeated under its key gives the same job, whoever repeats it and whenever.

import Foundation
import Glibc
import Testing

@Suite(.timeLimit(.minutes(3))) struct KeyTests {
    @Test func `processes that race with one key, kind and payload all print the same job and exit 0`() throws {
        let sandbox = try Sandbox()
        let racers = try (0..<12).map { _ in try sandbox.start(["enqueue", "greet", #"{"name":"Ada"}"#, "--key", "once"]) }
        let ends = racers.map { $0.waitForEnd() }
        #expect(ends.allSatisfy { $0.status == 0 }, "\(ends.map(\.err))")
        #expect(Set(ends.map(\.text)).count == 1)
        #expect(try sandbox.run("jobs", "--json").objects().count == 1)
        #expect(
            try sandbox.run("enqueue", "greet", #"{"name":"Ada"}"#, "--key", "once", "--json").objects().first?["existing"] as? Bool == true
        )
    }

    @Test func `processes that race with one key and different payloads leave one job; the others print it and exit 5`() throws {
        let sandbox = try Sandbox()
        let racers = try (0..<8).map { try sandbox.start(["enqueue", "greet", "\($0)", "--key", "once"]) }
        let ends = racers.map { $0.waitForEnd() }
        #expect(ends.map(\.status).sorted() == [0] + Array(repeating: 5, count: 7))
        #expect(Set(ends.map(\.text)).count == 1)
        let other = try sandbox.run("enqueue", "other", "0", "--key", "once")
        #expect(other.status == 5 && other.text == ends[0].text)
        #expect(other.err.contains("key \"once\" belongs to job \(ends[0].text), which has another kind or payload"))
        #expect(try sandbox.run("jobs", "--json").objects().count == 1)
    }

    @Test func `an enqueue that was killed, wherever it stood, is finished or found by its repetition`() throws {
        let sandbox = try Sandbox()
        _ = try sandbox.run("stats")
        var generator = SystemRandomNumberGenerator()
        var committed = 0
        for number in 0..<30 {
            let arguments = ["enqueue", "greet", "--key", "order-\(number)"]
            let doomed = try sandbox.start(arguments)
            // Waits for nothing: the kill is to come at any moment of the command's life, before its commit, after it, or in between.
            usleep(UInt32.random(in: 0...40_000, using: &generator))
            doomed.signal(SIGKILL)
            _ = doomed.waitForEnd()
            let again = try sandbox.run(arguments + ["--json"])
            #expect(again.status == 0, "\(again.err)")
            if try again.objects().first?["existing"] as? Bool == true { committed += 1 }
        }
        let jobs = try sandbox.run("jobs", "--json").objects()
        #expect(jobs.count == 30)
        #expect(Set(jobs.compactMap { $0["key"] as? String }).count == 30)
        // Which of them had been committed is chance; the store of a faster machine may have had all.
        #expect((0...30).contains(committed))
    }
}
