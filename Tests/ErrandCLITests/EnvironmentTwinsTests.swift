// Variables that stand for flags.

import Errand
import ErrandTesting
import Testing

@testable import ErrandCLI

@Suite struct EnvironmentTwinsTests {
    private func applied(_ arguments: [String], _ environment: [String: String]) throws -> [String] {
        try EnvironmentTwins(environment: environment).applied(to: arguments)
    }

    @Test func `a variable stands for a flag of its verb, also under an alias, and the command line comes first`() throws {
        let environment = [
            "ERRAND_WORK_LEASE": "10s", "ERRAND_WORK_CONCURRENCY": "3", "ERRAND_JOBS_KIND": "mail", "ERRAND_WORK_NOTHING": "1",
        ]
        #expect(Set(try applied(["work"], environment)) == ["work", "--lease=10s", "--concurrency=3"])
        #expect(Set(try applied(["worker", "--lease", "1s"], environment)) == ["worker", "--concurrency=3", "--lease", "1s"])
        #expect(Set(try applied(["work", "-c", "4", "--lease=2s"], environment)) == ["work", "-c", "4", "--lease=2s"])
        #expect(try applied(["jobs"], environment) == ["jobs", "--kind=mail"])
        #expect(try applied(["stats"], environment) == ["stats"])
        #expect(try applied([], environment) == [])
    }

    @Test func `verbs of verbs have variables of their own, and words of a command are left alone`() throws {
        #expect(try applied(["queues", "set", "a"], ["ERRAND_QUEUES_SET_WEIGHT": "-3"]) == ["queues", "set", "--weight=-3", "a"])
        #expect(
            try applied(["enqueue", "--", "tool", "--label", "x"], ["ERRAND_ENQUEUE_LABEL": "mine"])
                == ["enqueue", "--label=mine", "--", "tool", "--label", "x"])
    }

    @Test func `switches are on or off, and anything else is refused`() throws {
        #expect(try applied(["work"], ["ERRAND_WORK_ONCE": "true"]) == ["work", "--once"])
        #expect(try applied(["work"], ["ERRAND_WORK_ONCE": "0"]) == ["work"])
        #expect(try applied(["queues", "set", "a"], ["ERRAND_QUEUES_SET_FAIR": "off"]) == ["queues", "set", "--no-fair", "a"])
        #expect(throws: Failure.self) { try applied(["work"], ["ERRAND_WORK_ONCE": "maybe"]) }
    }

    @Test func `the command line tool reads them`() async throws {
        var world = World()
        world.environment["ERRAND_JOBS_KIND"] = "mail"
        _ = try await world.enqueue("mail")
        _ = try await world.enqueue("letter")
        #expect(await world.run("jobs", "-q").lines.count == 1)
        world.environment["ERRAND_JOBS_LIMIT"] = "some"
        #expect(await world.run("jobs", "-q").code == 2)
    }
}
