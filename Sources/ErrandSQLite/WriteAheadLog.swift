// The write-ahead log after a failed fsync: written once more, since the system believes that it already is on disk.

import Errand

#if canImport(Glibc)
import Glibc
#endif

/// The write-ahead log of a database.
///
/// After a failed fsync Linux counts the pages that never reached the disk as clean, and the next fsync succeeds without them. In the
/// log they are earlier commits: those that were not synced for themselves, claims and heartbeats for example. All processes read them
/// from the page cache, and every later commit stands behind them; but after a power cut the log ends at the first frame that is
/// missing, and acknowledged commits behind it are lost. So the log's bytes are written again, which makes their pages dirty, and
/// synced. "Can Applications Recover from fsync Failures?", https://www.usenix.org/conference/atc20/presentation/rebello
struct WriteAheadLog {
    /// The log's path.
    let path: String

    /// The log of the database at `database`.
    init(of database: String) { path = database + "-wal" }

    private static let pieceBytes = 1 << 20

    /// Writes the whole log to disk once more. Only under the store's lock: nobody else may write meanwhile; whoever reads sees the same
    /// bytes. No log is no work.
    ///
    /// SQLite locks the database and its shared-memory file, never the log, so a descriptor of our own harms no lock.
    /// - Throws: ``JobStoreError/unavailable(reason:)`` or ``JobStoreError/full(reason:)`` when the disk still fails; nothing may be
    ///   acknowledged then.
    func writeAgain() throws(JobStoreError) {
        let file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        if file < 0, errno == ENOENT { return }
        guard file >= 0 else { throw failed() }
        defer { close(file) }
        var piece = [UInt8](repeating: 0, count: WriteAheadLog.pieceBytes)
        var position = 0
        while true {
            let count = piece.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, off_t(position)) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failed() }
            if count == 0 { break }
            try write(piece[..<count], to: file, at: position)
            position += count
        }
        guard fdatasync(file) == 0 else { throw failed() }
    }

    private func write(_ bytes: ArraySlice<UInt8>, to file: Int32, at position: Int) throws(JobStoreError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress! + done, $0.count - done, off_t(position + done)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failed() }
            done += count
        }
    }

    private func failed() -> JobStoreError {
        errno == ENOSPC || errno == EDQUOT
            ? .full(
                reason: "\(path): a write to disk failed, and cannot be made up for: \(errnoText(errno)); free some space and try again")
            : .unavailable(
                reason: "\(path): a write to disk failed, and cannot be made up for: \(errnoText(errno)); see the system's log for the disk"
            )
    }
}
