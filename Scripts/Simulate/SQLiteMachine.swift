// A machine whose processes open one SQLite store, each for itself: what the simulator plays on.

import Errand
import ErrandSQLite
package import ErrandTesting
import FoundationEssentials

/// A store in a directory in memory, where there is such, since nothing here cuts the power.
package struct SQLiteMachine: SimulatedMachine {
    package let clock = ManualClock()
    private let directory: String

    package init() {
        let memory = "/dev/shm"
        let parent =
            FileManager.default.isWritableFile(atPath: memory) ? memory : FileManager.default.temporaryDirectory.path
        directory = parent + "/errand-simulation-\(UUID())"
    }

    package func start() async throws -> any SimulatedProcess {
        var options = SQLiteStoreOptions()
        options.clock = clock
        return Process(opened: try SQLiteStore.open(directory: directory, options: options))
    }

    package func close() async {
        do {
            try FileManager.default.removeItem(atPath: directory)
        } catch {
            print("the simulation's directory stays behind: \(error)")
        }
    }

    private struct Process: SimulatedProcess {
        let opened: SQLiteStore

        var store: Store { opened.store }

        func kill() async { opened.crash() }
    }
}
