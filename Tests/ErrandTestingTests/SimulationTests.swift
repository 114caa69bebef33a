// Hundreds of random histories of real workers on both stores; each names its seed when a promise is broken.

import ErrandTesting
import Simulate
import Testing

@Suite struct SimulationTests {
    /// Set it to a seed that a failure printed to see that history alone; `swift run Simulate --from SEED --seeds 1` does the same.
    private static let onlySeed: UInt64? = nil

    private func play(_ seeds: ClosedRange<UInt64>, on makeMachine: () -> any SimulatedMachine) async -> [String: Int] {
        var counts: [String: Int] = [:]
        for seed in Self.onlySeed.map({ $0...$0 }) ?? seeds {
            let report = await Simulation(seed: seed).run(on: makeMachine())
            for (what, count) in report.counts { counts[what, default: 0] += count }
            counts["steps", default: 0] += report.steps
            guard report.violations.isEmpty else {
                Issue.record("\(report)")
                break
            }
        }
        return counts
    }

    @Test func `in 100,000 steps on the model no promise is broken`() async {
        let counts = await play(1...110) { ModelMachine() }
        #expect(counts["steps", default: 0] >= 100_000)
        // A storm that meets no trouble proves nothing.
        for what in [
            "killed", "crashed", "killed by its own job", "stopped", "suspended", "wall clock jumped", "shutdowns", "outages",
            "failed calls", "lost answers", "rescued", "rescued alive", "condemned as overdue", "orphans ended", "outcomes refused",
            "cancelled", "retried", "settings changed", "directives", "promoted", "edited", "deleted", "slots fired", "stale slots",
            "dependents", "cascades",
        ] {
            #expect(counts[what, default: 0] >= 20, "\(what): \(counts[what, default: 0])")
        }
    }

    @Test func `in 20,000 steps on the SQLite store no promise is broken`() async {
        let counts = await play(1001...1020) { SQLiteMachine() }
        #expect(counts["steps", default: 0] >= 20_000)
    }

    @Test func `the same seed gives the same history, on either store`() async {
        #expect(await Simulation(seed: 42).run(on: ModelMachine()) == Simulation(seed: 42).run(on: ModelMachine()))
        #expect(await Simulation(seed: 42).run(on: SQLiteMachine()) == Simulation(seed: 42).run(on: SQLiteMachine()))
        #expect(await Simulation(seed: 42).run(on: ModelMachine()) != Simulation(seed: 43).run(on: ModelMachine()))
    }

    @Test(arguments: Simulation.Mutation.allCases)
    func `a broken worker is found out within 60 histories, which name the seed`(mutation: Simulation.Mutation) async {
        await expectFound { seed in
            var simulation = Simulation(seed: seed)
            simulation.mutation = mutation
            return await simulation.run(on: ModelMachine())
        }
    }

    @Test(arguments: ModelStore.Fault.named.map(\.0))
    func `a broken store is found out within 60 histories, which name the seed`(name: String) async throws {
        let fault = try #require(ModelStore.Fault.named.first { $0.0 == name }).1
        await expectFound { seed in await Simulation(seed: seed).run(on: ModelMachine(faults: fault)) }
    }

    private func expectFound(_ play: (UInt64) async -> SimulationReport) async {
        for seed in UInt64(1)...60 {
            let report = await play(seed)
            guard report.violations.isEmpty else {
                #expect(report.description.hasPrefix("seed \(seed), step "))
                return
            }
        }
        Issue.record("60 histories did not show it")
    }
}
