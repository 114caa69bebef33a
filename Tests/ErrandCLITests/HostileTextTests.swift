// Text from jobs and from command lines, as hostile as it can be, through every verb: no terminal is moved, no line is forged.

import Errand
import ErrandTesting
import Foundation
import Testing

@testable import ErrandCLI

@Suite struct HostileTextTests {
    /// ESC, BEL, CSI and OSC as single characters (C1), an override of the direction, separators, and the beginnings of a line of their own.
    private static let hostile = "a\u{1B}[31m\u{7}\u{9B}2J\u{9D}0;t\u{202E}b\u{2028}c\u{8}\u{7F}\r\nFORGED\tcolumn\u{85}d\u{2066}e"

    /// A store in which everything that may be text is hostile, the names that only rules keep clean among it.
    private func world(isTerminal: Bool) async throws -> (World, job: JobID) {
        var world = World()
        world.columns = isTerminal ? 100 : nil
        world.environment["NO_COLOR"] = "1"
        let hostile = HostileTextTests.hostile
        let json = String(decoding: JSONWriter.string(hostile), as: UTF8.self)
        let job = try await world.enqueue("mail", "{\n\(json)\t:\r\n\(json)}") { job in
            job.label = hostile
            job.key = hostile
            job.meta = [hostile: hostile, "n": hostile]
            job.maxAttempts = 2
        }
        let worker = try await world.join()
        let error = StoredError(type: hostile, message: hostile, stack: hostile)
        for _ in 0..<2 {
            let execution = try await world.claim(worker)[0]
            _ = try await world.model.store.logs.append(
                [
                    World.chunk(
                        execution, [hostile, "FORGED"], at: world.clock.now(), level: "error", flags: "\"crossed\"",
                        metadata: "{\(json):\(json),\"site\":\(json)}")
                ], dropping: [])
            try await world.end(execution, worker, .failed, next: .giveBack, error: error)
        }
        let last = try await world.claim(worker)[0]
        try await world.end(last, worker, .failed, next: .bury(reason: hostile), error: error, result: "[\n\(json)\n]")
        _ = try await world.enqueue("mail") { $0.label = hostile }
        _ = try await world.model.store.jobs.join(
            WorkerDescription(
                kinds: [hostile], queues: [hostile: 1], concurrency: 1, host: hostile, pid: 1, version: hostile,
                startedAt: world.clock.now(),
                lease: .seconds(30)))
        return (world, job)
    }

    /// What a terminal or an eye would be misled by: everything but line feeds, and the tabs that separate columns.
    private func unsafe(_ text: String) -> [Unicode.Scalar] {
        text.unicodeScalars.filter { $0 != "\n" && $0 != "\t" && TerminalText.isUnsafe($0) }
    }

    @Test(arguments: [true, false])
    func `no verb lets control characters of a job through, or a line of its own`(isTerminal: Bool) async throws {
        for arguments in [
            ["jobs"], ["jobs", "-o", "wide"], ["jobs", "-q"], ["show", "ID"], ["logs"], ["logs", "ID"], ["logs", "ID", "--prefix"],
            ["logs", "--timestamps"], ["logs", "--flag", "crossed"], ["trace", "ID"], ["trace", "ID", "--logs"], ["stats"], ["wait", "ID"],
            ["cancel", "ID"], ["retry", "ID", "--dry-run"], ["retry", "ID"], ["prune", "--dry-run"], ["enqueue", "mail", "{}"],
            ["enqueue", "mail", "{}", "--key", HostileTextTests.hostile],
        ] {
            let (world, job) = try await world(isTerminal: isTerminal)
            let ended = await world.run(arguments.map { $0 == "ID" ? job.description : $0 })
            let text = ended.out + ended.err
            #expect(!text.isEmpty)
            #expect(unsafe(text) == [], "\(arguments): \(text.debugDescription)")
            for line in text.split(separator: "\n") {
                // The second log line says so honestly, behind the mark of its level; nothing of a job begins a line.
                #expect(!line.hasPrefix("FORGED"), "\(arguments): \(text)")
            }
        }
    }

    @Test func `in a pipe a job is one line with the same columns, whatever it holds`() async throws {
        let (world, _) = try await world(isTerminal: false)
        let (plain, wide) = (await world.run("jobs"), await world.run("jobs", "-o", "wide"))
        #expect(plain.lines.count == 2 && wide.lines.count == 2)
        #expect(Set(plain.lines.map { $0.count { $0 == "\t" } }) == [8])
        #expect(Set(wide.lines.map { $0.count { $0 == "\t" } }) == [13])
    }

    @Test(arguments: [true, false])
    func `JSON output is one object a line that parses, holds the text as it is, and moves no terminal`(isTerminal: Bool) async throws {
        for (arguments, count) in [
            (["jobs", "--json"], 2), (["show", "ID", "--json"], 1), (["logs", "--json"], 4), (["logs", "ID", "--json"], 4),
            (["trace", "ID", "--json", "--logs"], 5), (["wait", "ID", "--json"], 1), (["retry", "ID", "--json"], 1),
        ] {
            let (world, job) = try await world(isTerminal: isTerminal)
            let ended = await world.run(arguments.map { $0 == "ID" ? job.description : $0 })
            let lines = ended.out.split(separator: "\n", omittingEmptySubsequences: true)
            #expect(lines.count == count, "\(arguments): \(ended.out.debugDescription)")
            if isTerminal { #expect(unsafe(ended.out) == [], "\(arguments): \(ended.out.debugDescription)") }
            for line in lines {
                let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(arguments)")
                if arguments == ["show", "ID", "--json"] { #expect(object["key"] as? String == HostileTextTests.hostile) }
                // What a reader of JSON gets is what the job said, but nothing of it splits the line for others.
                #expect(!line.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }, "\(arguments)")
            }
        }
    }

    @Test func `what a person typed is repeated without its control characters`() async throws {
        let hostile = HostileTextTests.hostile
        let name = String(decoding: JSONWriter.string("\u{9B}2J\u{202E}"), as: UTF8.self)
        for arguments in [
            [hostile], ["enqueue", hostile, "{}"], ["enqueue", "mail", "{}", "--queue", hostile], ["enqueue", "mail", hostile],
            ["enqueue", "mail", "{\(name):1,\(name):2}"], ["enqueue", "mail", "{}", hostile], ["enqueue", "mail", "{}", "--\(hostile)"],
            ["enqueue", "mail", "{}", "--at", hostile], ["enqueue", "mail", "{}", "--in", hostile], ["enqueue", "mail", "@/\(hostile)"],
            ["enqueue", "mail", "{}", "--meta", hostile], ["enqueue", "mail", "{}", "--priority", hostile], ["show", hostile],
            ["show", "key:\(hostile)"], ["logs", hostile], ["logs", "--level", hostile], ["jobs", "--state", hostile],
            ["jobs", "--since", hostile], ["jobs", "--kind", hostile], ["wait", hostile], ["trace", hostile],
            ["work", "--queues", hostile],
            ["show", "x", "--config", "/\(hostile)"], ["help", hostile], ["jobs", "--color", hostile],
        ] {
            let (world, _) = try await world(isTerminal: true)
            let ended = await world.run(arguments)
            #expect(unsafe(ended.out + ended.err) == [], "\(arguments.map(\.debugDescription)): \(ended.err.debugDescription)")
        }
    }
}
