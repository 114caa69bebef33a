// `errand logs` about lost and crossed lines: found under both executions, or in the bucket of none.

import Errand
import ErrandTesting
import Testing

@testable import ErrandCLI

@Suite struct LeakLogsTests {
    private let world = World()
    private let owner: ExecutionID
    private let other: ExecutionID

    init() async throws {
        let worker = try await world.join()
        _ = try await world.enqueue()
        _ = try await world.enqueue()
        let claimed = try await world.claim(worker)
        (owner, other) = (claimed[0], claimed[1])
        var crossed = World.chunk(
            owner, ["from the owner"], at: world.clock.now(), stream: "log", flags: "\"crossed\"",
            metadata: "{\"ambient_execution_id\":\"\(other)\"}")
        crossed.flags = [.crossed]
        crossed.crossed = [other]
        crossed.flagCounts[.crossed] = 1
        var lost = World.chunk(owner, ["from nobody"], at: world.clock.now(), stream: "log", flags: "\"unattributed\"")
        lost.job = nil
        lost.ordinal = 33
        lost.flags = [.unattributed]
        lost.flagCounts[.unattributed] = 1
        lost.body = LogFraming.frame(
            fragment: Array("\"v\":1,\"worker_id\":\"00000011\"".utf8), lines: Array(lost.body.drop { $0 != 10 }.dropFirst()))
        _ = try await world.model.store.logs.append(
            [
                World.chunk(owner, from: 2, ["plain"], at: world.clock.now()),
                World.chunk(other, ["other's"], at: world.clock.now()), crossed, lost,
            ], dropping: [])
    }

    @Test func `a crossed line is found under both executions, with its owner's ID, and once where both are read`() async {
        let line = "[info] from the owner ambient_execution_id=\(other) {crossed}"
        #expect(await world.run("logs", "\(owner)").lines == [line, "plain"])
        #expect(await world.run("logs", "\(other)").lines == ["other's", "\(owner) \(line)"])
        #expect(await world.run("logs", "\(other.job)", "--flag", "crossed").lines == ["\(owner) \(line)"])
        let both = await world.run("logs", "\(owner)", "\(other)").lines
        #expect(both == ["\(owner) \(line)", "\(owner) plain", "\(other) other's"])
        #expect(await world.run("logs", "\(other)", "--json").lines.count == 2)
    }

    @Test func `the bucket of lines that belong to no execution can be read by itself`() async {
        #expect(await world.run("logs", "--flag", "unattributed").lines == ["worker:00000011 [info] from nobody {unattributed}"])
        #expect(await world.run("logs", "--flag", "crossed", "-n", "5").lines.count == 1)
        let none = await world.run("logs", "--late")
        #expect(none.code == 0 && none.out.isEmpty && none.err == "no such lines\n")
    }

    @Test func `the places that leaked in a store are told by the doctor`() async throws {
        let session = world.session(World.Memory(), World.Memory())
        let findings = try await ContextChecks(session: session).recorded(in: world.model.store.logs)
        #expect(
            findings.map(\.message) == [
                "log: unattributed, 1 line, for example \"from nobody\", filed under no execution: see `errand logs --flag unattributed`, and bind the callback there",
                "log: crossed, 1 line, for example \"from the owner\", filed under \(owner): see `errand logs --flag crossed`, and bind the callback there",
            ])
        #expect(findings.allSatisfy { $0.level == .warning })
    }

    @Test func `stats counts the flagged lines`() async {
        let lines = await world.run("stats").lines
        #expect(lines.contains("unattributed  1  `errand logs --flag unattributed`"))
        #expect(lines.contains("crossed       1  `errand logs --flag crossed`"))
    }
}
