// When a job is suspected of taking its workers down. Pure: both stores count by it.

/// Suspicion: a death that left no crash file (SIGKILL, out of memory, power) names nobody, so everything in flight is merely
/// interrupted. Only a job that was in flight at several such deaths in a row becomes a suspect, which then runs alone: dying alone
/// convicts.
package enum Suspicion {
    /// At most so many of the latest executions are looked at.
    package static let memory = 64

    /// At how many deaths in a row a job was in flight, by its latest executions, newest first. Shutdowns, lost leases, known culprits
    /// and crashes of its own neither count nor break the row; an execution that came to an end of its own breaks it.
    package static func deathsInARow(_ newestFirst: some Sequence<(outcome: Outcome?, error: StoredError?)>) -> Int {
        var deaths = 0
        for (outcome, error) in newestFirst.prefix(memory) {
            switch outcome {
            case .interrupted: if error?.type == StoredError.workerDied.type { deaths += 1 }
            case .lost, .crashed, nil: break
            case .completed, .failed, .timedOut, .snoozed, .cancelled: return deaths
            }
        }
        return deaths
    }
}

extension StoredError {
    /// What is kept with an execution whose worker died and left no word about who did it.
    package static let workerDied = StoredError(type: "WorkerDied", message: "its worker died and named no culprit")
}

extension Outcome {
    /// Whether an execution that ended so frees its job of suspicion: it came to an end of its own.
    package var clearsSuspicion: Bool {
        switch self {
        case .completed, .failed, .timedOut, .snoozed, .cancelled: true
        case .interrupted, .crashed, .lost: false
        }
    }
}
