// Connections for those who only read: they answer on a disk without a free block, too.

import CSQLite
import Dispatch
import Errand

#if canImport(Glibc)
import Glibc
#endif

extension Connection {
    /// A connection that reads the database at `path`.
    ///
    /// Readers of a database in WAL mode need its shared-memory file, and the first of them makes it anew: on a full disk there may be no
    /// room for it. Then this is a stopgap that keeps in its own memory what the file would hold (`readonly_shm`,
    /// https://www.sqlite.org/wal.html#read_only_databases). Nobody waits for it and it waits for nobody, but no connection of this
    /// process can write beside it: let go of it after each use.
    static func reader(of path: String) throws(JobStoreError) -> Connection {
        // One after another: connections of a process share their hold on the file, so a stopgap would be given that of a reader which is
        // just finding out that it cannot have it.
        turn.wait()
        defer { turn.signal() }
        do throws(JobStoreError) {
            let connection = try Connection(path: path, queryOnly: true)
            try connection.look()
            return connection
        } catch {
            guard case .full = error else { throw error }
            let stopgap = try Connection(path: path, queryOnly: true, isStopgap: true)
            try stopgap.look()
            return stopgap
        }
    }

    private static let turn = DispatchSemaphore(value: 1)

    /// Meets now what the first statement would meet: opening alone touches nothing.
    private func look() throws(JobStoreError) { _ = try integer("SELECT count(*) FROM sqlite_schema") }

    /// The database at `path` as a URI; what would end its path is escaped.
    static func address(ofStopgap path: String) -> String {
        var escaped = ""
        for scalar in path.unicodeScalars {
            switch scalar {
            case "%": escaped += "%25"
            case "?": escaped += "%3f"
            case "#": escaped += "%23"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return (path.hasPrefix("/") ? "file://" : "file:") + escaped + "?readonly_shm=1"
    }

    /// Whether the input or output error of this moment is a lack of room. SQLite has codes of its own for a full database file, not for
    /// its shared memory.
    var isOutOfRoom: Bool {
        let reason = sqlite3_system_errno(handle)
        return reason == ENOSPC || reason == EDQUOT
    }
}

/// What a reader thread reads.
protocol ReadableDatabase: SendableMetatype {
    var connection: Connection { get }
}
