// When the writer thread moves its write-ahead log into the database, and under which lock.

import Errand

#if canImport(Glibc)
import Glibc
#endif

extension WriterLoop {
    /// Empties the write-ahead log after a second without writes, when the disk has time.
    func checkpoint() {
        guard opened != nil else { return }
        do throws(JobStoreError) {
            // Another process that writes is as good a reason to wait as a write of our own, so never queue for the lock.
            try settings.lock.acquire(settings.byte, wait: .zero)
            defer { settings.lock.release(settings.byte) }
            try reopenIfPoisoned()
            defer { tryToReopenIfPoisoned() }
            checkpoints.didCheckpoint(emptied: try database.connection.checkpoint(), at: MachineClock.nanoseconds)
        } catch {
            checkpoints.didCheckpoint(emptied: false, at: MachineClock.nanoseconds)
        }
    }

    /// Looks after the log that others have written to as after its own.
    func noteOutsideWrite() {
        checkpoints.didCommit(at: MachineClock.nanoseconds)
        if checkpoints.shouldLook(now: MachineClock.nanoseconds), isLog(largerThan: CheckpointPolicy.largeBytes) { checkpoint() }
    }

    /// The next opener reads the whole log before it can do anything, so one that is not small is emptied before leaving.
    func checkpointAtEnd() {
        if isLog(largerThan: CheckpointPolicy.smallBytes) { checkpoint() }
    }

    private func isLog(largerThan bytes: Int) -> Bool {
        var status = stat()
        return stat(settings.writeAheadLog, &status) == 0 && status.st_size > bytes
    }

    func checkpointIfLarge() {
        guard checkpoints.shouldLook(now: MachineClock.nanoseconds), isLog(largerThan: CheckpointPolicy.largeBytes) else { return }
        do throws(JobStoreError) {
            checkpoints.didCheckpoint(emptied: try database.connection.checkpoint(), at: MachineClock.nanoseconds)
        } catch {
            // The commit stands whatever becomes of the checkpoint; a poisoned connection is opened anew at the next write.
            checkpoints.didCheckpoint(emptied: false, at: MachineClock.nanoseconds)
        }
    }
}
