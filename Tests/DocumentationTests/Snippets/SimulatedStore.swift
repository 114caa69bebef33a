// A random history of workers on a store.

import ErrandTesting

enum SimulatedStore {
    static func run(seed: UInt64) async -> [String] {
        // snippet.show
        let report = await Simulation(seed: seed).run(on: ModelMachine())
        if !report.violations.isEmpty { print(report) }  // the seed, what was broken, and what led to it
        // snippet.hide
        return report.violations
    }
}
