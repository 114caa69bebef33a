// A backup as its maker and its caller see it: asked of an open store, done on a thread of its own.

public import Errand

/// What a backup holds.
public struct BackupReport: Sendable, Hashable {
    /// How many jobs are in it, whatever their state.
    public var jobs: Int
    /// How many of them were running: in the copy they are available again, their attempt refunded.
    public var running: Int
    /// How many bytes its files have.
    public var bytes: Int
    /// Whether the logs are in it.
    public var hasLogs: Bool
}

extension SQLiteStore {
    /// Copies the store to `directory`, which then is a store itself: complete, checked and on disk when the call returns. Workers and
    /// enqueuers go on meanwhile; every job that was acknowledged before the call is in the copy. Until it ends the write-ahead log is
    /// not emptied and grows.
    ///
    /// The copy is written beside `directory` (as `directory.partial-…`), read back (`integrity_check`, and the jobs of every state
    /// counted) and moved into place at the end: what has the name is whole. Jobs that were running are available in it, their attempt
    /// refunded; it knows no workers, and hands out execution IDs that the original never will (see the guide BackupAndRestore).
    /// - Parameters:
    ///   - directory: where to; must not exist, or be empty.
    ///   - includesLogs: whether the lines of jobs are copied as well; `false` by default, since logs are often most of a store.
    ///   - replacesBackup: whether an earlier backup in `directory` is replaced; anything else there, and a copy that has been worked
    ///     on, is refused all the same. `false` by default.
    /// - Throws: ``JobStoreError/refused(reason:)`` when something stands in the way, ``JobStoreError/full(reason:)``,
    ///   ``JobStoreError/damaged(reason:)`` when the copy does not check, which means that the store itself is damaged, and
    ///   ``JobStoreError/unavailable(reason:)``. Nothing is left behind then.
    public func backup(
        to directory: String, includesLogs: Bool = false, replacesBackup: Bool = false
    ) async throws(JobStoreError) -> BackupReport {
        let core = core
        let result: Result<BackupReport, JobStoreError> = await withUnsafeContinuation { continuation in
            startThread(named: "errand-backup") {
                do throws(JobStoreError) {
                    let target = try BackupTarget(path: directory, of: core.directory, replacesBackup: replacesBackup)
                    continuation.resume(
                        returning: .success(
                            try target.fill { (copy) throws(JobStoreError) in
                                try StoreCopy(core: core, copy: copy).make(includesLogs: includesLogs)
                            }))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }
}
