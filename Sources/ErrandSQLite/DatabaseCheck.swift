// Reads a database from end to end and tells whether its pages make sense.

import CSQLite
package import Errand

/// What SQLite's own check finds in a file of a store.
package enum DatabaseCheck: Hashable, Sendable {
    /// Every page is where it belongs and every row can be read.
    case sound
    /// There is no such file.
    case missing
    /// What is wrong, the first findings; and what to do.
    case damaged(findings: [String], advice: String)
    /// The file could not be checked.
    case unchecked(JobStoreError)

    /// How many findings are told: one damaged page may have thousands.
    private static let findings = 3

    /// Checks the database at `path` (`PRAGMA quick_check`): pages, rows, NOT NULL and CHECK, but not whether indexes agree with their
    /// tables. Reads the whole file; writers go on meanwhile, though the write-ahead log is not emptied before it ends.
    package static func quick(_ path: String) -> DatabaseCheck {
        guard StoreDirectory.exists(path) else { return .missing }
        do throws(JobStoreError) {
            let found = try run("PRAGMA quick_check(\(findings))", on: try Connection(path: path, queryOnly: true))
            return found.isEmpty ? .sound : .damaged(findings: found, advice: Damage.advice(on: path))
        } catch .damaged(let reason) {
            return .damaged(findings: [reason], advice: "")
        } catch {
            return .unchecked(error)
        }
    }

    /// The findings of a check; none when all is well.
    static func run(_ check: String, on connection: Connection) throws(JobStoreError) -> [String] {
        var found: [String] = []
        try connection.prepare(SQL(check)).forEach { row in found.append(row.text(0)) }
        return found == ["ok"] ? [] : found
    }
}
