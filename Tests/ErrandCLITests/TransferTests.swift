// export and import: what is written can be read back, wherever it was cut, and what cannot is refused by its line.

import Errand
import ErrandTesting
import Foundation
import Testing

@testable import ErrandCLI

@Suite struct TransferTests {
    /// A world with jobs in several states and log lines.
    private func filled() async throws -> World {
        let world = World()
        let worker = try await world.join()
        for number in 0..<3 {
            _ = try await world.enqueue("mail", "{\"n\": \(number)}") { job in
                job.key = number == 1 ? "order \"1\"" : nil
                job.terms.tags = number == 2 ? ["red"] : []
            }
            world.clock.advance(by: .milliseconds(5))
        }
        let running = try await world.claim(worker)
        try await world.log(running[0], "one", "two, \"three\"")
        try await world.log(running[0], from: 3, "four\nfive")
        try await world.log(running[1], "six")
        try await world.end(running[0], worker, .completed, next: .complete, result: "[1,\n2]")
        let later = world.clock.now() + .seconds(60)
        try await world.end(running[1], worker, .failed, next: .wait(until: later), error: StoredError(type: "E", message: "no", code: 3))
        _ = try await world.enqueue("other") { $0.runAt = later }
        return world
    }

    private func exported(_ world: World, _ options: String...) async -> String { await world.run(["export"] + options).out }

    /// A world that has imported `text`.
    private func importing(_ text: String, into world: World? = nil) async -> (World, World.Ended) {
        var world = world ?? World()
        world.input = Array(text.utf8)
        return (world, await world.run("import", "-"))
    }

    /// An export without what differs from one to the next.
    private func records(_ text: String) -> [Substring] { text.split(separator: "\n").dropFirst() + [] }

    @Test func `what is exported and imported is exported the same again, jobs, history and logs`() async throws {
        let world = try await filled()
        let text = await exported(world)
        let count = text.split(separator: "\n").count
        #expect(count == 10)
        let (other, ended) = await importing(text)
        #expect(ended == World.Ended(code: 0, out: "4 jobs and 4 log lines imported\n", err: ""))
        let again = records(await exported(other)).map(String.init)
        // The one that ran is available there, and its execution interrupted.
        let wanted = records(text).map(String.init)
        #expect(again.count == wanted.count)
        let changed = zip(again, wanted).filter { $0 != $1 }
        #expect(changed.count == 1)
        #expect(changed.first?.1.contains(#""state":"running""#) == true)
        #expect(changed.first?.0.contains(#""state":"available""#) == true && changed.first?.0.contains(#""interrupted""#) == true)
        #expect(await other.run("logs").out == world.run("logs").out)
        let (_, twice) = await importing(text, into: other)
        #expect(twice.out == "0 jobs and 0 log lines imported, 4 jobs were there before\n" && twice.code == 0)
        #expect(records(await exported(other)).map(String.init) == again)
    }

    @Test func `an import that was cut anywhere is finished by the whole file, with nothing twice and nothing missing`() async throws {
        let text = await exported(try await filled())
        let whole = records(await exported(await importing(text).0))
        for cut in stride(from: 1, to: text.utf8.count, by: 61) {
            let (world, first) = await importing(String(decoding: text.utf8.prefix(cut), as: UTF8.self))
            #expect(first.code != 0, "cut at \(cut)")
            #expect(first.code != 6 || first.err.contains("export --resume"), "\(first.err)")
            let (_, second) = await importing(text, into: world)
            #expect(second.code == 0, "cut at \(cut): \(second.err)")
            #expect(records(await exported(world)) == whole, "cut at \(cut)")
        }
    }

    @Test func `an export that was cut anywhere is finished with --resume, to the byte`() async throws {
        let world = try await filled()
        let path = FileManager.default.temporaryDirectory.appending(path: "errand-export-\(UUID()).jsonl").path
        defer { unlink(path) }
        #expect(await world.run("export", path).code == 0)
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(await world.run("export", path).code == 5)
        for cut in stride(from: 0, through: whole.count, by: 47) {
            try whole.prefix(cut).write(to: URL(fileURLWithPath: path))
            let ended = await world.run("export", path, "--resume")
            #expect(ended.code == 0, "cut at \(cut): \(ended.err)")
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == whole, "cut at \(cut)")
        }
        // What was added meanwhile is left out, as it would have been.
        try whole.prefix(900).write(to: URL(fileURLWithPath: path))
        _ = try await world.enqueue()
        #expect(await world.run("export", path, "--resume").code == 0)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == whole)
        let other = await world.run("export", path, "--resume", "--kind", "mail")
        #expect(other.code == 2 && other.err.contains("begun with no options"), "\(other.err)")
    }

    @Test func `lines that cannot be imported are refused by their numbers, and the others come in`() async throws {
        let lines = await exported(try await filled()).split(separator: "\n").map(String.init)
        let job = lines[1]
        let wrong = [
            (job.replacing("\"kind\":\"mail\"", with: "\"kind\":\"No Kind\""), "not a kind name"),
            (job.replacing("\"v\":1,\"record\"", with: "\"v\":2,\"record\""), "upgrade Errand"),
            (job.replacing("\"state\":\"completed\"", with: "\"state\":\"strange\""), "\"strange\" is unknown"),
            (job.replacing("\"record\":\"job\",", with: ""), "what kind of record"),
            (job.replacing("\"ordinal\":1,\"created", with: "\"ordinal\":0,\"created"), "below that of the execution"),
            ("{]", "it is no record"), ("[]", "a JSON object is expected"),
        ]
        for (line, problem) in wrong {
            #expect(line != job)
            let (world, ended) = await importing(([lines[0], line] + lines[5...]).joined(separator: "\n"))
            #expect(ended.code == 6, "\(line)")
            #expect(ended.err.contains("line 2: ") && ended.err.contains(problem), "\(ended.err)")
            #expect(await world.run("jobs", "-q").lines.count == 3)
            let (_, none) = await importing([lines[0], line, lines[lines.count - 1]].joined(separator: "\n"))
            #expect(none.code == 2, "\(line)")
        }
    }

    @Test func `what is no export, or a later one, is refused as a whole with the way out`() async throws {
        let world = try await filled()
        let text = await exported(world)
        let csv = await exported(world, "--format", "csv")
        for (input, problem) in [
            (text.replacing("\"format\":1", with: "\"format\":2"), "upgrade Errand"), (csv, "--format jsonl"),
            ("{\"a\":1}\n", "line 1: "), ("", "nothing to import"),
            (text.replacing("\"redacted\":false", with: "\"redacted\":true"), "--redact"),
        ] {
            let (other, ended) = await importing(input)
            #expect(ended.code == 2 && ended.err.contains(problem), "\(ended.err)")
            #expect(await other.run("jobs", "-q").out.isEmpty)
        }
    }

    @Test func `members and records that are not known are passed over in a version that is`() async throws {
        let lines = await exported(try await filled()).split(separator: "\n").map(String.init)
        var text = lines.map { $0.replacing("\"record\":\"job\",", with: "\"record\":\"job\",\"later\":{\"a\":[1]},") }
        text.insert(#"{"v":1,"record":"periodic","name":"x"}"#, at: 1)
        let (world, ended) = await importing(text.joined(separator: "\n"))
        #expect(ended.code == 0 && ended.err.contains("1 record passed over, of the kind \"periodic\""), "\(ended.err)")
        #expect(await world.run("jobs", "-q").lines.count == 4)
    }

    @Test func `only the selected jobs are exported, and --limit takes the newest`() async throws {
        let world = try await filled()
        func ids(_ options: String...) async -> [String] {
            (await world.run(["export", "--what", "jobs"] + options).lines).compactMap { line in
                JSONMembers(object: Array(line.utf8)[...])?.text("id")
            }
        }
        let all = await ids()
        #expect(all.count == 4)
        #expect(await ids("--tag", "red") == [all[2]])
        #expect(await ids("--kind", "mail", "--limit", "2") == [all[1], all[2]])
        #expect(await ids("--state", "scheduled,running").isEmpty)
        #expect(await ids("--state", "scheduled") == [all[3]])
        #expect(await ids("--arg", "n=1") == [all[1]])
        #expect(await ids("--cursor", all[2]) == [all[0], all[1]])
        #expect(await ids("--limit", "2", "--cursor", all[2]) == [all[0], all[1]])
    }

    @Test(arguments: [
        (["--what", "executions"], "--format csv"), (["--format", "csv", "--what", "jobs,logs"], "one kind of record"),
        (["--what", "everything"], "none of"), (["--resume"], "name it"), (["x", "--resume", "--format", "csv"], "JSON lines"),
        (["--scan", "5"], "looks at every job"), (["--decrypt"], "--config"), (["--redact"], "--config"),
    ])
    func `options that make no sense say what does`(_ options: [String], _ hint: String) async throws {
        let ended = await World().run(["export"] + options)
        #expect(ended.code == 2 && ended.out.isEmpty && ended.err.contains(hint), "\(ended.err)")
    }

    @Test func `log lines go to the execution that wrote them, and not to another one with its ordinal`() async throws {
        let world = try await filled()
        let text = await exported(world)
        // The same job has gone its own way here: its first execution is another one.
        let lines = text.split(separator: "\n").map(String.init)
        let job = try #require(lines.first { $0.contains(#""state":"completed""#) })
        let began = try #require(job.firstMatch(of: #/"started_at":"([^"]+)"/#)?.output.1)
        let other = job.replacing("\"started_at\":\"\(began)\"", with: "\"started_at\":\"2025-12-31T00:00:00.000000Z\"")
        let (there, _) = await importing([lines[0], other, lines[lines.count - 1]].joined(separator: "\n"))
        let (_, ended) = await importing(text, into: there)
        #expect(ended.code == 0, "\(ended.err)")
        #expect(await there.run("logs", "--json").lines.allSatisfy { $0.contains("six") })
    }

    @Test func `CSV has a heading, a row for each record, and quotes where they are needed`() async throws {
        let world = try await filled()
        let jobs = await exported(world, "--format", "csv")
        #expect(jobs.hasPrefix("id,kind,queue,state,"))
        let rows = jobs.components(separatedBy: "\r\n").count
        #expect(rows == 6)
        #expect(jobs.contains(#""order ""1""""#) && jobs.contains("\"[1,\n2]\""))
        let executions = await exported(world, "--format", "csv", "--what", "executions").components(separatedBy: "\r\n").count
        #expect(executions == 5)
        let logs = await exported(world, "--format", "csv", "--what", "logs")
        #expect(logs.contains(",\"four\nfive\",") && logs.contains(#","two, ""three""","#))
    }
}
