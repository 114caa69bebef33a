// A shop that takes an order and enqueues its receipt in one transaction, and sends the receipt.

import Errand
import ErrandGRDB
import ErrandSQLite
import GRDB

struct Order: Codable, FetchableRecord, MutablePersistableRecord {
    static let databaseTableName = "orders"
    var id: Int64?
    var item: String

    mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
}

struct SendReceipt: Job {
    static let kind = "receipt"
    var order: Int64
}

@main struct Shop {
    static func main() async throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        // Errand empties the write-ahead log.
        configuration.prepareDatabase { db in try db.execute(sql: "PRAGMA wal_autocheckpoint=0") }
        let database = try DatabasePool(path: CommandLine.arguments.dropFirst().first ?? "shop.db", configuration: configuration)
        try await database.write { db in
            try db.create(table: "orders", options: .ifNotExists) { table in
                table.autoIncrementedPrimaryKey("id")
                table.column("item", .text).notNull()
            }
        }
        let queue = try JobQueue.open(in: database)

        let id = try await database.write { db in
            var order = Order(item: "tea")
            try order.insert(db)
            return try queue.enqueue(SendReceipt(order: order.id ?? 0), in: db)
        }
        print("order and job \(id) are one commit")

        let receipts = Handler(SendReceipt.self) { job, _ in
            let order = try await database.read { db in try Order.fetchOne(db, key: job.order) }
            print("receipt for \(order?.item ?? "nothing")")
        }
        try await Worker(queue: queue, handlers: [receipts]).runUntilEmpty()
    }
}
