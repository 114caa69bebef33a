// Runs one measurement by name: `keys`, `keyed-workers`, `interleave`. Each prints n, percentiles and its paired baseline.

import Glibc
import Logging
import Errand

@main struct Benchmarks {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        LoggingSystem.bootstrap { ExecutionLogHandler(label: $0, outside: SwiftLogNoOpLogHandler()) }
        switch arguments.first {
        case "keys": try await KeyCost.run()
        case "keyed-workers": try await KeyedWorkers.run()
        case "interleave": try await Interleave.run()
        default:
            say("usage: ErrandBenchmarks keys | keyed-workers | interleave")
            exit(2)
        }
    }
}
