// The crash file of a running worker: there while it is registered.

import ErrandContext
import Glibc
import Logging
import Synchronization

/// Keeps a file ready that a crash of this process can be written to. Whatever fails here costs a conviction, never the worker.
final class CrashFile: Sendable {
    private struct State {
        var open: (worker: WorkerID, descriptor: Int32)?
    }

    private let ledger: (any CrashLedger)?
    private let logger: Logger
    private let state = Mutex(State())

    init(ledger: (any CrashLedger)?, logger: Logger) {
        self.ledger = ledger
        self.logger = logger
    }

    /// Makes the file of `worker` ready, instead of any that was; does nothing in a process that does not capture crashes.
    func begin(_ worker: WorkerID) {
        end()
        guard CrashCapture.isInstalled, let ledger else { return }
        do throws(JobStoreError) {
            let descriptor = try ledger.open(for: worker)
            guard CrashCapture.add(file: descriptor) else {
                close(descriptor)
                try ledger.remove(worker)
                logger.warning("a crash of this worker could not be told: 64 workers of this process have crash files already")
                return
            }
            state.withLock { $0.open = (worker, descriptor) }
        } catch {
            logger.warning("a crash of this worker could not be told", metadata: ["worker": "\(worker)", "error": "\(error)"])
        }
    }

    /// Closes and deletes the file: its worker has left, or was rescued while it lived.
    func end() {
        let open = state.withLock { state in
            defer { state.open = nil }
            return state.open
        }
        // While another thread crashes the file stays: the handler may be about to write.
        guard let open, CrashCapture.remove(file: open.descriptor) else { return }
        close(open.descriptor)
        do throws(JobStoreError) {
            try ledger?.remove(open.worker)
        } catch {
            logger.warning("a crash file could not be deleted", metadata: ["worker": "\(open.worker)", "error": "\(error)"])
        }
    }
}
