// What a shell is offered.

import Errand
import Testing

@testable import ErrandCLI

@Suite struct CompletionTests {
    /// What the script of a shell would be answered: the line, of which the last word is being typed.
    private func offered(_ world: World, _ verb: [String], _ argument: String, _ line: [String]) async -> [String] {
        await world.run(["---completion"] + verb + ["--", argument, "\(line.count - 1)", "0"] + line).lines
    }

    @Test func `the store's jobs, queues, kinds and workers are offered`() async throws {
        let world = World()
        let worker = try await world.join(kinds: ["mail", "letter"])
        let first = try await world.enqueue()
        let second = try await world.enqueue("report") { $0.queue = "slow" }
        let ids = [second.description, first.description]
        #expect(await offered(world, ["show"], "positional@0", ["errand", "show", ""]) == ids)
        #expect(await offered(world, ["logs"], "positional@0", ["errand", "logs", "-f", ""]) == ids)
        #expect(await offered(world, ["jobs"], "--queue", ["errand", "jobs", "--queue", ""]) == ["default", "slow"])
        #expect(await offered(world, ["jobs"], "--kind", ["errand", "jobs", "--kind", ""]) == ["letter", "mail", "report"])
        #expect(await offered(world, ["enqueue"], "positional@0", ["errand", "enqueue", ""]) == ["letter", "mail", "report"])
        #expect(await offered(world, ["enqueue"], "--queue", ["errand", "enqueue", "--queue", ""]) == ["default", "slow"])
        #expect(await offered(world, ["queues", "pause"], "positional@0", ["errand", "queues", "pause", ""]) == ["default", "slow"])
        #expect(await offered(world, ["workers", "stop"], "positional@0", ["errand", "workers", "stop", ""]) == [worker.description])
    }

    @Test func `a store that is not there offers nothing, and says nothing`() async {
        let (out, err) = (World.Memory(), World.Memory())
        var session = World().session(out, err)
        session.openStore = { _ throws(JobStoreError) in throw .unavailable(reason: "there is no store") }
        let line = ["---completion", "show", "--", "positional@0", "1", "0", "errand", "show", ""]
        #expect(await CommandLineTool.run(line, session: session) == 0)
        #expect(out.text.allSatisfy(\.isWhitespace) && err.text.isEmpty)
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func `a script is printed for each shell, in the program's own name`(shell: String) async {
        var world = World()
        world.program = "app"
        let ended = await world.run("completions", shell)
        #expect(ended.code == 0 && ended.out.contains("---completion") && ended.out.contains("app"))
    }

    @Test func `an unknown shell is refused`() async {
        let ended = await World().run("completions", "tcsh")
        #expect(ended.code == 2 && ended.err.contains("write bash, zsh or fish"))
    }
}
