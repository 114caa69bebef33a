// The wal-index: makes sure that its blocks exist before anybody writes to them through a mapping.

import CErrand
import CSQLite

/// The `-shm` files of databases in WAL mode.
enum SharedMemory {
    /// Whether the library maps these files only when every block of them exists; done once for the process, before its first connection.
    ///
    /// SQLite extends such a file by writing one byte to each 4 KiB of it. Where the blocks of a file system are smaller, as on an ext4
    /// of less than 512 MB, three quarters stay holes, and the first write to one on a full disk is a SIGBUS: a worker died of it at
    /// every start, whatever it was about to do. With this the same moment is an error that says that the disk is full.
    static let isAllocatedFirst: Bool = errand_sqlite_map_with(errand_map_allocated) == SQLITE_OK
}
