// The promise: a recorded step never runs again, an unrecorded one at most once more for each kill.

import Foundation
import Testing

@Suite struct StepTests {
    @Test func `jobs of 20 steps under 200 kills at random points repeat no recorded step, and no more steps than there were kills`() throws
    {
        let sandbox = try Sandbox(program: Sandbox.isolated)
        let book = "\(sandbox.directory)/book"
        var jobs: [String] = []
        var kills = 0
        var generator = SystemRandomNumberGenerator()
        func isLeft() throws -> Bool {
            try sandbox.run("jobs", "--state", "available,running,scheduled,retryable", "-q").lines.isEmpty == false
        }
        while kills < 200 {
            if try !isLeft() {
                jobs.append(try sandbox.run("enqueue", "staircase", #"{"book":"\#(book)"}"#, "--max-attempts", "1").text)
            }
            let lines = (try? String(contentsOfFile: book, encoding: .utf8))?.utf8.count ?? 0
            let worker = try sandbox.start(["work", "-c", "1"])
            // From its first word on, at a moment that chance chooses.
            _ = eventually { ((try? String(contentsOfFile: book, encoding: .utf8))?.utf8.count ?? 0) > lines }
            usleep(UInt32.random(in: 0...25_000, using: &generator))
            worker.signal(SIGKILL)
            #expect(worker.waitForEnd().status == 128 + 9)
            kills += 1
        }
        let end = try sandbox.run("work", "--until-empty", "--idle-timeout", "5s")
        #expect(end.status == 0, "\(end.err.suffix(1000))")

        var recorded: Set<String> = []
        var begun: [String: Int] = [:]
        for line in try String(contentsOfFile: book, encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ")
            try #require(words.count == 3)
            let step = "\(words[0]) \(words[2])"
            switch words[1] {
            case "begin":
                #expect(!recorded.contains(step), "\(step) was recorded and runs again")
                begun[step, default: 0] += 1
            case "recorded": recorded.insert(step)
            default: break
            }
        }
        #expect(jobs.count > 1)
        #expect(recorded.count == jobs.count * 20)
        let repetitions = begun.values.reduce(0) { $0 + $1 - 1 }
        // Kills that meet nothing prove nothing.
        #expect(repetitions > 0)
        #expect(repetitions <= kills)
        for job in jobs {
            let shown = try #require(try sandbox.run("show", job, "--json").objects().first)
            #expect(shown["state"] as? String == "completed" && shown["attempt"] as? Int == 1, "\(shown)")
        }
    }
}
