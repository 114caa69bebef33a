// Ends what a dead worker's commands have left behind, so that a job never runs beside its own orphans.

import CErrand
public import Errand
import Glibc

/// Ends processes that outlived the worker which started them.
public enum OrphanSweep {
    /// Kills every process of this user that carries one of `executions` in its environment (`ERRAND_EXECUTION_ID`), this process
    /// never. Passes over the process table until a pass finds none, so that what was being started meanwhile ends too.
    ///
    /// For a rescuer, before it gives a dead worker's jobs back: PIDs may have been reused since, environments are not. One pass
    /// costs about 20 µs per process of the machine; the call blocks its thread, for two seconds at most when a process cannot die.
    /// - Returns: how many processes were killed.
    @discardableResult
    public static func end(_ executions: [ExecutionID]) -> Int {
        guard !executions.isEmpty else { return 0 }
        let census = ProcessCensus(executions.map { ProcessCensus.Wanted(execution: $0.description) })
        var killed: Set<pid_t> = []
        for _ in 0..<passLimit {
            let found = census.take().values.flatMap(\.self)
            guard !found.isEmpty else { break }
            for process in found {
                process.send(SIGKILL)
                killed.insert(process.number)
            }
            for process in found { _ = process.exit.isReadable(within: passMilliseconds / Int32(found.count) + 1) }
        }
        return killed.count
    }

    private static let passLimit = 10
    private static let passMilliseconds: Int32 = 200
}
