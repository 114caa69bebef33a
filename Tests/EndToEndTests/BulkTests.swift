// The promise: a batch is all there or told line by line, and one that was cut short is finished by running it once more.

import Foundation
import Glibc
import Testing

@Suite(.timeLimit(.minutes(3))) struct BulkTests {
    @Test func `a batch that was killed is finished by its repetition, and nothing is there twice`() throws {
        let sandbox = try Sandbox()
        _ = try sandbox.run("stats")
        let path = sandbox.directory + "/jobs.jsonl"
        let count = 20_000
        let text = (0..<count).map { "{\"kind\":\"greet\",\"payload\":\($0),\"key\":\"job-\($0)\"}\n" }.joined()
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let doomed = try sandbox.start(["enqueue", "--batch", path])
        // The first commit is there, most of the others are not.
        _ = try eventually { try sandbox.run("stats", "--json").out.contains("\"jobs\":[{") }
        doomed.signal(SIGKILL)
        let printed = doomed.waitForEnd().lines
        let again = try sandbox.run("enqueue", "--batch", path, "--json")
        #expect(again.status == 0, "\(again.err)")
        let results = try again.objects()
        #expect(results.count == count)
        #expect(Set(results.compactMap { $0["id"] as? String }).count == count)
        let existing = results.filter { $0["existing"] as? Bool == true }
        #expect(existing.count >= printed.count && existing.count % 1000 == 0, "a commit is whole or not there")
        #expect(try sandbox.run("jobs", "-q").lines.count == count)
    }

    @Test func `bad lines are told by number, the others are added: exit 6`() throws {
        let sandbox = try Sandbox()
        let lines = "{\"payload\":1}\nnonsense\n{\"payload\":3}\n"
        let ended = try sandbox.run("enqueue", "greet", "--batch", "-", "--tag", "import", input: lines)
        #expect(ended.status == 6)
        #expect(ended.lines.count == 2)
        #expect(ended.err.hasPrefix("line 2: not valid JSON"))
        #expect(try sandbox.run("jobs", "-q", "--tag", "import").lines == ended.lines.reversed())
        #expect(try sandbox.run("jobs", "-q", "--tag", "import", "--arg", "x=1").lines.isEmpty)
        let gone = try sandbox.run("delete", "--tag", "import", "--force", "--yes")
        #expect(gone.status == 0 && gone.lines.count == 2)
        #expect(try sandbox.run("jobs", "-q").lines.isEmpty)
    }
}
