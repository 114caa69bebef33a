// `errand trace`: the tree of jobs as people and scripts see it.

import Errand
import ErrandContext
import ErrandTesting
import Foundation
import Testing

@testable import ErrandCLI

@Suite struct TraceVerbTests {
    private static let trace = TraceContext(traceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")!

    /// A report that ran twice and caused a mail, which waits, and a picture, which caused another report in a trace of its own.
    private struct Family {
        var world: World
        var root: JobID
        var mail: JobID
        var picture: JobID
        var linked: JobID
    }

    private func family() async throws -> Family {
        let world = World()
        let root = try await world.enqueue("report") { $0.trace = Self.trace }
        let worker = try await world.join(kinds: ["report", "picture"])
        let first = try await world.claim(worker, kinds: ["report"])[0]
        try await world.log(first, "first try")
        world.clock.advance(by: .milliseconds(120))
        try await world.end(first, worker, .failed, next: .giveBack, error: StoredError(type: "Broken", message: "once"))
        let second = try await world.claim(worker, kinds: ["report"])[0]
        func add(_ kind: String, below parent: ExecutionID, _ relation: TraceRelation = .child) async throws -> JobID {
            try await world.enqueue(kind) { ($0.parent, $0.root, $0.trace, $0.traceRelation) = (parent, second, Self.trace, relation) }
        }
        try await world.log(second, "before")
        world.clock.advance(by: .milliseconds(1))
        let mail = try await add("mail", below: second)
        world.clock.advance(by: .milliseconds(1))
        try await world.log(second, from: 2, "after")
        let picture = try await add("picture", below: second)
        world.clock.advance(by: .seconds(1))
        try await world.end(second, worker, .completed, next: .complete)
        let painted = try await world.claim(worker, kinds: ["picture"])[0]
        let linked = try await add("report", below: painted, .link)
        try await world.end(painted, worker, .completed, next: .complete)
        return Family(world: world, root: root, mail: mail, picture: picture, linked: linked)
    }

    @Test func `a pipe gets the tree by indentation, with what became of each job and the one asked for marked`() async throws {
        let family = try await family()
        let own = TraceContext.span(of: ExecutionID(family.linked, 1), in: nil).traceID
        let ended = await family.world.run("trace", "\(family.picture)")
        #expect(
            ended.out == """
                trace 4bf92f3577b34da6a3ce929d0e0e4736  4 jobs

                \(family.root)      report   completed  #1 failed 120ms, #2 completed 1.0s
                  \(family.mail)    mail     available
                  \(family.picture)    picture  completed  0ms  <-
                    \(family.linked)  report   available  trace \(own)

                """)
        #expect(ended.code == 0)
    }

    @Test func `a terminal with a UTF-8 locale gets boxes, another one ASCII`() async throws {
        var family = try await family()
        family.world.columns = 200
        family.world.environment["LANG"] = "C"
        let plain = await family.world.run("trace", "\(family.root).2").lines
        #expect(
            plain[2].contains("|- \(family.mail)") && plain[3].contains("`- \(family.picture)")
                && plain[4].contains("   `- \(family.linked)"))
        #expect(plain[1].hasSuffix("<- execution 2"))
        let node = TextTree(
            cells: [.init(text: "a")],
            children: [
                .line("x"), TextTree(cells: [.init(text: "b")], children: [.line("y")]), .line("z"),
                TextTree(cells: [.init(text: "c")], children: [.line("w")]), .line("v"),
            ])
        #expect(node.lines(.box) == ["a", "│  x", "├─ b", "│     y", "│  z", "└─ c", "      w", "   v"])
        #expect(node.lines(.none) == ["a", "  x", "  b", "    y", "  z", "  c", "    w", "  v"])
        let terminal = Output(isTerminal: true, columns: 80) { _ in 0 }
        for (environment, isBox) in [
            (["LANG": "de_DE.UTF-8"], true), (["LC_ALL": "C", "LANG": "de_DE.UTF-8"], false), (["LC_CTYPE": "C.utf8"], true), ([:], false),
            (["LC_ALL": "", "LANG": "en_US.UTF-8"], true), (["LANG": "en_US.UTF-8", "TERM": "dumb"], false),
        ] as [([String: String], Bool)] {
            #expect((TextTree.Glyphs(for: terminal, environment: environment) == .box) == isBox, "\(environment)")
        }
    }

    @Test func `what does not fit into a terminal is cut at the end of the line, never an ID`() async throws {
        var family = try await family()
        family.world.columns = 60
        for line in await family.world.run("trace", "\(family.root)").lines.dropFirst() {
            #expect(TerminalText.width(of: line) <= 60)
            #expect([family.root, family.mail, family.picture, family.linked].contains { line.contains($0.description) })
        }
    }

    @Test func `logs stand below their execution, with the jobs that it enqueued at their time`() async throws {
        let family = try await family()
        let lines = await family.world.run("trace", "\(family.root)", "--logs", "--utc").lines.dropFirst()
        let words = lines.map { line in
            ["first try", "before", "after", "#1 failed", "#2 completed", "\(family.mail)", "\(family.picture)", "\(family.root)"].first {
                line.contains($0)
            } ?? "other"
        }
        #expect(
            words.filter { $0 != "other" } == [
                // The root's own line sums up its executions.
                "#1 failed", "#1 failed", "first try", "#2 completed", "before", "\(family.mail)", "after", "\(family.picture)",
            ])
    }

    @Test func `JSON has one object for each job, parents before children, and the log records on request`() async throws {
        let family = try await family()
        func objects(_ more: String...) async throws -> [[String: Any]] {
            try await family.world.run(["trace", "\(family.mail)", "--json"] + more).lines.map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
        }
        let jobs = try await objects()
        #expect(jobs.map { $0["id"] as? String } == [family.root, family.mail, family.picture, family.linked].map(\.description))
        #expect(jobs.map { $0["depth"] as? Int } == [0, 1, 1, 2])
        #expect(jobs.map { $0["asked"] as? Bool } == [false, true, false, false])
        #expect(jobs.map { $0["trace_relation"] as? String } == ["child", "child", "child", "link"])
        #expect(jobs[0]["parent_execution_id"] is NSNull)
        #expect(jobs[3]["parent_execution_id"] as? String == "\(family.picture).1")
        #expect((jobs[0]["executions"] as? [Any])?.count == 2)
        let withLogs = try await objects("--logs")
        #expect(withLogs.compactMap { $0["message"] as? String } == ["first try", "before", "after"])
    }

    @Test func `a limit leaves out the youngest, says how many, and never the one that was asked for`() async throws {
        let family = try await family()
        let ended = await family.world.run("trace", "\(family.linked)", "--limit", "2")
        #expect(ended.out.contains("\(family.linked)") && ended.out.contains("\(family.picture)") && ended.out.contains("4 jobs"))
        let part = await family.world.run("trace", "\(family.root)", "--limit", "2")
        #expect(part.lines.last == "2 more jobs are left out: --limit shows more")
        #expect(!part.out.contains("\(family.picture)"))
        #expect(await family.world.run("trace", "\(family.root)", "--limit", "0").code == 2)
    }

    @Test func `a chain deeper than thirty levels is cut there, and the rest is counted`() async throws {
        let world = World()
        var ids = [try await world.enqueue("link")]
        let root = ExecutionID(ids[0], 1)
        for _ in 0..<40 {
            ids.append(try await world.enqueue("link") { ($0.parent, $0.root) = (ExecutionID(ids[ids.count - 1], 1), root) })
        }
        let ended = await world.run("trace", "\(ids[0])")
        #expect(ended.lines.count == 1 + 31 + 1)
        #expect(ended.lines.last?.hasSuffix("10 more jobs below: errand trace \(ids[30])") == true)
        let json = await world.run("trace", "\(ids[0])", "--json")
        #expect(json.lines.count == 31)
        #expect(json.err.contains("31 jobs are shown, 10 more are left out"))
    }

    @Test func `a parent that is gone keeps its place, and one that cannot be hangs on the root`() async throws {
        let world = World()
        let gone = JobID(rawValue: 7)
        let child = try await world.enqueue("mail") { ($0.parent, $0.root) = (ExecutionID(gone, 1), ExecutionID(gone, 1)) }
        let lines = await world.run("trace", "\(child)").lines
        #expect(lines[1].hasPrefix("\(gone) ") && lines[1].hasSuffix(" not on record any more"))
        #expect(lines[2].hasPrefix("  \(child)"))
        let root = try await world.enqueue("mail")
        let made = try await world.enqueue("mail") { ($0.parent, $0.root) = (ExecutionID(JobID(rawValue: .max), 1), ExecutionID(root, 1)) }
        #expect(await world.run("trace", "\(root)").lines.last?.hasPrefix("  \(made)") == true)
    }

    @Test func `an unknown job or execution is not found`() async throws {
        let family = try await family()
        #expect(await family.world.run("trace", "zzzzzzzzzzzzz").code == 3)
        let missing = await family.world.run("trace", "\(family.root).9")
        #expect(missing.code == 3 && missing.err.contains("has no execution 9"))
        #expect(await family.world.run("trace").code == 2)
    }

    @Test func `a label that would move the cursor is shown as text`() async throws {
        let world = World()
        let id = try await world.enqueue("mail") { $0.label = "a\u{1B}[2Jb" }
        #expect(await world.run("trace", "\(id)").out.contains(#"a\x1b[2Jb"#))
    }
}

#if Web
@Suite struct TraceExportTests {
    @Test func `a program with a tracer of its own keeps it, and is told when a flag contradicts that`() async throws {
        let world = World()
        var session = world.session(World.Memory(), World.Memory())
        session.hasInstruments = { true }
        session.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:1"
        #expect(try TraceExport.start(flag: nil, in: session) == nil)
        do {
            _ = try TraceExport.start(flag: "http://127.0.0.1:1", in: session)
            Issue.record("a second tracer was started")
        } catch let failure as Failure {
            #expect(failure.code == 2)
        }
    }

    @Test func `nothing is exported where nothing asks for it`() async throws {
        let session = World().session(World.Memory(), World.Memory())
        #expect(try TraceExport.start(flag: nil, in: session) == nil)
    }

    @Test(arguments: ["--otlp: ", "OTEL_TRACES_SAMPLER: "])
    func `a refusal names the flag or the variable that is wrong`(start: String) async throws {
        var session = World().session(World.Memory(), World.Memory())
        session.environment["OTEL_TRACES_SAMPLER"] = start == "--otlp: " ? nil : "sometimes"
        let flag = start == "--otlp: " ? "nowhere" : "http://h"
        do {
            _ = try TraceExport.start(flag: flag, in: session)
            Issue.record("settings that cannot be used were taken")
        } catch let failure as Failure {
            #expect(failure.code == 2)
            #expect(failure.description.hasPrefix(start))
        }
    }
}
#endif
