// A store in an application's own database: its tables stand beside the application's, and the rest of it in a directory beside the file.

public import Errand

#if canImport(Glibc)
import Glibc
#endif

/// The directory of a store whose tables are in an application's database. Its `queue.db` is a symbolic link to that file, so that whoever
/// knows the directory finds the database, and whoever knows the database the directory.
///
/// There is one directory for a database, and its name follows from the file's: two of them would be two lock files, and workers would take
/// each other for dead.
enum Embedding {
    /// The directory of the store in the database at `path`, which is resolved as SQLite resolves it: a database has one store, whatever
    /// name it is called by.
    static func directory(of path: String) -> String {
        let database = StoreDirectory.resolved(path) ?? path
        return ownStore(of: database) ?? "\(database)-errand"
    }

    /// The directory of a store whose own file `database` is: it has its locks there, and a second directory would have others.
    private static func ownStore(of database: String) -> String? {
        let directory = StoreDirectory.parent(of: database)
        return database.hasSuffix("/queue.db") && StoreDirectory.exists("\(directory)/lock") ? directory : nil
    }

    /// Makes sure that the directory of the store in the database at `path` is there, and gives its path.
    static func prepare(_ path: String, createIfMissing: Bool) throws(JobStoreError) -> String {
        guard let database = try find(path, createIfMissing: createIfMissing) else {
            throw .unavailable(reason: "there is no database at \(path); name the application's own")
        }
        if let store = ownStore(of: database) { return store }
        let directory = "\(database)-errand"
        let link = "\(directory)/queue.db"
        if !StoreDirectory.exists(link) {
            guard createIfMissing else {
                throw .unavailable(reason: "there are no jobs in \(path) yet: `errand embed \(path)` makes the tables, once")
            }
            try check(database)
            guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
                throw .unavailable(
                    reason: "cannot make the directory \(directory): \(errnoText(errno)); check the permissions of its parent")
            }
            let name = database.split(separator: "/").last.map(String.init) ?? database
            // Relative, so that both may be moved together.
            guard symlink("../\(name)", link) == 0 || errno == EEXIST else {
                throw .unavailable(reason: "cannot make \(link): \(errnoText(errno)); check the permissions of its directory")
            }
        }
        guard StoreDirectory.resolved(link) == database else {
            throw .unavailable(
                reason:
                    "\(directory) does not belong to \(database): its queue.db leads elsewhere; was one of them moved? move it back, or that directory away"
            )
        }
        return directory
    }

    /// The database at `path` with all links resolved, made if that is wanted; `nil` when there is none.
    private static func find(_ path: String, createIfMissing: Bool) throws(JobStoreError) -> String? {
        if let database = StoreDirectory.resolved(path) {
            var status = stat()
            guard stat(database, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                throw .refused(reason: "\(path) is not a file: name the application's database, or open a store in a directory of its own")
            }
            guard status.st_nlink < 2 else {
                throw .refused(
                    reason:
                        "\(path) has a second name (a hard link): two names are two logs and two locks; remove one, or name a copy of it")
            }
            return database
        }
        guard !StoreDirectory.exists("\(path)-errand") else {
            throw .unavailable(
                reason: "\(path) is not there, and \(path)-errand belongs to it: was the database moved or deleted? put it back")
        }
        guard createIfMissing else { return nil }
        try StoreDirectory(path: StoreDirectory.parent(of: path)).makeFile(path)
        return StoreDirectory.resolved(path)
    }

    /// Makes sure that Errand can live in the database at `path`, before anything is made beside it.
    private static func check(_ path: String) throws(JobStoreError) {
        guard access(path, W_OK) == 0, access(StoreDirectory.parent(of: path), W_OK) == 0 else {
            throw .unavailable(reason: "\(path) and its directory must be writable: \(errnoText(errno)); nothing was changed")
        }
        do throws(JobStoreError) {
            let connection = try Connection(path: path, queryOnly: true)
            let names = try connection.text("SELECT group_concat(name, ', ') FROM sqlite_schema WHERE name LIKE 'errand\\_%' ESCAPE '\\'")
            let isErrands = try connection.integer("SELECT 1 FROM pragma_table_info('errand_meta') WHERE name = 'min_writer'") != nil
            guard names == nil || isErrands else {
                throw JobStoreError.refused(
                    reason: "\(path) has \(names ?? "") of its own, and names that begin with errand_ are Errand's; nothing was changed")
            }
            try check(connection)
        } catch {
            guard case .damaged = error else { throw error }
            throw .refused(reason: "\(path) is not a SQLite database, or a damaged one; nothing was changed")
        }
    }

    /// Makes sure that Errand can live in a database that is there already.
    static func check(_ connection: Connection) throws(JobStoreError) {
        let encoding = try connection.text("PRAGMA encoding") ?? ""
        guard encoding == "UTF-8" else {
            throw .refused(
                reason: "\(connection.path) keeps its texts as \(encoding), and payloads are UTF-8: let Errand have a directory of its own")
        }
    }
}

extension SQLiteStore {
    /// Opens the store in an application's own database, so that jobs can be enqueued in the application's transactions
    /// (`JobQueue.enqueue(_:in:)`): its tables, whose names begin with `errand_`, stand beside the application's. What else a store has
    /// (logs, locks, doorbells) is in a directory beside the file that has its name and `-errand`; with that name, or the file's own, the
    /// command finds it (`errand work --store shop.db`).
    ///
    /// The database is in WAL mode from then on. Let the application's connections wait for each other (`sqlite3_busy_timeout`), begin what
    /// writes with `BEGIN IMMEDIATE`, and leave checkpoints to Errand (`PRAGMA wal_autocheckpoint=0`).
    /// - Parameters:
    ///   - database: the path of the file. One that is missing is made, unless `options` says otherwise. The `queue.db` of a store's
    ///     directory is that store.
    ///   - options: how to open it.
    /// - Throws: as ``open(directory:options:)``, and ``JobStoreError/refused(reason:)`` for a database whose texts are UTF-16.
    public static func open(database: String, options: SQLiteStoreOptions = SQLiteStoreOptions()) throws(JobStoreError) -> SQLiteStore {
        try FileSystem.refuseNetworks(at: StoreDirectory.parent(of: database), asking: options.fileSystem)
        return try open(directory: try Embedding.prepare(database, createIfMissing: options.createIfMissing), options: options)
    }

    /// The directory of the store in the database at `path`, whether or not there is one.
    package static func directory(ofDatabase path: String) -> String { Embedding.directory(of: path) }

    /// The file that holds the tables of the store in `directory`: its `queue.db`, or where that leads.
    package static func database(in directory: String) -> String { StoreDirectory(path: directory).queue }
}
