// The promise: a store that an earlier version made is opened by every later one, and its jobs go on.

import Foundation
import Testing

@Suite struct UpgradeTests {
    /// Stores of earlier versions, one for each schema; made by `Scripts/make-fixture-store` and never changed.
    @Test(arguments: ["store-1"])
    func `a store of an earlier version is read and worked on`(fixture: String) throws {
        let sandbox = try Sandbox()
        let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Fixtures/"
        try FileManager.default.copyItem(atPath: fixtures + fixture, toPath: sandbox.store)

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
}
