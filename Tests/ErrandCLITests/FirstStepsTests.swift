// What a newcomer types wrong at first, and what the tool makes of it.

import ArgumentParser
import Errand
import ErrandTesting
import Logging
import Synchronization
import Testing

@testable import ErrandCLI

@Suite struct FirstStepsTests {
    // MARK: Its own name

    @Test(arguments: [
        (["--help"], "USAGE: shop <subcommand>"), (["--help"], "See 'shop help <subcommand>'"),
        (["enqueue", "--help"], "shop enqueue <kind>"),
        (["jobs", "--help"], "USAGE: shop jobs"), (["jobs", "--limit"], "See 'shop jobs --help'"), (["help", "work"], "USAGE: shop work"),
        (["jobs"], "add one with `shop enqueue`"), (["stats"], "start one with `shop work`"),
        (["show", "0000000000zzz"], "shop: there is no job"),
        (["show", "0000000000zzz"], "`shop jobs` lists them"), (["enqueue", "mail"], "start one with `shop work`"),
        (["wait", ""], "shop: "),
        (["nonsense-of-mine"], "See `shop --help`."),
    ])
    func `an app speaks of itself by its own name`(arguments: [String], text: String) async {
        var world = World()
        world.program = "shop"
        world.columns = 80
        let ended = await world.run(arguments)
        #expect((ended.out + ended.err).contains(text), "\(ended)")
        #expect(!(ended.out + ended.err).contains("`errand "), "\(ended)")
    }

    @Test func `the library's own texts name the app as well`() async throws {
        var world = World()
        world.program = "shop"
        _ = await world.run("enqueue", "mail", "{}", "--key", "k")
        #expect(await world.run("enqueue", "mail", "[]", "--key", "k").err.contains("look at it with `shop show"))
        let (out, err) = (World.Memory(), World.Memory())
        var session = world.session(out, err)
        session.openStore = { _ throws(JobStoreError) in throw .unavailable(reason: "`errand enqueue` makes one") }
        #expect(await CommandLineTool.run(["jobs"], session: session) == 4)
        #expect(err.text.hasPrefix("shop: ") && err.text.contains("`shop enqueue` makes one"))
    }

    @Test func `a program's name is the last part of what started it`() {
        #expect(Session.program(startedAs: "/usr/local/bin/shop") == "shop")
        #expect(Session.program(startedAs: "shop") == "shop")
        #expect(Session.program(startedAs: "a\u{1b}b") == TerminalText.escaped("a\u{1b}b"))
        #expect(Session.program(startedAs: "") == "errand" && Session.program(startedAs: nil) == "errand")
    }

    // MARK: Forgotten --

    @Test(arguments: [
        (["ls", "-l"], "errand enqueue -- ls -l"), (["--queue", "test", "ls", "-l", "a b"], "errand enqueue -- ls -l 'a b'"),
        (["--wait", "ls", "a", "b"], "errand enqueue -- ls a b"), (["ls", "here"], "errand enqueue -- ls here"),
        (["ls -l /tmp"], "errand enqueue -- ls -l /tmp"), (["ls | wc"], "errand enqueue -- sh -c 'ls | wc'"),
    ])
    func `a command without its -- is refused with the line that was meant`(words: [String], meant: String) async {
        var world = World()
        world.programs = ["ls", "test"]
        let ended = await world.run(["enqueue"] + words)
        #expect(ended.code == 2 && ended.out.isEmpty)
        #expect(ended.err.contains("to run a command, put -- before it: `\(meant)`\n"), "\(ended)")
    }

    @Test(arguments: [
        ["mail", "-l"], ["mail", "{}", "--priority", "soon"], ["mail", "nonsense"], ["ls", "{}", "--in", "x"], ["--", ""],
    ])
    func `other mistakes get no such remark`(words: [String]) async {
        var world = World()
        world.programs = ["ls"]
        let ended = await world.run(["enqueue"] + words)
        #expect(ended.code == 2 && !ended.err.contains("put -- before it"), "\(ended)")
    }

    @Test func `a kind that is only known as a program is added, with a remark`() async throws {
        var world = World()
        world.programs = ["ls"]
        let ended = await world.run("enqueue", "ls")
        #expect(ended.code == 0 && ended.lines.count == 1)
        #expect(ended.err.contains("put -- before it: `errand enqueue -- ls`"))
        var app = world
        app.handlers = [Handler(kind: "ls") { _, _ in nil }]
        #expect(await app.run("enqueue", "ls").err.isEmpty)
        _ = try await world.join(kinds: ["ls"])
        #expect(await world.run("enqueue", "ls").err.isEmpty)
    }

    // MARK: Mistyped verbs

    @Test(arguments: [
        (["enqeue", "x"], "unknown verb \"enqeue\": did you mean \"enqueue\"? See `errand --help`."),
        (["statsu"], "unknown verb \"statsu\": did you mean \"status\"? See `errand --help`."),
        (["help", "wrok"], "unknown verb \"wrok\": did you mean \"work\"? See `errand --help`."),
        (["help", "bogus"], "unknown verb \"bogus\": the verbs are enqueue, work, run, jobs"),
        (["--store", "X", "jobs"], "put --store after the verb: `errand jobs --store …`"),
        (["--json", "ls"], "put --json after the verb"), (["--", "ls", "-l"], "put the verb first: `errand enqueue -- ls -l`"),
    ])
    func `a verb that is none, or not in its place, is answered with what to type`(arguments: [String], text: String) async {
        let ended = await World().run(arguments)
        #expect(ended.code == 2 && ended.out.isEmpty)
        #expect(ended.err.hasPrefix("errand: ") && ended.err.contains(text), "\(ended)")
    }

    @Test(arguments: [["--help"], ["-h"], ["help"], ["help", "jobs"], ["help", "ls"], ["--version"], ["--help", "jobs"]])
    func `help and version need no verb`(arguments: [String]) async {
        #expect(await World().run(arguments).code == 0)
    }

    @Test(arguments: [("work", "work", 0), ("wrok", "work", 1), ("enqeue", "enqueue", 1), ("ab", "", 2), ("cat", "bats", 2)])
    func `words differ by the letters to change`(one: String, other: String, distance: Int) {
        #expect(VerbCheck.distance(Array(one.utf8), Array(other.utf8)) == distance)
    }

    // MARK: What is left

    @Test func `a worker that ends by itself tells what it leaves, and why`() async throws {
        let world = World()
        let queues: Set = ["default"]
        let lines = Lines()
        let logger = Logger(label: "test") { _ in lines }
        func left() async throws -> LeftWaiting {
            try await LeftWaiting(in: world.model.store.inspection, queues: queues, kinds: ["mail"])
        }
        try await left().tell(logger)
        #expect(lines.all.withLock { $0.isEmpty })
        _ = try await world.enqueue("letter")
        _ = try await world.enqueue("letter")
        _ = try await world.enqueue { $0.queue = "slow" }
        let now = world.clock.now()
        _ = try await world.enqueue { $0.runAt = now + .seconds(7200) }
        _ = try await world.enqueue { $0.runAt = now + .seconds(3600) }
        _ = try await world.enqueue()
        try await left().tell(logger)
        #expect(
            lines.all.withLock { $0 } == [
                "notice left waiting due_later=2 kinds_not_handled=letter:2 next_due=\(now + .seconds(3600)) queues_not_served=slow:1 ready=1"
            ])
    }

    /// Remembers lines.
    private final class Lines: LogHandler {
        let all = Mutex<[String]>([])
        var logLevel: Logger.Level {
            get { .trace }
            set {}
        }
        var metadata: Logger.Metadata {
            get { [:] }
            set {}
        }
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { nil }
            set {}
        }

        func log(event: LogEvent) {
            let members = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            all.withLock { $0.append("\(event.level.rawValue) \(event.message)\(members)") }
        }
    }

    // MARK: Reasons

    @Test(arguments: [
        (["enqueue", "mail", "--priority", "high"], "write a number from -100 to 100, such as -10"),
        (["enqueue", "mail", "--max-attempts", "many"], "write a number from 1 to 1000, such as 3"),
        (["enqueue", "mail", "--meta", "foo"], "there is no = in it: write name=value, such as user=ada"),
        (["enqueue", "--env", "=x", "--", "ls"], "there is no name before the =: write name=value"),
        (["jobs", "--meta", "foo"], "write name=value"), (["logs", "x", "--level", "loud"], "use trace, debug, info, notice, warning"),
        (["work", "--log-level", "loud"], "use trace, debug, info, notice, warning"),
    ])
    func `a value that cannot be read is answered with the reason and an example`(arguments: [String], text: String) async {
        let ended = await World().run(arguments)
        #expect(ended.code == 2 && ended.err.contains(text), "\(ended)")
    }

    @Test func `the doctor reports a store that is not there once`() async {
        let (out, err) = (World.Memory(), World.Memory())
        var session = World().session(out, err)
        session.openStore = { _ throws(JobStoreError) in throw .unavailable(reason: "there is no store at /nowhere") }
        #expect(await CommandLineTool.run(["doctor", "--store", "/nowhere/at/all"], session: session) == 1)
        #expect(out.text.split(separator: "\n").filter { $0.hasPrefix("failure") }.count == 1, "\(out.text)")
    }

    @Test func `who reads max_attempts is said where it matters`() async {
        func help(_ verb: String) async -> String {
            await World().run(verb, "--help").out.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
        #expect(await help("enqueue").contains("max_attempts of errand.yaml counts only if this command reads that file"))
        #expect(await help("work").contains("max_attempts, which are read by `errand enqueue`"))
    }
}
