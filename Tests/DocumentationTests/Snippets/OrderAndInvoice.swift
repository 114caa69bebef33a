// An order and its invoice in one commit.

import Errand
import ErrandSQLite

struct SendInvoice: Job {
    static let kind = "invoice"
    var order: Int64
}

/// The part of an application that holds its connection.
protocol ShopDatabase {
    var connection: OpaquePointer { get }
    var lastInsertedID: Int64 { get }
    func run(_ sql: String) throws
}

enum OrderAndInvoiceSnippet {
    static func run(shop: some ShopDatabase) throws {
        // snippet.show
        let queue = try JobQueue.open(database: "shop.db")

        // On the application's own connection, a sqlite3 *:
        try shop.run("BEGIN IMMEDIATE; INSERT INTO orders(item) VALUES('tea')")
        try queue.enqueue(SendInvoice(order: shop.lastInsertedID), in: shop.connection)
        try shop.run("COMMIT")
        queue.ringDoorbell()  // workers are told at once; by themselves they look twice a second
        // snippet.hide
    }
}
