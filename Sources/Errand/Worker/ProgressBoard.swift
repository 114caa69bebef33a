// Where executions write how far they are, until the worker's next step takes it to the store.

import Synchronization

extension ExchangeRequest {
    /// The same step, which tells of `progress` as well.
    func telling(_ progress: [JobProgress]) -> ExchangeRequest {
        var step = self
        step.progress = progress
        return step
    }
}

/// The newest progress of each execution that the store does not know of yet.
package final class ProgressBoard: PulseWatch {
    private let notes = Mutex<[ExecutionID: ProgressNote]>([:])
    private let onFirst: @Sendable () -> Void

    /// An empty board; `onFirst` is called when it no longer is.
    package init(onFirst: @escaping @Sendable () -> Void) { self.onFirst = onFirst }

    /// What takes the signs of `execution`.
    package func pulse(of execution: ExecutionID) -> ExecutionPulse {
        ExecutionPulse(of: execution, feltBy: self)
    }

    /// Everything that is to be written.
    package func take() -> [JobProgress] {
        let taken = notes.withLock { notes in
            defer { notes = [:] }
            return notes
        }
        return taken.map { JobProgress(execution: $0.key, fraction: $0.value.fraction, message: $0.value.message, at: $0.value.at) }
            .sorted { $0.execution < $1.execution }
    }

    /// Puts back what could not be written, unless there is something newer.
    package func putBack(_ progress: [JobProgress]) {
        guard !progress.isEmpty else { return }
        notes.withLock { notes in
            for one in progress where notes[one.execution] == nil {
                notes[one.execution] = ProgressNote(fraction: one.fraction, message: one.message, at: one.at)
            }
        }
        onFirst()
    }

    package func didBeat(_ execution: ExecutionID) {}

    package func didProgress(_ execution: ExecutionID, to note: ProgressNote) {
        let isFirst = notes.withLock { notes in
            defer { notes[execution] = note }
            return notes.isEmpty
        }
        if isFirst { onFirst() }
    }
}
