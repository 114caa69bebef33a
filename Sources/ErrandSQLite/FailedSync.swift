// A failed fsync that nobody could make up for: word of it for whoever opens the store next.

import Errand

#if canImport(Glibc)
import Glibc
#endif

/// Linux tells of a failed fsync once, and only those who had the file open. Whoever opens it later would acknowledge commits behind
/// the gap. So the lock file has a byte for each file that is set from the failure until the log was written again. It needs to live
/// only as long as the page cache does: after a boot everybody sees what is on disk.
extension StoreLock {
    /// Writes the log of `database` once more. Only under the lock of `byte`.
    /// - Throws: ``JobStoreError`` when the disk still fails; the word stays.
    func makeUpForFailedSync(of database: String, _ byte: Byte) throws(JobStoreError) {
        setWord(1, about: byte)
        try WriteAheadLog(of: database).writeAgain()
        setWord(0, about: byte)
    }

    /// Does so if there is word of a failure; takes the lock of `byte` for it.
    /// - Throws: ``JobStoreError`` when the disk still fails, or when the lock is not to be had.
    func makeUpForFailedSyncOfOthers(of database: String, _ byte: Byte, wait: Duration?) throws(JobStoreError) {
        guard word(about: byte) == 1 else { return }
        try acquire(byte, wait: wait)
        defer { release(byte) }
        // Whoever held the lock meanwhile may have done it.
        if word(about: byte) == 1 { try makeUpForFailedSync(of: database, byte) }
    }
}
