// What becomes a store, what is one, and what is refused with a text that says what to do.

import CSQLite
import Errand
import ErrandSQLite
import Glibc
import Testing

@Suite struct OpeningTests {
    private func open(_ path: String, _ change: (inout SQLiteStoreOptions) -> Void = { _ in }) throws(JobStoreError) -> SQLiteStore {
        var options = SQLiteStoreOptions()
        change(&options)
        return try SQLiteStore.open(directory: path, options: options)
    }

    private func write(_ text: String, to path: String) {
        let file = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        _ = text.withCString { Glibc.write(file, $0, strlen($0)) }
        Glibc.close(file)
    }

    private func execute(_ sql: String, in path: String) {
        var database: OpaquePointer?
        #expect(sqlite3_open(path, &database) == SQLITE_OK)
        #expect(sqlite3_exec(database, sql, nil, nil, nil) == SQLITE_OK)
        sqlite3_close(database)
    }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        #expect(stat(path, &status) == 0, "\(path)")
        return status.st_mode & 0o777
    }

    @Test func `a missing directory becomes a store, parents included, for its owner alone`() async throws {
        let directory = TemporaryDirectory()
        let path = "\(directory.path)/a/b"
        let store = try open(path)
        _ = try await store.store.jobs.enqueue([NewJob(kind: "greet", payload: [])])
        _ = try await store.store.logs.totalBytes()
        let listener = store.store.doorbell.listen(to: [.work]) { _ in }
        defer { listener.stop() }
        #expect(mode(path) == 0o700)
        #expect(mode("\(path)/doorbells") == 0o700)
        for file in ["queue.db", "queue.db-wal", "queue.db-shm", "logs.db", "lock"] { #expect(mode("\(path)/\(file)") == 0o600, "\(file)") }
        let opened = Glibc.opendir("\(path)/doorbells")
        let bells = try #require(opened)
        defer { closedir(bells) }
        var sockets = 0
        while let entry = readdir(bells) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasPrefix(".") { continue }
            sockets += 1
            #expect(mode("\(path)/doorbells/\(name)") == 0o600)
        }
        #expect(sockets == 1)
    }

    @Test func `modes do not depend on the umask`() async {
        // The umask belongs to the process, so the test has one of its own.
        await #expect(processExitsWith: .success) {
            umask(0)
            let directory = TemporaryDirectory()
            let store = try SQLiteStore.open(directory: directory.path)
            _ = try await store.store.jobs.enqueue([NewJob(kind: "greet", payload: [])])
            _ = try await store.store.logs.totalBytes()
            for (name, expected) in [
                ("", 0o700), ("/doorbells", 0o700), ("/queue.db", 0o600), ("/queue.db-wal", 0o600), ("/logs.db", 0o600), ("/lock", 0o600),
            ] {
                var status = stat()
                guard stat(directory.path + name, &status) == 0, Int(status.st_mode & 0o777) == expected else {
                    fatalError("\(name) has mode \(String(status.st_mode & 0o777, radix: 8))")
                }
            }
        }
    }

    @Test func `without leave to create, a missing store is said to be missing and nothing is made`() {
        let directory = TemporaryDirectory()
        let error = #expect(throws: JobStoreError.self) { try open(directory.path) { $0.createIfMissing = false } }
        #expect(
            error == .unavailable(reason: "there is no store at \(directory.path); `errand enqueue` makes one, or name another directory"))
        #expect(access(directory.path, F_OK) != 0)
    }

    @Test func `a directory of other files is refused and left alone`() {
        let directory = TemporaryDirectory()
        mkdir(directory.path, 0o700)
        write("hello", to: "\(directory.path)/notes.txt")
        let error = #expect(throws: JobStoreError.self) { try open(directory.path) }
        #expect(
            error
                == .damaged(
                    reason: "\(directory.path) is not a store: it holds other files, such as notes.txt; name a new or empty directory"))
        #expect(access("\(directory.path)/lock", F_OK) != 0)
    }

    @Test func `remains without queue_db are damage that nobody touches`() {
        let directory = TemporaryDirectory()
        mkdir(directory.path, 0o700)
        write("", to: "\(directory.path)/logs.db")
        let error = #expect(throws: JobStoreError.self) { try open(directory.path) }
        #expect(
            error
                == .damaged(
                    reason: "\(directory.path) holds logs.db but no queue.db: restore it from a backup, or move the rest away to begin anew"
                ))
        #expect(access("\(directory.path)/queue.db", F_OK) != 0)
    }

    @Test func `a file in place of the directory is refused`() {
        let directory = TemporaryDirectory()
        write("hello", to: directory.path)
        let error = #expect(throws: JobStoreError.self) { try open(directory.path) }
        #expect(error == .damaged(reason: "\(directory.path) is not a directory; a store is a directory, so name another path"))
    }

    @Test func `a queue_db that is no database, or somebody else's, is refused`() throws {
        let directory = TemporaryDirectory()
        mkdir(directory.path, 0o700)
        let path = "\(directory.path)/queue.db"
        write(String(repeating: "this is no database. ", count: 100), to: path)
        let error = #expect(throws: JobStoreError.self) { try open(directory.path) }
        #expect(try #require(error).description.contains("\(path) is not a SQLite database: stop the workers and restore a backup"))
        unlink(path)
        execute("CREATE TABLE customer(id)", in: path)
        let other = #expect(throws: JobStoreError.self) { try open(directory.path) }
        #expect(other == .damaged(reason: "\(path) is a database of something else: it has no table errand_meta; name another directory"))
    }

    @Test func `a directory that cannot be written is not available`() {
        // Writing is refused there even to root.
        let error = #expect(throws: JobStoreError.self) { try open("/proc/sys/kernel/errand") }
        guard case .unavailable(let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.hasPrefix("cannot make the directory /proc/sys/kernel/errand: "))
    }

    @Test func `a newer schema is refused, and one that only says that older ones may write is not`() throws {
        let directory = TemporaryDirectory()
        try open(directory.path).close()
        execute("UPDATE errand_meta SET schema = 9", in: "\(directory.path)/queue.db")
        try open(directory.path).close()
        execute("UPDATE errand_meta SET min_writer = 9", in: "\(directory.path)/queue.db")
        let error = #expect(throws: JobStoreError.self) { try open(directory.path) }
        #expect(error == .newerSchema(found: 9, supported: 7))
    }

    @Test func `a periodic job that cannot be read keeps no other from being read, and is neither run nor resumed`() async throws {
        let directory = TemporaryDirectory()
        let store = try open(directory.path)
        let queue = JobQueue(store: store.store)
        for name in ["good", "strange"] {
            try await queue.setPeriodic(PeriodicJob(name, .every(.seconds(3600)), NewJob(kind: "k", payload: Array("{}".utf8))))
        }
        store.close()
        execute("UPDATE errand_periodic SET spec = '{}' WHERE name = 'strange'", in: "\(directory.path)/queue.db")
        let again = try open(directory.path)
        defer { again.close() }
        let other = JobQueue(store: again.store)
        #expect(try await other.periodicJobs().map { $0.problem == nil } == [true, false])
        #expect(try await other.pausePeriodic("strange"))
        await #expect(throws: JobStoreError.self) { try await other.resumePeriodic("strange") }
        await #expect(throws: JobStoreError.self) { try await other.runPeriodic("strange") }
        #expect(try await again.store.inspection.jobs(matching: JobSelector(), before: nil, limit: 9).jobs.isEmpty)
        #expect(try await other.removePeriodic("strange"))
    }

    @Test func `a store whose creation was cut is created by the next opener`() async throws {
        let directory = TemporaryDirectory()
        mkdir(directory.path, 0o755)
        write("", to: "\(directory.path)/lock")
        let store = try open(directory.path)
        _ = try await store.store.jobs.enqueue([NewJob(kind: "greet", payload: [])])
        #expect(mode(directory.path) == 0o700)
        let cut = TemporaryDirectory()
        mkdir(cut.path, 0o700)
        write("", to: "\(cut.path)/queue.db")
        _ = try await open(cut.path).store.jobs.enqueue([NewJob(kind: "greet", payload: [])])
    }

    @Test func `many openers at once make one store`() async throws {
        let directory = TemporaryDirectory()
        let ids = try await withThrowingTaskGroup(of: JobID.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let store = try SQLiteStore.open(directory: directory.path)
                    return try await store.store.jobs.enqueue([NewJob(kind: "greet", payload: [])])[0].id
                }
            }
            return try await group.reduce(into: Set<JobID>()) { $0.insert($1) }
        }
        #expect(ids.count == 8)
        #expect(try await open(directory.path).store.inspection.stats().counts.map(\.jobs) == [8])
    }

    @Test func `a closed store says so`() async throws {
        let directory = TemporaryDirectory()
        let store = try open(directory.path)
        store.close()
        await #expect(throws: JobStoreError.unavailable(reason: "the store is closed")) {
            try await store.store.jobs.enqueue([NewJob(kind: "greet", payload: [])])
        }
        await #expect(throws: JobStoreError.unavailable(reason: "the store is closed")) { try await store.store.inspection.stats() }
        await #expect(throws: JobStoreError.unavailable(reason: "the store is closed")) { try await store.store.logs.totalBytes() }
    }
}
