// A store in an application's own database: found by either name, and kept apart from what is not its.

import CSQLite
import Errand
import ErrandContext
import Glibc
import Testing

@testable import ErrandSQLite

@Suite(.timeLimit(.minutes(5))) struct EmbeddingTests {
    private let directory = TemporaryDirectory()
    private var database: String { "\(directory.path)/shop.db" }

    init() throws {
        mkdir(directory.path, 0o700)
        try Application(database).run("CREATE TABLE orders(id INTEGER PRIMARY KEY, item TEXT); INSERT INTO orders(item) VALUES('tea')")
    }

    private func enqueue(_ store: SQLiteStore) async throws -> JobID {
        try #require(try await store.store.jobs.enqueue([NewJob(kind: "greet", payload: Array("{}".utf8))]).first).id
    }

    private func failure(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "nothing"
        } catch {
            let text = "\(error)"
            let prefix = "the store is not available: "
            return text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
        }
    }

    @Test func `the tables stand beside the application's, and the store is found by either name`() async throws {
        let store = try SQLiteStore.open(database: database)
        let id = try await enqueue(store)
        let application = try Application(database)
        #expect(try application.texts("SELECT item FROM orders") == ["tea"])
        #expect(try application.texts("PRAGMA journal_mode") == ["wal"])
        #expect(try application.number("SELECT count(*) FROM errand_job") == 1)
        store.close()
        var status = stat()
        #expect(stat("\(database)-errand", &status) == 0)
        #expect(status.st_mode & 0o777 == 0o700)
        for again in [try SQLiteStore.open(database: database), try SQLiteStore.open(directory: "\(database)-errand")] {
            #expect(try await again.store.inspection.job(id) != nil)
            again.close()
        }
        // By a name that leads to it, too, it is one store and not two.
        symlink("shop.db", "\(directory.path)/link.db")
        let linked = try SQLiteStore.open(database: "\(directory.path)/link.db")
        #expect(try await linked.store.inspection.job(id) != nil)
        linked.close()
        #expect(!StoreDirectory.exists("\(directory.path)/link.db-errand"))
    }

    @Test func `what is known of the store's sizes and room is that of the database`() async throws {
        let store = try SQLiteStore.open(database: database)
        defer { store.close() }
        _ = try await enqueue(store)
        let files = try await store.store.inspection.metrics().files
        #expect(files["shop.db"] ?? 0 > 0)
        #expect(files["shop.db-wal"] ?? 0 > 0)
    }

    @Test func `a database that is not there is made, unless that is not wanted`() async throws {
        let path = "\(directory.path)/new.db"
        var options = SQLiteStoreOptions()
        options.createIfMissing = false
        #expect(
            failure { _ = try SQLiteStore.open(database: path, options: options) }
                == "there is no database at \(path); name the application's own")
        #expect(
            failure { _ = try SQLiteStore.open(database: database, options: options) }
                == "there are no jobs in \(database) yet: `errand embed \(database)` makes the tables, once")
        let store = try SQLiteStore.open(database: path)
        _ = try await enqueue(store)
        store.close()
    }

    @Test func `both may be moved together, and neither alone`() async throws {
        let store = try SQLiteStore.open(database: database)
        let id = try await enqueue(store)
        store.close()
        let home = "\(directory.path)/moved"
        mkdir(home, 0o700)
        rename(database, "\(home)/shop.db")
        #expect(
            failure { _ = try SQLiteStore.open(directory: "\(database)-errand") }.hasPrefix(
                "\(database)-errand belongs to a database that is not there any more: "))
        #expect(!StoreDirectory.exists(database))
        for end in ["-errand", "-wal", "-shm"] { rename(database + end, "\(home)/shop.db\(end)") }
        let moved = try SQLiteStore.open(database: "\(home)/shop.db")
        #expect(try await moved.store.inspection.job(id) != nil)
        moved.close()
        // Under another name the directory is another database's.
        rename("\(home)/shop.db", "\(home)/store.db")
        rename("\(home)/shop.db-errand", "\(home)/store.db-errand")
        try Application("\(home)/shop.db").run("CREATE TABLE t(x)")
        #expect(
            failure { _ = try SQLiteStore.open(database: "\(home)/store.db") }.hasPrefix(
                "\(home)/store.db-errand does not belong to \(home)/store.db: "))
    }

    @Test func `what cannot be shared is refused`() throws {
        mkdir("\(directory.path)/folder", 0o700)
        #expect(failure { _ = try SQLiteStore.open(database: "\(directory.path)/folder") }.contains(" is not a file: "))
        let wide = "\(directory.path)/wide.db"
        try Application(wide).run("PRAGMA encoding='UTF-16'; CREATE TABLE t(x)")
        #expect(failure { _ = try SQLiteStore.open(database: wide) }.contains("keeps its texts as UTF-16"))
        try Application(wide).run("SELECT * FROM t")
        #expect(try Application(wide).number("SELECT count(*) FROM sqlite_schema") == 1)
        // Nor does a database become a store because it lies where one is looked for.
        #expect(failure { _ = try SQLiteStore.open(directory: database) }.contains("is not a directory"))
    }

    @Test func `a store's own file is that store, and what is no database stays as it is`() async throws {
        let plain = "\(directory.path)/plain"
        let first = try SQLiteStore.open(directory: plain)
        let id = try await enqueue(first)
        // With locks of its own beside the others its workers would take each other for dead.
        let again = try SQLiteStore.open(database: "\(plain)/queue.db")
        #expect(try await again.store.inspection.job(id) != nil)
        #expect(again.core.lock.path == first.core.lock.path)
        #expect(SQLiteStore.directory(ofDatabase: "\(plain)/queue.db") == plain)
        #expect(!StoreDirectory.exists("\(plain)/queue.db-errand"))
        first.close()
        again.close()

        let text = "\(directory.path)/text.db"
        let file = try #require(fopen(text, "w"))
        fputs("This is a text, and long enough to be read as the first page of a database, were it one.\n", file)
        fclose(file)
        #expect(
            failure { _ = try SQLiteStore.open(database: text) }
                == "\(text) is not a SQLite database, or a damaged one; nothing was changed")
        #expect(!StoreDirectory.exists("\(text)-errand"))
    }

    @Test func `a database with a second name, with names of ours, or in the place of another one is refused`() async throws {
        let store = try SQLiteStore.open(database: database)
        _ = try await enqueue(store)
        store.close()
        link(database, "\(directory.path)/twin.db")
        for name in ["shop.db", "twin.db"] {
            #expect(failure { _ = try SQLiteStore.open(database: "\(directory.path)/\(name)") }.contains("has a second name (a hard link)"))
        }
        unlink("\(directory.path)/twin.db")
        // Moved away, and another one put in its place.
        for end in ["", "-wal", "-shm"] { rename("\(database)\(end)", "\(directory.path)/old.db\(end)") }
        #expect(failure { _ = try SQLiteStore.open(database: database) }.contains("put it back"))
        #expect(!StoreDirectory.exists(database))
        try Application(database).run("CREATE TABLE t(x)")
        for open in [{ try SQLiteStore.open(database: self.database) }, { try SQLiteStore.open(directory: "\(self.database)-errand") }] {
            #expect(failure { _ = try open() }.contains("has no jobs any more"))
        }
        #expect(try Application(database).texts("SELECT name FROM sqlite_schema") == ["t"])
        let own = "\(directory.path)/own.db"
        try Application(own).run("CREATE TABLE errand_inbox(mine)")
        #expect(failure { _ = try SQLiteStore.open(database: own) }.hasPrefix("\(own) has errand_inbox of its own"))
        #expect(try Application(own).texts("PRAGMA journal_mode") == ["delete"])
        #expect(!StoreDirectory.exists("\(own)-errand"))
    }

    @Test func `processes and threads that embed at the same moment make one store`() async throws {
        let path = database
        let ids = try await withThrowingTaskGroup(of: JobID.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let store = try SQLiteStore.open(database: path)
                    defer { store.close() }
                    return try await self.enqueue(store)
                }
            }
            return try await group.reduce(into: Set<JobID>()) { $0.insert($1) }
        }
        #expect(ids.count == 8)
        #expect(try Application(database).number("SELECT count(*) FROM errand_job") == 8)
    }

    @Test func `a backup of it is a store in a directory of its own, with the application's tables in it`() async throws {
        let store = try SQLiteStore.open(database: database)
        defer { store.close() }
        let id = try await enqueue(store)
        let copy = "\(directory.path)/copy"
        _ = try await store.backup(to: copy)
        #expect(try Application("\(copy)/queue.db").texts("SELECT item FROM orders") == ["tea"])
        let restored = try SQLiteStore.open(directory: copy)
        defer { restored.close() }
        #expect(try await restored.store.inspection.job(id) != nil)
    }
}
