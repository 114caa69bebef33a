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

    @Test func `who gives a flag does not mean the variable of one that contradicts it, and help needs none`() throws {
        #expect(try applied(["enqueue", "--at", "18:30"], ["ERRAND_ENQUEUE_IN": "1h"]) == ["enqueue", "--at", "18:30"])
        #expect(try applied(["work", "--until-empty"], ["ERRAND_WORK_ONCE": "1"]) == ["work", "--until-empty"])
        #expect(try applied(["work", "--help"], ["ERRAND_WORK_ONCE": "maybe"]) == ["work", "--help"])
    }

    @Test func `a verb that is meant when none is named has its variables too`() throws {
        #expect(try applied(["queues"], ["ERRAND_QUEUES_LIST_JSON": "1"]) == ["queues", "--json"])
        #expect(try applied(["queues", "list"], ["ERRAND_QUEUES_LIST_JSON": "1"]) == ["queues", "list", "--json"])
        #expect(try applied(["config"], ["ERRAND_CONFIG_SHOW_JSON": "1"]) == ["config", "--json"])
    }

    @Test func `the command line tool reads them`() async throws {
        var world = World()
        world.environment["ERRAND_JOBS_KIND"] = "mail"
        _ = try await world.enqueue("mail")
        _ = try await world.enqueue("letter")
        #expect(await world.run("jobs", "-q").lines.count == 1)
        world.environment["ERRAND_JOBS_LIMIT"] = "some"
        let ended = await world.run("jobs", "-q")
        #expect(ended.code == 2 && ended.err.contains("that comes from the environment: ERRAND_JOBS_"), "\(ended)")
        #expect(EnvironmentTwins.standsForFlag("ERRAND_WORK_CONCURENCY") == false)
        #expect(EnvironmentTwins.standsForFlag("ERRAND_QUEUES_SET_RATE") == true)
        #expect(EnvironmentTwins.standsForFlag("ERRAND_STORE") == nil)
    }
}
