// Brings a file to the schema of this Errand: creates the first version, refuses a newer one, steps the boot number.

import Errand

/// Creates and checks the two files. Every call but ``isSettled(_:_:under:)`` is made under the lock of ``StoreLock/Byte/open``.
enum Migrations {
    /// Whether there is nothing to do for `file`: neither tables nor steps are missing, and no failed fsync is to be made up for. Needs no
    /// lock, so that whoever only looks does not wait for somebody who was stopped while opening: what it reads was committed as a whole.
    static func isSettled(_ connection: Connection, _ file: Schema.File, under guarded: WriteGuard) throws(JobStoreError) -> Bool {
        let table = file.metaTable
        guard guarded.lock.word(about: guarded.byte) == 0, try connection.text("PRAGMA journal_mode") == "wal",
            try connection.integer("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '\(table)'") != nil
        else { return false }
        return try connection.integer("SELECT schema FROM \(table)") == Schema.version
    }

    /// The number of the boot, if some opener has stepped it already.
    static func bootNumber(_ connection: Connection, boot: BootIdentity) throws(JobStoreError) -> Int64? {
        try connection.integer("SELECT boot_number FROM errand_meta WHERE boot_id = '\(quoted(boot.boot))'")
    }

    /// Makes `queue.db` ready on a fresh connection; gives the boot number.
    ///
    /// The number steps, durably and before any claim, at the first opening in a new boot: that makes lease tokens unique although
    /// the claims of the last moments before a power cut may be lost.
    /// - Parameter settle: called before the number steps, so that no opener can find it stepped and this not done: once for a new
    ///   store, and once in each boot.
    static func prepareQueue(
        _ connection: Connection, boot: BootIdentity, steps: [Schema.Step] = Schema.steps, isEmbedded: Bool = false,
        under guarded: WriteGuard,
        settle: () throws(JobStoreError) -> Void = {}
    ) throws(JobStoreError) -> Int64 {
        try prepare(connection, .queue, steps: steps, isEmbedded: isEmbedded, under: guarded)
        if let known = try bootNumber(connection, boot: boot) { return known }
        try settle()
        return try transaction(connection, under: guarded) { () throws(JobStoreError) in
            try connection.execute("UPDATE errand_meta SET boot_id = '\(quoted(boot.boot))', boot_number = boot_number + 1")
            return try connection.integer("SELECT boot_number FROM errand_meta") ?? 0
        }
    }

    /// Makes `logs.db` ready on a fresh connection.
    static func prepareLogs(_ connection: Connection, under guarded: WriteGuard) throws(JobStoreError) {
        try prepare(connection, .logs, steps: Schema.steps, under: guarded)
    }

    private static func prepare(
        _ connection: Connection, _ file: Schema.File, steps: [Schema.Step], isEmbedded: Bool = false, under guarded: WriteGuard
    ) throws(JobStoreError) {
        try guarded.lock.makeUpForFailedSyncOfOthers(of: connection.path, guarded.byte, wait: guarded.wait)
        let table = file.metaTable
        let exists = try connection.integer("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '\(table)'") != nil
        if !exists {
            // Nothing at all in it is a file that was just made, perhaps by an opener that was stopped right then.
            let isEmpty = try connection.integer("SELECT count(*) FROM sqlite_schema") == 0
            guard isEmpty || isEmbedded else {
                throw .damaged(
                    reason: "\(connection.path) is a database of something else: it has no table \(table); name another directory")
            }
            if isEmbedded { try Embedding.check(connection) }
            if isEmpty { try connection.execute("PRAGMA auto_vacuum=INCREMENTAL") }
        }
        // A copy that another tool made (`.recover`, VACUUM INTO) may have left it.
        if try connection.text("PRAGMA journal_mode") != "wal" { try connection.execute("PRAGMA journal_mode=WAL") }
        if !exists {
            try transaction(connection, under: guarded) { () throws(JobStoreError) in try connection.execute(file.firstSchema) }
        }
        let minimum = try connection.integer("SELECT min_writer FROM \(table)") ?? 0
        let found = try connection.integer("SELECT schema FROM \(table)") ?? 0
        guard minimum <= Schema.version else { throw .newerSchema(found: Int(found), supported: Int(Schema.version)) }
        // Each step is all or nothing, its number included: whoever is killed in the middle leaves the version before.
        for step in steps where step.version > found {
            try transaction(connection, under: guarded) { () throws(JobStoreError) in
                try connection.execute(step[keyPath: file.step])
                try connection.execute("UPDATE \(table) SET schema = \(step.version)")
            }
        }
    }

    private static func transaction<Value>(
        _ connection: Connection, under guarded: WriteGuard, _ body: () throws(JobStoreError) -> Value
    ) throws(JobStoreError) -> Value {
        try guarded.lock.acquire(guarded.byte, wait: guarded.wait)
        defer { guarded.lock.release(guarded.byte) }
        try connection.begin(.full)
        do throws(JobStoreError) {
            let value = try body()
            try connection.commit()
            return value
        } catch {
            connection.rollback()
            // This connection goes with its opener; what others have written may be missing on disk all the same.
            if connection.isPoisoned { try guarded.lock.makeUpForFailedSync(of: connection.path, guarded.byte) }
            throw error
        }
    }

    private static func quoted(_ text: String) -> String {
        text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
    }
}

/// The lock that a write needs, and how long to wait for it.
struct WriteGuard: Sendable {
    var lock: StoreLock
    var byte: StoreLock.Byte
    var wait: Duration?
}
