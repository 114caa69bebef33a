// The promise: a store that an earlier version made is opened by every later one, and its jobs go on.

import Foundation
import Testing

@Suite(.timeLimit(.minutes(3))) struct UpgradeTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Fixtures/"

    /// All fixtures, `store-1` and so on: whatever lies in the folder is tested.
    static let fixtures: [String] = {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix("store-") }.sorted()
        } catch {
            return ["no fixtures in \(folder): \(error)"]
        }
    }()

    private func sandbox(with fixture: String) throws -> Sandbox {
        let sandbox = try Sandbox()
        try FileManager.default.copyItem(atPath: UpgradeTests.folder + fixture, toPath: sandbox.store)
        return sandbox
    }

    @Test func `there is a fixture of the first schema`() { #expect(UpgradeTests.fixtures.contains("store-1")) }

    /// Stores of earlier versions, one for each schema; made by `Scripts/make-fixture-store` and never changed.
    @Test(arguments: UpgradeTests.fixtures)
    func `a store of an earlier version is read and worked on`(fixture: String) throws {
        let sandbox = try sandbox(with: fixture)

        let jobs = try sandbox.run("jobs", "--json").objects()
        let states = jobs.compactMap { $0["state"] as? String }.sorted()
        #expect(states == ["available", "cancelled", "completed", "completed", "dead", "scheduled"])

        let good = try #require(try sandbox.run("show", "key:order-1", "--json").objects().first)
        #expect(good["label"] as? String == "a good one")
        #expect(good["meta"] as? [String: String] == ["ticket": "4711"])
        let execution = try #require((good["executions"] as? [[String: Any]])?.first?["execution_id"] as? String)
        let messages = try sandbox.run("logs", execution, "--json").objects().compactMap { $0["message"] as? String }
        #expect(Set(messages) == ["line of \(execution)", "trouble"])

        let dead = try #require(jobs.first { $0["state"] as? String == "dead" }?["id"] as? String)
        let history = try #require(try sandbox.run("show", dead, "--json").objects().first)
        #expect((history["executions"] as? [[String: Any]])?.compactMap { $0["outcome"] as? String } == ["failed", "failed"])

        // The dead job runs again, under a higher ordinal, and new jobs join the old ones.
        #expect(try sandbox.run("retry", dead).status == 0)
        let added = try sandbox.run("enqueue", "--", "echo", "new").text
        #expect(try sandbox.run("work", "--until-empty").status == 0)
        let retried = try #require(try sandbox.run("show", dead, "--json").objects().first)
        let ordinals = try #require(retried["executions"] as? [[String: Any]]).compactMap { $0["ordinal"] as? Int }
        #expect(ordinals.count == 3 && ordinals == ordinals.sorted() && Set(ordinals).count == 3)
        #expect(try sandbox.run("wait", added).status == 0)
        #expect(added > dead)
    }

    @Test func `the terms of jobs and what was set for queues outlive an upgrade from schema 4`() throws {
        let sandbox = try sandbox(with: "store-4")
        let queue = try #require(try sandbox.run("queues", "--json").objects().first { $0["queue"] as? String == "default" })
        #expect(queue["concurrency"] as? Int == 50 && queue["key_rate"] as? String == "100/s" && queue["fair"] as? Bool == true)
        let first = try #require(try sandbox.run("jobs", "--tag", "old", "-q").lines.first)
        let job = try sandbox.run("show", first).out
        for line in ["tags      old", "limit key acme", "sequence  letters"] { #expect(job.contains(line), "\(job)") }
        let second = try sandbox.run("enqueue", "greet", "{}", "--unique", "ada")
        #expect(second.status == 5 && second.text == first)
        let next = try sandbox.run("enqueue", "--sequence", "letters", "--", "true").text
        #expect(try sandbox.run("work", "--until-empty", "--idle-timeout", "0s").status == 0)
        func state(_ id: String) throws -> String? { try sandbox.run("show", id, "--json").objects().first?["state"] as? String }
        #expect(try state(next) == "waiting", "nobody handles the first of its sequence")
        #expect(try sandbox.run("cancel", first).status == 0)
        #expect(try sandbox.run("work", "--until-empty", "--idle-timeout", "0s").status == 0)
        #expect(try state(next) == "completed")
    }

    @Test(arguments: UpgradeTests.fixtures)
    func `migrate tells what an upgrade would do, does it, and has nothing to do then`(fixture: String) throws {
        let sandbox = try sandbox(with: fixture)
        func status() throws -> [String: Any] { try #require(try sandbox.run("migrate", "status", "--json").objects().first) }
        func files(_ status: [String: Any]) -> [[String: Any]] { status["files"] as? [[String: Any]] ?? [] }
        let before = try status()
        let newest = try #require(before["supported"] as? Int)
        let number = try #require(Int(fixture.dropFirst("store-".count)))
        #expect(files(before).map { $0["schema"] as? Int } == [number, number])
        #expect(files(before).map { $0["pending"] as? Int } == [newest - number, newest - number])
        let dry = try sandbox.run("migrate", "up", "--dry-run", "--show-sql")
        #expect(dry.status == 0)
        #expect(number == newest || dry.out.contains("queue.db: schema \(number) would become \(number + 1)\n"))
        #expect(number == newest || dry.out.contains("CREATE"))
        #expect(files(try status()).map { $0["schema"] as? Int } == [number, number], "looking changes nothing")
        #expect(try sandbox.run("migrate", "up").status == 0)
        #expect(files(try status()).map { $0["schema"] as? Int } == [newest, newest])
        #expect(try sandbox.run("migrate", "up").lines == ["queue.db", "logs.db"].map { "\($0): schema \(newest), nothing to do" })
    }

    @Test(arguments: UpgradeTests.fixtures)
    func `processes that upgrade a store at the same moment all succeed`(fixture: String) throws {
        let sandbox = try sandbox(with: fixture)
        let verbs = [
            ["migrate", "up"], ["jobs"], ["logs"], ["enqueue", "greet"], ["stats"], ["migrate", "up"], ["work", "--until-empty"],
        ]
        let ends = try verbs.map { try sandbox.start($0) }.map { $0.waitForEnd() }
        #expect(ends.allSatisfy { $0.status == 0 }, "\(ends.map(\.err))")
        #expect(try sandbox.run("doctor").lines.filter { $0.contains("pages") }.allSatisfy { $0.hasPrefix("ok") })
        #expect(try sandbox.run("jobs", "--json").objects().count == 7)
    }
}
