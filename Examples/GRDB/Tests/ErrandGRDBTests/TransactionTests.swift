// Orders and jobs in one GRDB transaction.

import Errand
import ErrandGRDB
import ErrandSQLite
import Foundation
import GRDB
import Testing

private struct Receipt: Job {
    static let kind = "receipt"
    var order: Int64
}

private struct Refused: Error {}

@Suite(.timeLimit(.minutes(2))) final class TransactionTests {
    private let path = NSTemporaryDirectory() + "errand-grdb-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            print("could not remove \(path): \(error)")
        }
    }

    private enum Kind: CaseIterable {
        case queue
        case pool
    }

    private func open(_ kind: Kind) throws -> any DatabaseWriter {
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        let file = path + "/shop.db"
        let writer: any DatabaseWriter =
            kind == .queue
            ? try DatabaseQueue(path: file, configuration: configuration) : try DatabasePool(path: file, configuration: configuration)
        try writer.write { db in try db.execute(sql: "CREATE TABLE orders(id INTEGER PRIMARY KEY, item TEXT)") }
        return writer
    }

    private func jobs(_ queue: JobQueue) async throws -> Int { try await queue.store.inspection.stats().counts.reduce(0) { $0 + $1.jobs } }

    @Test(arguments: Kind.allCases) private func `both are committed, or neither`(kind: Kind) async throws {
        let writer = try open(kind)
        let queue = try JobQueue.open(in: writer)
        let id = try await writer.write { db in
            try db.execute(sql: "INSERT INTO orders(item) VALUES('tea')")
            let order = db.lastInsertedRowID
            let id = try queue.enqueue(Receipt(order: order), in: db)
            #expect(db.lastInsertedRowID == order)
            return id
        }
        await #expect(throws: Refused.self) {
            try await writer.write { db in
                try db.execute(sql: "INSERT INTO orders(item) VALUES('milk')")
                try queue.enqueue(Receipt(order: db.lastInsertedRowID), in: db)
                throw Refused()
            }
        }
        // A savepoint of GRDB's is a part that can be undone alone.
        try await writer.write { db in
            try db.inSavepoint {
                try queue.enqueue(Receipt(order: 99), in: db)
                return .rollback
            }
            _ = try queue.enqueue(kind: "receipt", payload: Array("{\"order\":2}".utf8), in: db)
            _ = try queue.enqueue([NewJob(kind: "receipt", payload: Array("{\"order\":3}".utf8))], in: db)
        }
        #expect(try await writer.read { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM orders") } == 1)
        #expect(try await jobs(queue) == 3)
        #expect(try await queue.store.inspection.job(id)?.payload == Array("{\"order\":1}".utf8))
        try writer.close()
    }

    @Test func `a worker in another opening hears of the commit, and GRDB's observers of the rows`() async throws {
        let writer = try open(.pool)
        let queue = try JobQueue.open(in: writer)
        let other = try SQLiteStore.open(database: writer.path)
        defer { other.close() }
        let (rings, ring) = AsyncStream.makeStream(of: Void.self)
        let listener = other.store.doorbell.listen(to: [.work]) { _ in ring.yield() }
        defer { listener.stop() }
        let observation = ValueObservation.tracking { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM orders") ?? 0 }
        var seen = observation.values(in: writer).makeAsyncIterator()
        #expect(try await seen.next() == 0)
        try await writer.write { db in
            try queue.enqueue(Receipt(order: 1), in: db)
            try db.execute(sql: "INSERT INTO orders(item) VALUES('tea')")
        }
        var rung = rings.makeAsyncIterator()
        #expect(await rung.next() != nil)
        // The value before may be told again.
        while let orders = try await seen.next(), orders != 1 {}
    }

    @Test func `outside a transaction it is refused`() async throws {
        let writer = try open(.queue)
        let queue = try JobQueue.open(in: writer)
        await #expect(throws: EnqueueError.self) {
            try await writer.writeWithoutTransaction { db in _ = try queue.enqueue(Receipt(order: 1), in: db) }
        }
        #expect(try await jobs(queue) == 0)
    }
}
