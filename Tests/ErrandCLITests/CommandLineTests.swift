// What every verb has in common: exit codes, streams, help.

import ArgumentParser
import Errand
import Testing

@testable import ErrandCLI

@Suite struct CommandLineTests {
    @Test(arguments: [
        ["nonsense"], ["enqueue"], ["enqueue", "mail", "{}", "--nonsense"], ["enqueue", "mail", "--", "true"], ["show"],
        ["jobs", "--state", "asleep"], ["jobs", "--limit", "-1"], ["jobs", "--json", "-q"], ["logs", "--execution", "2"],
        ["logs", "--grep", "(", "-E"], ["logs", "-i"], ["logs", "--level", "loud"], ["logs", "--flag", "nice"], ["wait"], ["retry"],
        ["cancel"],
        ["cancel", "--failed", "06h3k9x8q4p2a"], ["prune", "--state", "running"], ["prune", "--keep", "3", "--state", "dead"],
        ["work", "--once", "--until-empty"], ["work", "--queues", "a:0"], ["work", "--queues", "A"], ["work", "-c", "0"],
        ["work", "--lease", "500ms"], ["work", "--idle-timeout", "1s"], ["jobs", "--since", "soonish"],
        ["enqueue", "--env", "A=1", "mail"],
    ])
    func `a wrong command line is refused with exit 2 and a remark on standard error`(arguments: [String]) async {
        let ended = await World().run(arguments)
        #expect(ended.code == 2, "\(arguments): \(ended)")
        #expect(ended.out.isEmpty)
        #expect(!ended.err.isEmpty)
    }

    @Test(arguments: [
        ["\u{1B}[31mred"], ["jobs", "--\u{1B}[2J"], ["jobs", "--since", "\u{1B}]0;title\u{7}"], ["enqueue", "mail", "--in", "\u{202E}5s"],
        ["enqueue", "mail", "{}", "\u{9B}31m"], ["work", "--queues", "a\u{8}:1"],
        ["enqueue", "--env", "\r=1", "--env", "\r=2", "--", "ls"],
    ])
    func `a remark repeats no word in a way that a terminal would obey`(arguments: [String]) async {
        let ended = await World().run(arguments)
        #expect(ended.code == 2)
        let culprits = ended.err.unicodeScalars.filter { $0 != "\n" && TerminalText.isUnsafe($0) }
        #expect(culprits.isEmpty, "\(ended.err.debugDescription)")
    }

    @Test(arguments: ["enqueue", "work", "jobs", "show", "logs", "wait", "retry", "cancel", "stats", "prune", "doctor", "version"])
    func `the help of every verb lists its exit codes, on standard output, with exit 0`(verb: String) async {
        let ended = await World().run(verb, "--help")
        #expect(ended.code == 0)
        #expect(ended.out.contains("Exit codes: 0"))
        #expect(ended.err.isEmpty)
    }

    @Test(arguments: [("add", "enqueue"), ("worker", "work"), ("ls", "jobs"), ("status", "jobs")])
    func `an alias is its verb`(alias: String, verb: String) async {
        let world = World()
        let (byAlias, byVerb) = (await world.run(alias, "--help"), await world.run(verb, "--help"))
        #expect(byAlias == byVerb)
    }

    @Test func `the version is printed without a store`() async {
        let world = World()
        #expect(await world.run("version") == World.Ended(code: 0, out: "errand \(ErrandVersion.current)\n", err: ""))
        #expect(await world.run("version", "--json").out == "{\"v\":1,\"version\":\"\(ErrandVersion.current)\"}\n")
        #expect(await world.run("--version").out == "errand \(ErrandVersion.current)\n")
    }

    @Test(arguments: [
        (JobStoreError.unavailable(reason: "held"), Int32(4)), (.damaged(reason: "no"), 4), (.full(reason: "no"), 4),
        (.newerSchema(found: 9, supported: 1), 4), (.refused(reason: "no"), 5),
    ])
    func `trouble with the store has its exit code and its own words`(error: JobStoreError, code: Int32) async {
        let (out, err) = (World.Memory(), World.Memory())
        var session = World().session(out, err)
        session.openStore = { _ throws(JobStoreError) in throw error }
        #expect(await CommandLineTool.run(["jobs"], session: session) == code)
        #expect(err.text == "errand: \(error)\n")
    }

    @Test func `a reader that goes away ends the command in peace`() async throws {
        let world = World()
        _ = try await world.enqueue()
        let (out, err) = (World.Memory(), World.Memory())
        var session = world.session(out, err)
        session.output = Output { _ in 32 }
        #expect(await CommandLineTool.run(["jobs"], session: session) == 0)
        #expect(err.text.isEmpty)
    }

    @Test func `data that cannot be written is a failure that says so`() async throws {
        let world = World()
        _ = try await world.enqueue()
        for arguments in [["jobs"], ["enqueue", "mail"], ["--version"]] {
            let err = World.Memory()
            var session = world.session(World.Memory(), err)
            session.output = Output { _ in 28 }
            #expect(await CommandLineTool.run(arguments, session: session) == 1)
            #expect(err.text == "errand: the output could not be written: No space left on device\n")
        }
    }

    @Test(arguments: [32, 28] as [Int32]) func `a failure stays one when nobody reads what it says`(code: Int32) async throws {
        var session = World().session(World.Memory(), World.Memory())
        session.talk = Output { _ in code }
        #expect(await CommandLineTool.run(["show", "x"], session: session) == 3)
    }

    @Test func `the store's place is the flag, then the environment, then XDG, then home`() async throws {
        func place(_ arguments: [String], _ environment: [String: String]) throws -> String {
            var session = World().session(World.Memory(), World.Memory())
            session.environment = environment
            return try StoreOptions.parse(arguments).resolved(in: session)
        }
        let all = ["ERRAND_STORE": "/env", "XDG_DATA_HOME": "/xdg", "HOME": "/home/ada"]
        #expect(try place(["--store", "/flag"], all) == "/flag")
        #expect(try place([], all) == "/env")
        #expect(try place([], ["XDG_DATA_HOME": "/xdg", "HOME": "/home/ada"]) == "/xdg/errand")
        #expect(try place([], ["XDG_DATA_HOME": "relative", "HOME": "/home/ada"]) == "/home/ada/.local/share/errand")
        #expect(throws: Failure.self) { try place([], [:]) }
    }
}
