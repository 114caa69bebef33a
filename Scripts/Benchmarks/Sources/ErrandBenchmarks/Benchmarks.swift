// Runs one measurement by name: `claim`, `keys`, `keyed-workers`, `pickup`, `idle`, `interleave`. Each prints n, percentiles and its paired baseline.

import Glibc
import Logging
import Errand

@main struct Benchmarks {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        LoggingSystem.bootstrap { ExecutionLogHandler(label: $0, outside: SwiftLogNoOpLogHandler()) }
        switch arguments.first {
        case "claim": try await ClaimCost.run()
        case "keys": try await KeyCost.run()
        case "keyed-workers": try await KeyedWorkers.run()
        case "pickup": try await PickUp.run()
        case "pickup-worker": try await PickUp.serve(directory: arguments.dropFirst().first!)
        case "idle": try await IdleCost.run()
        case "idle-worker": try await IdleCost.serve(directory: arguments.dropFirst().first!)
        case "interleave": try await Interleave.run()
        default:
            say("usage: ErrandBenchmarks claim | keys | keyed-workers | pickup | idle | interleave")
            exit(2)
        }
    }
}
