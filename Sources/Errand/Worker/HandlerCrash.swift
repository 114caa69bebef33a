// The crash of a handler that ran in a process of its own: its worker lives to tell.

/// Thrown in place of a handler whose process died under it: its execution has crashed, and nobody else has noticed.
package struct HandlerCrash: Error, Hashable, Sendable {
    /// What is known about the death.
    package var error: StoredError

    /// Describes a death.
    package init(_ error: StoredError) { self.error = error }
}

extension Verdict {
    /// Judges a crash as a rescuer would: the attempt is refunded and the crash counted; at `limit` crashes (`nil`: never) the job is poison.
    /// `earlier` crashes of its own came before; until `retryAt` the job waits unless this was its last.
    init(_ crash: HandlerCrash, of execution: ExecutionID, afterCrashes earlier: Int, limit: Int?, retryAt: Timestamp) {
        let conviction = Conviction(execution, error: crash.error, retryAt: retryAt)
        self.init(outcome: .crashed, next: conviction.next(afterCrashes: earlier, limit: limit), error: crash.error)
    }
}
