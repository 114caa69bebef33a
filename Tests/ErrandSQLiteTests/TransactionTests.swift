// Enqueueing inside the application's own transaction: both are there, or neither.

import CSQLite
import Errand
import ErrandContext
import ErrandTesting
import Glibc
import Synchronization
import Testing

@testable import ErrandSQLite

/// A shop whose orders and jobs are in one database.
private final class Shop {
    let directory = TemporaryDirectory()
    let sqlite: SQLiteStore
    let queue: JobQueue
    let connection: Application

    var database: String { "\(directory.path)/shop.db" }

    init() throws {
        mkdir(directory.path, 0o700)
        let path = "\(directory.path)/shop.db"
        connection = try Application(path)
        try connection.run("CREATE TABLE orders(id INTEGER PRIMARY KEY, item TEXT NOT NULL)")
        sqlite = try SQLiteStore.open(database: path)
        queue = JobQueue(store: sqlite.store)
    }

    func begin() throws { try connection.run("BEGIN IMMEDIATE; INSERT INTO orders(item) VALUES('tea')") }

    func jobs() async throws -> Int { try await queue.store.inspection.stats().counts.reduce(0) { $0 + $1.jobs } }

    func orders() throws -> Int { try connection.number("SELECT count(*) FROM orders") }

    /// What an enqueue on `connection` says when it is refused.
    func refusal(on connection: OpaquePointer) -> String? {
        do throws(EnqueueError) {
            try queue.enqueue(Receipt(order: 1), in: connection)
            return nil
        } catch {
            return error.description
        }
    }
}

private struct Receipt: Job {
    static let kind = "receipt"
    var order: Int
}

@Suite(.timeLimit(.minutes(5))) struct TransactionTests {
    @Test func `a job is there when the transaction commits, and never was when it is rolled back`() async throws {
        let shop = try Shop()
        try shop.begin()
        let id = try shop.queue.enqueue(Receipt(order: 1), in: shop.connection.handle)
        #expect(try await shop.jobs() == 0)
        try shop.connection.run("COMMIT")
        let job = try #require(try await shop.queue.store.inspection.job(id))
        #expect(job.summary.state == .available)
        #expect(job.payload == Array("{\"order\":1}".utf8))

        try shop.begin()
        let gone = try shop.queue.enqueue(Receipt(order: 2), in: shop.connection.handle)
        try shop.connection.run("ROLLBACK")
        #expect(try await shop.queue.store.inspection.job(gone) == nil)
        #expect(try shop.orders() == 1)

        // And with a part of it.
        try shop.connection.run("BEGIN IMMEDIATE; SAVEPOINT part")
        try shop.queue.enqueue(Receipt(order: 3), in: shop.connection.handle)
        try shop.connection.run("ROLLBACK TO part; RELEASE part; INSERT INTO orders(item) VALUES('milk'); COMMIT")
        #expect(try shop.orders() == 2)
        #expect(try await shop.jobs() == 1)
    }

    @Test func `everything that holds for an enqueue holds there`() async throws {
        let shop = try Shop()
        let handle = shop.connection.handle
        try shop.begin()
        let first = try shop.queue.enqueue(Receipt(order: 1), options: EnqueueOptions { $0.key = "order-1" }, in: handle)
        #expect(try shop.queue.enqueue(Receipt(order: 1), options: EnqueueOptions { $0.key = "order-1" }, in: handle) == first)
        let conflict = #expect(throws: EnqueueError.self) {
            try shop.queue.enqueue(Receipt(order: 2), options: EnqueueOptions { $0.key = "order-1" }, in: handle)
        }
        #expect(conflict == .keyConflict(key: "order-1", existing: first))
        let unique = EnqueueOptions { $0.uniqueness = Uniqueness(key: "one") }
        let owner = try shop.queue.enqueue(Receipt(order: 3), options: unique, in: handle)
        let taken = #expect(throws: EnqueueError.self) { try shop.queue.enqueue(Receipt(order: 4), options: unique, in: handle) }
        #expect(taken == .uniqueConflict(key: "one", existing: owner))
        let later = try shop.queue.enqueue(
            Receipt(order: 5),
            options: EnqueueOptions {
                $0.after = [Dependency(.job(first))]
                $0.tags = ["late"]
                $0.limitKey = "acme"
            }, in: handle)
        let batch = try shop.queue.enqueue(
            (0..<50).map { number in NewJob(kind: "receipt", payload: Array("{\"order\":\(number)}".utf8)) }, in: handle)
        #expect(Set(batch.map(\.id)).count == 50)
        // What is wrong is told before anything is written.
        let wrong = #expect(throws: EnqueueError.self) {
            _ = try shop.queue.enqueue(kind: "receipt", payload: Array("{".utf8), in: handle)
        }
        guard case .invalid? = wrong else {
            Issue.record("\(String(describing: wrong))")
            return
        }
        try shop.connection.run("COMMIT")
        let inspection = shop.queue.store.inspection
        #expect(try await inspection.job(later)?.summary.state == .blocked)
        #expect(try await inspection.job(later)?.terms.tags == ["late"])
        #expect(try await shop.jobs() == 53)
        let events = try #require(shop.queue.store.events)
        let told = try await events.events(after: EventCursor(rawValue: 0), limit: 1000).events.filter { $0.change == .enqueued }
        #expect(told.count == 53)
    }

    @Test func `a job that cannot be taken in leaves the transaction as it was`() async throws {
        let shop = try Shop()
        try shop.begin()
        let missing = JobID(rawValue: 1)
        let error = #expect(throws: EnqueueError.self) {
            try shop.queue.enqueue(
                [
                    NewJob(kind: "receipt", payload: Array("{}".utf8)),
                    {
                        var job = NewJob(kind: "receipt", payload: Array("{}".utf8))
                        job.after = [Dependency(.job(missing))]
                        return job
                    }(),
                ], in: shop.connection.handle)
        }
        guard case .store(.refused)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        try shop.connection.run("COMMIT")
        #expect(try shop.orders() == 1)
        #expect(try await shop.jobs() == 0)
    }

    @Test func `the application's own row ID stays the last one, and its connection can be closed`() throws {
        let shop = try Shop()
        let connection = try Application(shop.database)
        try connection.run("BEGIN IMMEDIATE; INSERT INTO orders(id, item) VALUES(4711, 'tea')")
        try shop.queue.enqueue(Receipt(order: 4711), in: connection.handle)
        #expect(sqlite3_last_insert_rowid(connection.handle) == 4711)
        try connection.run("COMMIT")
        #expect(try connection.texts("PRAGMA synchronous") == ["2"])
        // Closing it is checked when it goes.
    }

    @Test func `checkpoints are Errand's from the first job on, and the log is emptied though nobody else commits`() async throws {
        let shop = try Shop()
        let connection = try Application(shop.database)
        #expect(try connection.number("PRAGMA wal_autocheckpoint") == 1000)
        try connection.run("BEGIN IMMEDIATE")
        try shop.queue.enqueue(Receipt(order: 1), in: connection.handle)
        try connection.run("COMMIT")
        #expect(
            try connection.number("PRAGMA wal_autocheckpoint") == (SQLiteLibrary.hasResetDefect(SQLiteLibrary.versionNumber) ? 0 : 1000))
        var status = stat()
        while stat("\(shop.database)-wal", &status) == 0, status.st_size > 0 { await Task.yield() }
    }

    @Test func `a connection that cannot be used is refused with the way out`() throws {
        let shop = try Shop()
        #expect(
            shop.refusal(on: shop.connection.handle)
                == "no transaction is open on the connection: begin one (BEGIN IMMEDIATE), or enqueue without naming a connection")
        let other = try Application("\(shop.directory.path)/other.db")
        try other.run("CREATE TABLE t(x); BEGIN IMMEDIATE")
        #expect(
            shop.refusal(on: other.handle)?.hasPrefix(
                "the connection is to \(shop.directory.path)/other.db, and the jobs are in \(shop.database): ") == true)
        let memory = try Application(":memory:")
        try memory.run("BEGIN")
        #expect(shop.refusal(on: memory.handle)?.hasPrefix("the connection has no file: ") == true)
    }

    @Test func `a temporary table with a name of ours is refused, which would stand before the real one`() async throws {
        let shop = try Shop()
        try shop.connection.run("CREATE TEMP TABLE errand_job(id INTEGER PRIMARY KEY)")
        try shop.begin()
        #expect(shop.refusal(on: shop.connection.handle)?.hasPrefix("the connection has a temporary errand_job") == true)
        try shop.connection.run("COMMIT; DROP TABLE temp.errand_job; BEGIN IMMEDIATE")
        #expect(shop.refusal(on: shop.connection.handle) == nil)
        try shop.connection.run("COMMIT")
    }

    @Test func `what the same transaction has enqueued by plain SQL is there for it, and comes first`() async throws {
        let shop = try Shop()
        try shop.begin()
        try shop.connection.run("INSERT INTO errand_enqueue(kind, key, unique_key, sequence) VALUES('receipt', 'first', 'one', 'row')")
        let text = try shop.connection.texts("SELECT id FROM errand_enqueue WHERE key = 'first'")
        let first = try #require(text.first.flatMap { JobID($0) })
        let after = try shop.queue.enqueue(
            Receipt(order: 1), options: EnqueueOptions { $0.after = [Dependency(.job(first))] }, in: shop.connection.handle)
        let second = try shop.queue.enqueue(
            Receipt(order: 2), options: EnqueueOptions { $0.sequence = JobSequence("row") }, in: shop.connection.handle)
        let taken = #expect(throws: EnqueueError.self) {
            try shop.queue.enqueue(
                Receipt(order: 3), options: EnqueueOptions { $0.uniqueness = Uniqueness(key: "one") }, in: shop.connection.handle)
        }
        #expect(taken == .uniqueConflict(key: "one", existing: first))
        try shop.connection.run("COMMIT")
        let inspection = shop.queue.store.inspection
        #expect(try await inspection.job(first)?.summary.state == .available)
        #expect(try await inspection.job(after)?.summary.state == .blocked)
        #expect(try await inspection.job(second)?.summary.state == .waiting)
    }

    @Test func `a transaction that has read what is old by now is told to begin anew`() async throws {
        let shop = try Shop()
        try shop.connection.run("BEGIN")
        #expect(try shop.orders() == 0)
        try await shop.queue.enqueue(Receipt(order: 1))
        let said = try #require(shop.refusal(on: shop.connection.handle))
        #expect(said.hasSuffix("roll it back, and begin it with BEGIN IMMEDIATE"))
        try shop.connection.run("ROLLBACK")
        #expect(try await shop.jobs() == 1)
    }

    @Test func `a connection of another SQLite library is refused before it is touched`() throws {
        let shop = try Shop()
        let library = try OtherSQLite(in: shop.directory.path)
        let handle = try library.open(shop.database)
        defer { library.close(handle) }
        #expect(handle != shop.connection.handle)
        let said = try #require(shop.refusal(on: handle))
        #expect(
            said.hasPrefix("the connection belongs to another SQLite library than Errand's (\(String(cString: sqlite3_libversion()))): "))
        #expect(said.contains("can be corrupted"))
        // By itself it is as good as any.
        #expect(library.execute("BEGIN IMMEDIATE; ROLLBACK", on: handle))
    }

    @Test func `inside an execution the job records it as its parent`() async throws {
        let shop = try Shop()
        let connection = shop.connection
        try shop.begin()
        let execution = ExecutionID(JobID(rawValue: 77 << 22), 3)
        let trace = try #require(TraceContext(traceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
        let now = Timestamp(microseconds: 0)
        let context = ExecutionContext(
            executionID: execution, attempt: 1, maxAttempts: 1, queue: "default", kind: "order", parent: nil, root: nil, trace: trace,
            meta: [:], sink: DeafSink(), now: { now })
        let id = try await context.run { try shop.queue.enqueue(Receipt(order: 1), in: connection.handle) }
        try shop.connection.run("COMMIT")
        let job = try #require(try await shop.queue.store.inspection.job(id))
        #expect(job.parent == execution)
        #expect(job.trace?.traceID == "0af7651916cd43dd8448eb211c80319c")
    }

    @Test func `middlewares stand around it as long as they wait for nothing`() async throws {
        let shop = try Shop()
        var queue = shop.queue
        let seen = Mutex<[Int]>([])
        queue.middleware = [
            EnqueueMiddleware { (jobs, next) async throws(EnqueueError) in
                let results = try await next(
                    jobs.map { job in
                        var job = job
                        job.meta["region"] = "eu"
                        return job
                    })
                seen.withLock { $0.append(results.count) }
                return results
            },
            EnqueueMiddleware { (jobs, next) async throws(EnqueueError) in
                if jobs.contains(where: { $0.kind == "secret" }) { throw EnqueueError.invalid(reason: "not here") }
                return try await next(jobs)
            },
        ]
        try shop.begin()
        let id = try queue.enqueue(Receipt(order: 1), in: shop.connection.handle)
        let refused = #expect(throws: EnqueueError.self) {
            _ = try queue.enqueue(kind: "secret", payload: Array("{}".utf8), in: shop.connection.handle)
        }
        #expect(refused == .invalid(reason: "not here"))
        try shop.connection.run("COMMIT")
        #expect(try await queue.store.inspection.job(id)?.summary.meta == ["region": "eu"])
        #expect(seen.withLock { $0 } == [1])
    }

    @Test func `a middleware that waits is refused, and comes too late to write`() async throws {
        let shop = try Shop()
        var queue = shop.queue
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let (said, say) = AsyncStream.makeStream(of: String.self)
        queue.middleware = [
            EnqueueMiddleware { (jobs, next) async throws(EnqueueError) in
                for await _ in gate { break }
                do throws(EnqueueError) {
                    return try await next(jobs)
                } catch {
                    say.yield(error.description)
                    throw error
                }
            }
        ]
        try shop.begin()
        let error = #expect(throws: EnqueueError.self) { try queue.enqueue(Receipt(order: 1), in: shop.connection.handle) }
        #expect(error?.description.hasPrefix("a middleware of this queue waits for something") == true)
        open.yield()
        var late = said.makeAsyncIterator()
        #expect(await late.next() == "the transaction that this middleware goes on with is over")
        try shop.connection.run("COMMIT")
        #expect(try await shop.jobs() == 0)
    }

    @Test func `a middleware that waits or fails behind the store leaves nothing in the transaction`() async throws {
        let shop = try Shop()
        var queue = shop.queue
        let (gate, _) = AsyncStream.makeStream(of: Void.self)
        try shop.begin()
        for waits in [true, false] {
            queue.middleware = [
                EnqueueMiddleware { (jobs, next) async throws(EnqueueError) in
                    let results = try await next(jobs)
                    guard waits else { throw .invalid(reason: "too late") }
                    for await _ in gate { break }
                    return results
                }
            ]
            #expect(throws: EnqueueError.self) { try queue.enqueue(Receipt(order: 1), in: shop.connection.handle) }
        }
        try shop.connection.run("COMMIT")
        #expect(try shop.orders() == 1)
        #expect(try await shop.jobs() == 0)
    }

    @Test func `a store in memory says that it takes part in no transaction`() throws {
        let shop = try Shop()
        try shop.begin()
        let error = #expect(throws: EnqueueError.self) {
            try JobQueue(store: ModelStore().store).enqueue(Receipt(order: 1), in: shop.connection.handle)
        }
        #expect(error?.description.hasPrefix("this store takes part in no transaction") == true)
        try shop.connection.run("ROLLBACK")
    }

    @Test func `transactions of many threads beside the store's own writer keep orders and jobs together`() async throws {
        let shop = try Shop()
        let (queue, database) = (shop.queue, shop.database)
        let (threads, rounds) = (4, 50)
        try await withThrowingTaskGroup { group in
            for thread in 0..<threads {
                group.addTask {
                    let connection = try Application(database)
                    try connection.run("PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=NORMAL")
                    for round in 0..<rounds {
                        let order = thread * rounds + round + 1
                        try connection.run("BEGIN IMMEDIATE; INSERT INTO orders(id, item) VALUES(\(order), 'tea')")
                        try queue.enqueue(Receipt(order: order), options: EnqueueOptions { $0.key = "\(order)" }, in: connection.handle)
                        try connection.run(round % 3 == 0 ? "ROLLBACK" : "COMMIT")
                        queue.ringDoorbell()
                    }
                }
            }
            group.addTask {
                for number in 0..<100 { try await queue.enqueue(Receipt(order: -number - 1)) }
            }
            try await group.waitForAll()
        }
        let orders = Set(try shop.connection.texts("SELECT id FROM orders"))
        let keys = Set(try shop.connection.texts("SELECT key FROM errand_idempotency"))
        #expect(orders == keys)
        #expect(orders.count == threads * (rounds - (rounds + 2) / 3))
        #expect(try await shop.jobs() == orders.count + 100)
        #expect(try shop.connection.texts("PRAGMA integrity_check") == ["ok"])
    }
}

/// Hears of no line.
private struct DeafSink: LogSink {
    let room = LogRoom(limit: 1 << 20)

    func hasLines(_ log: ExecutionLog, isUrgent: Bool) {}
}

/// A second copy of the SQLite library in this process.
private struct OtherSQLite {
    private typealias Open = @convention(c) (UnsafePointer<CChar>, UnsafeMutablePointer<OpaquePointer?>) -> Int32
    private typealias Close = @convention(c) (OpaquePointer?) -> Int32
    private typealias Execute =
        @convention(c) (
            OpaquePointer?, UnsafePointer<CChar>, OpaquePointer?, UnsafeMutableRawPointer?, OpaquePointer?
        ) -> Int32

    private let library: UnsafeMutableRawPointer

    /// Loads a copy of the file that this process has its own from: the same file would be the same library.
    init(in directory: String) throws {
        // By what is mapped: `dladdr` is not among what Glibc shows to Swift.
        let name = try String(contentsOfMaps: "libsqlite3.so")
        let copy = "\(directory)/libother.so"
        let (from, to) = (Glibc.open(name, O_RDONLY), Glibc.open(copy, O_WRONLY | O_CREAT, 0o700))
        defer {
            Glibc.close(from)
            Glibc.close(to)
        }
        var status = stat()
        fstat(from, &status)
        guard sendfile(to, from, nil, Int(status.st_size)) == Int(status.st_size) else { throw SQLiteMessage(text: "it cannot be copied") }
        // RTLD_DEEPBIND: its calls of itself stay within it.
        guard let library = dlopen(copy, RTLD_NOW | RTLD_LOCAL | 0x8) else { throw SQLiteMessage(text: String(cString: dlerror())) }
        self.library = library
    }

    // Proof: the names are those of sqlite3.h, and the types beside them spell out their declarations there.
    private func function<Type>(_ name: String, as type: Type.Type) -> Type { unsafeBitCast(dlsym(library, name), to: type) }

    func open(_ path: String) throws -> OpaquePointer {
        var handle: OpaquePointer?
        guard function("sqlite3_open", as: Open.self)(path, &handle) == SQLITE_OK, let handle else { throw SQLiteMessage(text: path) }
        return handle
    }

    func close(_ handle: OpaquePointer) { _ = function("sqlite3_close", as: Close.self)(handle) }

    func execute(_ sql: String, on handle: OpaquePointer) -> Bool {
        function("sqlite3_exec", as: Execute.self)(handle, sql, nil, nil, nil) == SQLITE_OK
    }
}

extension String {
    /// The path of the mapped file whose name holds `name`.
    fileprivate init(contentsOfMaps name: String) throws {
        guard let maps = fopen("/proc/self/maps", "r") else { throw SQLiteMessage(text: "/proc/self/maps") }
        defer { fclose(maps) }
        var line: UnsafeMutablePointer<CChar>?
        var size = 0
        defer { free(line) }
        while getline(&line, &size, maps) > 0, let line {
            let text = String(cString: line)
            if text.contains(name), let start = text.firstIndex(of: "/") {
                self = String(text[start...].dropLast())
                return
            }
        }
        throw SQLiteMessage(text: "\(name) is not mapped")
    }
}
