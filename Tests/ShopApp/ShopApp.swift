// An application with a database of its own, which enqueues in its own transactions and dies at a point that chance has chosen.

import CSQLite
import Errand
import ErrandSQLite
import ErrandTesting
import FaultInjector
import Glibc

/// Sends the receipt of an order.
struct Receipt: Job {
    static let kind = "receipt"
    var order: Int64
}

/// Why the shop is closed.
struct Trouble: Error {
    var text: String
}

/// Takes orders: each is a row in `orders`, and a job.
///
/// `ShopApp DATABASE SEED beside|within`: five orders, one of which kills the process, between the statement that inserts it and the end of
/// COMMIT, at a statement's n-th operation or at the n-th write or sync. The broken variant enqueues beside the transaction, after it.
/// `ShopApp DATABASE count` prints how many orders there are, how many jobs, and how many of each lack the other.
@main struct ShopApp {
    private static let orders = 5

    static func main() async throws {
        let arguments = CommandLine.arguments
        if arguments.count == 3, arguments[2] == "count" {
            let shop = try ShopConnection(arguments[1])
            print(
                try shop.number("SELECT count(*) FROM orders"),
                try shop.number("SELECT count(*) FROM errand_job WHERE label LIKE 'order %'"),
                try shop.number(
                    "SELECT count(*) FROM orders o WHERE NOT EXISTS (SELECT 1 FROM errand_idempotency WHERE key = 'order ' || o.id)"),
                try shop.number(
                    "SELECT count(*) FROM errand_idempotency i WHERE NOT EXISTS (SELECT 1 FROM orders WHERE 'order ' || id = i.key)"))
            return
        }
        guard arguments.count == 4, let seed = UInt64(arguments[2]) else {
            throw Trouble(text: "usage: ShopApp DATABASE SEED beside|within")
        }
        var random = SeededGenerator(seed: seed)
        let shop = try ShopConnection(arguments[1])
        let queue = try JobQueue.open(database: arguments[1])
        faults_watch(arguments[1].split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" })
        let fatal = Int.random(in: 1..<orders, using: &random)
        let diesInCall = Bool.random(using: &random)
        // What an order takes, learnt from the ones before.
        var operations = 1
        var calls: Int64 = 1
        for number in 0..<orders {
            try shop.run("BEGIN IMMEDIATE; INSERT INTO orders(item) VALUES('tea')")
            let order = sqlite3_last_insert_rowid(shop.handle)
            let isFatal = number == fatal
            shop.count(until: isFatal && !diesInCall ? Int.random(in: 1...operations, using: &random) : nil)
            let at = isFatal && diesInCall ? Int64.random(in: 1...calls, using: &random) : 0
            faults_arm(Int32(FAULTS_CHANGE), at, Int32(Bool.random(using: &random) ? FAULTS_KILL : FAULTS_TEAR), 0, false)
            let options = EnqueueOptions {
                $0.key = "order \(order)"
                $0.label = "order \(order)"
            }
            if arguments[3] == "within" {
                try queue.enqueue(Receipt(order: order), options: options, in: shop.handle)
                try shop.run("COMMIT")
                queue.ringDoorbell()
            } else {
                try shop.run("COMMIT")
                try await queue.enqueue(Receipt(order: order), options: options)
            }
            operations = max(operations, shop.counted)
            calls = max(calls, faults_heal())
            print(order)
            fflush(nil)
        }
    }
}

/// The shop's own connection.
final class ShopConnection {
    let handle: OpaquePointer
    private(set) var counted = 0
    private var limit: Int?

    init(_ path: String) throws {
        var opened: OpaquePointer?
        guard sqlite3_open(path, &opened) == SQLITE_OK, let opened else { throw Trouble(text: "cannot open \(path)") }
        handle = opened
        sqlite3_busy_timeout(handle, 20_000)
        // Half a transaction in the log and half in the database is what is looked for here, not who empties the log.
        try run("PRAGMA wal_autocheckpoint=0; CREATE TABLE IF NOT EXISTS orders(id INTEGER PRIMARY KEY AUTOINCREMENT, item TEXT NOT NULL)")
    }

    func run(_ sql: String) throws {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw Trouble(text: String(cString: sqlite3_errmsg(handle))) }
    }

    func number(_ sql: String) throws -> Int64 {
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK, sqlite3_step(statement) == SQLITE_ROW else {
            throw Trouble(text: String(cString: sqlite3_errmsg(handle)))
        }
        return sqlite3_column_int64(statement, 0)
    }

    /// Counts the operations of every statement from now on, and dies at the `limit`-th.
    func count(until limit: Int?) {
        counted = 0
        self.limit = limit
        sqlite3_progress_handler(
            handle, 1,
            { context in
                guard let context else { return 0 }
                let shop = Unmanaged<ShopConnection>.fromOpaque(context).takeUnretainedValue()
                shop.counted += 1
                if shop.counted == shop.limit { kill(getpid(), SIGKILL) }
                return 0
            }, Unmanaged.passUnretained(self).toOpaque())
    }
}
