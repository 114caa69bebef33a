// Plays many simulations, or one again: `swift run Simulate --seeds 1...1000`.

import ArgumentParser
import ErrandTesting

@main struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Play random histories of workers on a store, and name the seed of the first that breaks a promise.",
        discussion: "Exit codes: 0 nothing broken, 1 a promise was broken (or, with --mutation, a mistake was not found), 2 bad usage.")

    /// Which store.
    enum Machine: String, ExpressibleByArgument, CaseIterable { case model, sqlite }

    @Option(help: "The first seed.") var from: UInt64 = 1
    @Option(help: "How many seeds.") var seeds: UInt64 = 100
    @Option(help: "How many events the storm of each lasts.") var steps = 1000
    @Option(help: "The store: model or sqlite.") var machine: Machine = .model
    @Flag(help: "Break the worker and the store on purpose, one mistake at a time, and tell which seed found it.") var mutations = false

    func run() async throws {
        if mutations { return try await findMutations() }
        var counts: [String: Int] = [:]
        for seed in from..<from + seeds {
            let report = await Simulation(seed: seed, steps: steps).run(on: makeMachine())
            for (what, count) in report.counts { counts[what, default: 0] += count }
            counts["steps", default: 0] += report.steps
            guard report.violations.isEmpty else {
                print(report)
                throw ExitCode(1)
            }
        }
        for (what, count) in counts.sorted(by: { $0.key < $1.key }) { print("\(what): \(count)") }
    }

    private func makeMachine() -> any SimulatedMachine {
        switch machine {
        case .model: ModelMachine()
        case .sqlite: SQLiteMachine()
        }
    }

    private func findMutations() async throws {
        var missed = 0
        for mutation in Simulation.Mutation.allCases {
            missed += await find(mutation.rawValue) { seed in
                var simulation = Simulation(seed: seed, steps: steps)
                simulation.mutation = mutation
                return await simulation.run(on: ModelMachine())
            }
        }
        for (name, fault) in ModelStore.Fault.named {
            missed += await find(name) { seed in await Simulation(seed: seed, steps: steps).run(on: ModelMachine(faults: fault)) }
        }
        if missed > 0 { throw ExitCode(1) }
    }

    private func find(_ name: String, _ play: (UInt64) async -> SimulationReport) async -> Int {
        for seed in from..<from + seeds {
            let report = await play(seed)
            guard report.violations.isEmpty else {
                print("\(name): seed \(seed), step \(report.steps): \(report.violations[0])")
                return 0
            }
        }
        print("\(name): not found in \(seeds) seeds")
        return 1
    }
}
