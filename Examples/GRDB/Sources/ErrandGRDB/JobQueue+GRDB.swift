// Jobs in GRDB's transactions: what `db` writes and the jobs that it enqueues are one commit.

public import Errand
public import ErrandSQLite
public import GRDB

extension JobQueue {
    /// Opens the queue in the database of `writer`, a `DatabaseQueue` or a `DatabasePool`, beside the application's tables.
    /// - Throws: `JobStoreError`, as `SQLiteStore.open(database:options:)`.
    public static func open(in writer: any DatabaseWriter, options: SQLiteStoreOptions = SQLiteStoreOptions()) throws -> JobQueue {
        JobQueue(store: try SQLiteStore.open(database: writer.path, options: options).store)
    }

    /// Adds a job in the transaction of `db`: it is there when the transaction commits, and workers are woken then.
    ///
    /// ```swift
    /// try await database.write { db in
    ///     let order = try Order(item: "tea").inserted(db)
    ///     try queue.enqueue(SendReceipt(order: order.id), in: db)
    /// }
    /// ```
    /// - Throws: `EnqueueError`.
    @discardableResult
    public func enqueue<J: Errand.Job>(
        _ job: J, options: EnqueueOptions = EnqueueOptions(), in db: Database
    ) throws -> JobID {
        let id = try enqueue(job, options: options, in: try connection(of: db))
        ringAfterCommit(of: db)
        return id
    }

    /// Adds a job whose payload is JSON already, as `enqueue(_:options:in:)` adds a typed one.
    /// - Throws: `EnqueueError`.
    @discardableResult
    public func enqueue(
        kind: String, payload: [UInt8], options: EnqueueOptions = EnqueueOptions(), in db: Database
    ) throws -> EnqueueResult {
        let result = try enqueue(kind: kind, payload: payload, options: options, in: try connection(of: db))
        ringAfterCommit(of: db)
        return result
    }

    /// Adds prepared jobs, all or none; one result for each, in order.
    /// - Throws: `EnqueueError`.
    public func enqueue(_ jobs: [NewJob], in db: Database) throws -> [EnqueueResult] {
        let results = try enqueue(jobs, in: try connection(of: db))
        ringAfterCommit(of: db)
        return results
    }

    private func connection(of db: Database) throws -> SQLiteConnection {
        guard let connection = db.sqliteConnection else { throw EnqueueError.invalid(reason: "the database is closed: open it again") }
        return connection
    }

    private func ringAfterCommit(of db: Database) {
        db.afterNextTransaction { _ in ringDoorbell() }
    }
}
