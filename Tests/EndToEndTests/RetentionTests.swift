// The promise: what errand.yaml says of finished jobs is what is kept, and nothing else goes.

import Foundation
import Testing

@Suite struct RetentionTests {
    private let sandbox: Sandbox

    init() throws {
        sandbox = try Sandbox()
        try """
        handlers:
          few: { run: [sh, -c, "echo 1 >&3"] }
          many: { run: [sh, -c, "echo 2 >&3"] }
        retention:
          rules:
            - { kind: few, jobs: 1 }
            - { kind: many, results: 1ms }
        """.write(toFile: sandbox.directory + "/errand.yaml", atomically: true, encoding: .utf8)
    }

    private var config: [String] { ["--config", sandbox.directory + "/errand.yaml"] }

    private func kinds() throws -> [String] {
        try sandbox.run("jobs", "--limit", "0", "--json").objects().compactMap { $0["kind"] as? String }.sorted()
    }

    @Test func `rules of errand.yaml keep so many jobs of a kind and drop results of another, and prune takes one kind alone`() throws {
        for kind in ["few", "few", "few", "many", "many"] { #expect(try sandbox.run(["enqueue", kind, "{}"] + config).status == 0) }
        #expect(try sandbox.run(["work", "--until-empty"] + config).status == 0)
        let dry = try sandbox.run(["prune", "--dry-run", "--json"] + config).objects().first
        #expect(dry?["jobs"] as? Int == 2)
        let done = try sandbox.run(["prune", "--json"] + config).objects().first
        #expect(done?["jobs"] as? Int == 2)
        #expect(done?["results"] as? Int == 2)
        #expect(try kinds() == ["few", "many", "many"])
        #expect(try sandbox.run("prune", "--kind", "many", "--keep", "0").status == 0)
        #expect(try kinds() == ["few"])
        #expect(try sandbox.run("prune", "--kind", "many").status == 2)
    }
}
