// Enqueueing on a connection of the application's, inside its transaction: the same statements, on a handle that is only lent.

import CSQLite
import Errand

/// The application's connection for the duration of one call.
private struct Lent {
    let connection: Connection

    /// Makes sure that `handle` can be used at all.
    init(_ handle: OpaquePointer, of directory: StoreDirectory) throws(JobStoreError) {
        // Should a later SQLite hide what it is known by, its own connection is not known either, and the question cannot be asked.
        guard errand_sqlite_is_own(UnsafeRawPointer(handle)) != 0 || !Lent.canTell else {
            throw .refused(
                reason: """
                    the connection belongs to another SQLite library than Errand's (\(String(cString: sqlite3_libversion()))): link both against \
                    one. Two in one process drop each other's locks, and a database that both have open can be corrupted
                    """)
        }
        guard let name = sqlite3_db_filename(handle, "main").map({ String(cString: $0) }), !name.isEmpty else {
            throw .refused(reason: "the connection has no file: open one to \(directory.queue), where the jobs are")
        }
        guard let file = FileIdentity(name), file == FileIdentity(directory.queue) else {
            throw .refused(
                reason: """
                    the connection is to \(name), and the jobs are in \(directory.queue): open the queue with JobQueue.open(database:), or the \
                    connection to that file
                    """)
        }
        guard sqlite3_get_autocommit(handle) == 0 else {
            throw .refused(
                reason: "no transaction is open on the connection: begin one (BEGIN IMMEDIATE), or enqueue without naming a connection")
        }
        connection = Connection(borrowing: handle, to: directory.queue)
        try connection.requireOwnFile()
        if let name = try connection[LentSQL.shadow].first({ $0.text(0) }) {
            throw .refused(
                reason: "the connection has a temporary \(name), which stands before Errand's own: names that begin with errand_ are taken")
        }
        try leaveCheckpointsToErrand()
    }

    /// Where the library has the WAL-reset defect two connections must not empty the log by themselves, and the store's writer does. A hook
    /// of the application's own in the place of SQLite's automatic checkpoints stays: the setting reads 0 there.
    private func leaveCheckpointsToErrand() throws(JobStoreError) {
        guard SQLiteLibrary.hasResetDefect(SQLiteLibrary.versionNumber),
            try connection[LentSQL.automaticCheckpoints].first({ $0.integer(0) }) != 0
        else { return }
        sqlite3_wal_autocheckpoint(connection.handle, 0)
    }

    /// Why a piece is undone that its caller does not want.
    static let unwanted = "it is not wanted"

    /// Whether a connection of this very library is recognised.
    private static let canTell: Bool = {
        do throws(JobStoreError) {
            let connection = try Connection(path: ":memory:", queryOnly: true)
            return errand_sqlite_is_own(UnsafeRawPointer(connection.handle)) != 0
        } catch {
            // Without memory for a connection there is none to ask about either.
            return true
        }
    }()

    /// Runs `body` as one piece of the transaction: it is all undone when it fails.
    func apart<Value>(_ body: () throws(JobStoreError) -> Value) throws(JobStoreError) -> Value {
        let handle = connection.handle
        let rowID = sqlite3_last_insert_rowid(handle)
        defer { sqlite3_set_last_insert_rowid(handle, rowID) }
        try connection[LentSQL.begin].run()
        do throws(JobStoreError) {
            let value = try body()
            try connection[LentSQL.keep].run()
            return value
        } catch {
            let isOutdated = sqlite3_extended_errcode(handle) == SQLITE_BUSY | 2 << 8
            // What cannot be undone alone must not be committed by anybody.
            if sqlite3_get_autocommit(handle) == 0,
                sqlite3_exec(handle, "ROLLBACK TO errand_enqueue; RELEASE errand_enqueue", nil, nil, nil) != SQLITE_OK
            {
                sqlite3_exec(handle, "ROLLBACK", nil, nil, nil)
            }
            guard sqlite3_get_autocommit(handle) == 0 else {
                throw .unavailable(reason: "\(error); the whole transaction has been rolled back")
            }
            guard !isOutdated else {
                throw .unavailable(
                    reason: """
                        \(connection.path): another connection has written since this transaction has read: roll it back, and begin it with BEGIN \
                        IMMEDIATE
                        """)
            }
            throw error
        }
    }
}

extension StoreCore: TransactionalStore {
    func enqueue(_ jobs: [NewJob], in handle: OpaquePointer) throws(JobStoreError) -> [EnqueueResult] {
        guard !jobs.isEmpty else { return [] }
        var prepared: [PreparedJob] = []
        prepared.reserveCapacity(jobs.count)
        for job in jobs { prepared.append(try PreparedJob(job)) }
        let lent = try Lent(handle, of: directory)
        return try lent.apart { () throws(JobStoreError) in
            let state = try lent.connection[LentSQL.state].first { (schema: $0.integer(0), minimum: $0.integer(1), boot: $0.integer(2)) }
            guard let state else { throw .damaged(reason: "\(directory.queue): errand_meta is empty") }
            guard state.minimum <= Schema.version else {
                throw .newerSchema(found: Int(state.schema), supported: Int(Schema.version))
            }
            // What it remembers is true within this transaction only, and gone with it.
            let database = QueueDatabase(
                connection: lent.connection, bootNumber: state.boot, boot: boot, clock: clock, standing: standing, space: space)
            database.recordsEvents = options.recordsEvents
            // What the same transaction has enqueued by plain SQL comes first.
            _ = try database.takeInInbox()
            let results = try database.takeIn(prepared).0.get()
            try database.willCommit()
            queue.noteOutsideWrite()
            return results
        }
    }

    func attempt(in handle: OpaquePointer, _ body: () -> Bool) throws(JobStoreError) {
        let lent = try Lent(handle, of: directory)
        do throws(JobStoreError) {
            try lent.apart { () throws(JobStoreError) in
                if !body() { throw JobStoreError.refused(reason: Lent.unwanted) }
            }
        } catch .refused(Lent.unwanted) {
            // Undone, as it was to be.
        }
    }
}

/// The statements around a piece of somebody else's transaction.
private enum LentSQL {
    static let begin = SQL("SAVEPOINT errand_enqueue")
    static let keep = SQL("RELEASE errand_enqueue")
    static let shadow = SQL("SELECT name FROM temp.sqlite_schema WHERE name LIKE 'errand\\_%' ESCAPE '\\' LIMIT 1")
    static let automaticCheckpoints = SQL("PRAGMA wal_autocheckpoint")

    /// The single row of `errand_meta`.
    static let state = SQL("SELECT schema, min_writer, boot_number FROM errand_meta WHERE one = 1")
}
