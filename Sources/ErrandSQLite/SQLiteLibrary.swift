// Which SQLite this process runs on: the doctor reports it with its known defects.

import CSQLite

/// The SQLite library of this process.
package enum SQLiteLibrary {
    /// Lets the library allocate without a lock and a count of its own, for programs that are Errand's from end to end: the setting is the
    /// process's. Before anything opens a database; afterwards it does nothing.
    package static func countNoMemory() { _ = errand_sqlite_count_no_memory() }

    /// Such as `3.40.1`.
    package static var version: String { String(cString: sqlite3_libversion()) }
    /// Such as 3040001.
    package static var versionNumber: Int { Int(sqlite3_libversion_number()) }

    /// Whether a version has the WAL-reset defect: a commit that races a checkpoint of another connection can damage the file. In
    /// 3.7.0 to 3.51.2 (https://www.sqlite.org/wal.html). Errand commits and checkpoints under one lock, so that they never race.
    package static func hasResetDefect(_ versionNumber: Int) -> Bool { (3_007_000..<3_051_003).contains(versionNumber) }

    /// For a log line: the version, and why its defect is none here.
    package static var remark: String {
        hasResetDefect(versionNumber) ? "\(version) (WAL-reset defect, kept away by the store's lock)" : version
    }
}
