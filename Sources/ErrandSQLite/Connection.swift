// One SQLite connection with Errand's settings and its prepared statements. Used by one thread at a time, checked by nobody.

import CSQLite
import Errand

final class Connection {
    let handle: OpaquePointer
    let path: String
    /// By the number of their text.
    private var statements: [Statement?] = []
    private var synchronous: Durability?
    /// An input or output error was seen. After a failed fsync nothing that was written may be trusted to be on disk, whoever wrote it:
    /// the log must be written again, and the file opened anew, before anything is acknowledged.
    private(set) var isPoisoned = false
    /// Whether it is this object's to close.
    private let isOwn: Bool
    /// Whether it reads without a shared-memory file, for want of room for one: to be let go of after each use, see ``reader(of:)``.
    let isStopgap: Bool

    /// Opens the database at `path`, which must exist.
    init(path: String, queryOnly: Bool, isStopgap: Bool = false) throws(JobStoreError) {
        _ = SharedMemory.isAllocatedFirst
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | (isStopgap ? SQLITE_OPEN_URI : 0)
        let code = sqlite3_open_v2(isStopgap ? Connection.address(ofStopgap: path) : path, &opened, flags, nil)
        self.isStopgap = isStopgap
        isOwn = true
        guard let opened else { throw .unavailable(reason: "\(path): out of memory") }
        handle = opened
        self.path = path
        guard code == SQLITE_OK else { throw failure(code) }
        errand_sqlite_no_checkpoint_on_close(handle)
        // The lock file comes first, so this waits only for foreign programs that write to the file.
        sqlite3_busy_timeout(handle, Connection.busyTimeout)
        try execute(
            """
            PRAGMA wal_autocheckpoint=0; PRAGMA secure_delete=OFF; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=OFF;
            PRAGMA cache_size=-\(queryOnly ? 4096 : 32768); PRAGMA journal_size_limit=67108864; PRAGMA query_only=\(queryOnly ? 1 : 0)
            """)
        if !queryOnly { try requireWriteAccess() }
    }

    /// A connection of somebody else's, to be used within one call: its settings and its transaction stay what they are.
    init(borrowing handle: OpaquePointer, to path: String) {
        self.handle = handle
        self.path = path
        isStopgap = false
        isOwn = false
    }

    /// What SQLite's shared memory takes at least: 32 KiB. Without that much room it may be opened for reading only.
    private static let sharedMemoryBytes = 32 << 10

    /// SQLite is content with less than it was asked for: when no descriptor was left for a moment, or permissions are short, it opens
    /// the file, its log or its shared memory for reading only, and that for as long as anybody in the process has it open.
    private func requireWriteAccess() throws(JobStoreError) {
        // A file that was just made is about to be written to, and must not be begun before its settings.
        guard try integer("PRAGMA page_count") != 0 else { return }
        sqlite3_busy_timeout(handle, 0)
        defer { sqlite3_busy_timeout(handle, Connection.busyTimeout) }
        // A file that is open for reading begins as if nobody had asked to write; its log and shared memory say so.
        let code = sqlite3_db_readonly(handle, nil) == 1 ? SQLITE_READONLY : sqlite3_exec(handle, "BEGIN IMMEDIATE", nil, nil, nil)
        // Busy is somebody who writes; whoever gets to see that may write as well.
        guard code != SQLITE_OK, code & 0xFF != SQLITE_BUSY else { return rollback() }
        guard code & 0xFF == SQLITE_READONLY else { throw failure(code) }
        let directory = StoreDirectory.parent(of: path)
        if let space = DiskSpace.look(at: directory), space.free < Connection.sharedMemoryBytes {
            throw .full(reason: "\(directory) has no room for SQLite's shared memory: free some space, and work goes on by itself")
        }
        throw .unavailable(
            reason: "\(path) could be opened for reading only; check its permissions, and how many files the process may have open")
    }

    /// Makes sure that the file at the path is still the one that was opened. SQLite itself goes on with a file that was moved or deleted:
    /// what it commits there nobody will ever find.
    func requireOwnFile() throws(JobStoreError) {
        var hasMoved: Int32 = 0
        let code = sqlite3_file_control(handle, nil, SQLITE_FCNTL_HAS_MOVED, &hasMoved)
        guard code == SQLITE_OK else { throw failure(code) }
        guard hasMoved == 0 else {
            throw .unavailable(
                reason:
                    "\(path) is not the file that was opened: was the store moved, deleted or restored? put it back, or end this process and start it again"
            )
        }
    }

    deinit {
        statements.removeAll()
        if isOwn { sqlite3_close_v2(handle) }
    }

    static let busyTimeout: Int32 = 3000

    /// The prepared form of `sql`.
    subscript(_ sql: SQL) -> Statement {
        get throws(JobStoreError) {
            if sql.number < statements.count, let statement = statements[sql.number] { return statement }
            let statement = try prepare(sql)
            if sql.number >= statements.count { statements += Array(repeating: nil, count: sql.number + 1 - statements.count) }
            statements[sql.number] = statement
            return statement
        }
    }

    /// A prepared form of `sql` of the caller's own, for statements that are stepped several at a time.
    func prepare(_ sql: SQL) throws(JobStoreError) -> Statement {
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql.text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK, let prepared else { throw failure(code) }
        return Statement(prepared, on: self)
    }

    /// Runs statements without parameters and results.
    func execute(_ text: String) throws(JobStoreError) {
        let code = sqlite3_exec(handle, text, nil, nil, nil)
        guard code == SQLITE_OK else { throw failure(code) }
    }

    /// The first column of the first row, for set-up and tests.
    func integer(_ text: String) throws(JobStoreError) -> Int64? {
        let statement = try prepare(SQL(text))
        return try statement.step() ? statement.integer(0) : nil
    }

    /// The first column of the first row as text, for set-up and tests.
    func text(_ text: String) throws(JobStoreError) -> String? {
        let statement = try prepare(SQL(text))
        return try statement.step() ? statement.optionalText(0) : nil
    }

    /// How many rows the last statement changed.
    var changes: Int { Int(sqlite3_changes(handle)) }

    /// The row key that the last insert into a table with one has given.
    var lastRowID: Int64 { sqlite3_last_insert_rowid(handle) }

    /// Begins a write transaction whose commit survives what `durability` says.
    func begin(_ durability: Durability) throws(JobStoreError) {
        if synchronous != durability {
            try execute(durability == .full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL")
            synchronous = durability
        }
        try self[TransactionSQL.begin].run()
    }

    func commit() throws(JobStoreError) { try self[TransactionSQL.commit].run() }

    /// Rolls back if a transaction is open. Errors are of no use to anyone: SQLite has rolled back by itself, or the connection is
    /// poisoned and about to be closed, which rolls back too.
    func rollback() {
        guard sqlite3_get_autocommit(handle) == 0 else { return }
        if sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) != SQLITE_OK { isPoisoned = true }
    }

    /// Moves the write-ahead log into the database and empties it. Only under the store's lock. `false`: a reader was in the way.
    func checkpoint() throws(JobStoreError) -> Bool {
        sqlite3_busy_timeout(handle, 100)
        defer { sqlite3_busy_timeout(handle, Connection.busyTimeout) }
        let code = sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
        if code & 0xFF == SQLITE_BUSY || code & 0xFF == SQLITE_LOCKED { return false }
        guard code == SQLITE_OK else { throw failure(code) }
        return true
    }

    /// What a result code means to the caller.
    func failure(_ code: Int32) -> JobStoreError {
        let text = String(cString: sqlite3_errmsg(handle))
        switch code & 0xFF {
        case SQLITE_FULL:
            return .full(reason: "\(path): \(text); free some space and try again")
        case SQLITE_BUSY, SQLITE_LOCKED:
            return .unavailable(reason: "\(path): \(text): another program is writing to the file; try again")
        case SQLITE_NOTADB:
            return .damaged(reason: "\(path) is not a SQLite database: \(Damage.advice(on: path))")
        case SQLITE_CORRUPT:
            isPoisoned = true
            return .damaged(reason: "\(path): \(text): \(Damage.advice(on: path))")
        case SQLITE_IOERR where isOutOfRoom:
            isPoisoned = true
            return .full(reason: "\(path): no room for its shared memory or its log (code \(code)); free some space and try again")
        case SQLITE_IOERR:
            isPoisoned = true
            return .unavailable(reason: "\(path): \(text) (code \(code)); see the system's log for the disk")
        case SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM:
            return .unavailable(reason: "\(path): \(text); check the permissions of the file and its directory")
        case SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_RANGE:
            return .refused(reason: "\(path): \(text)")
        default:
            return .unavailable(reason: "\(path): \(text) (code \(code))")
        }
    }
}

/// The frame of every write.
private enum TransactionSQL {
    /// Takes SQLite's own write lock at once: a deferred transaction that upgrades fails under contention.
    static let begin = SQL("BEGIN IMMEDIATE")
    /// Makes the transaction visible, and durable as `synchronous` says.
    static let commit = SQL("COMMIT")
}
