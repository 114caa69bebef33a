// Which SQLite this process runs on: the doctor reports it with its known defects.

import CSQLite

/// The SQLite library of this process.
package enum SQLiteLibrary {
    /// Such as `3.40.1`.
    package static var version: String { String(cString: sqlite3_libversion()) }
    /// Such as 3040001.
    package static var versionNumber: Int { Int(sqlite3_libversion_number()) }
}
