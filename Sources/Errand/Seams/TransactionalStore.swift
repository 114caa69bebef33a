// The seam to the database, as it takes in jobs inside a transaction of somebody else's.

/// Takes in jobs on the application's own connection: they are there if its transaction commits, and only then.
///
/// Rules that every such store keeps:
/// - All of a call's jobs are taken in, or none and the transaction is as it was before the call.
/// - Every rule of ``JobStore/enqueue(_:)`` holds; what it says of durability does not: the jobs survive what the transaction survives.
/// - Whoever holds a connection calls on the thread that it works on, and nothing is kept of it when the call returns.
/// - Nobody is woken: the store cannot know when the transaction commits.
public protocol TransactionalStore: Sendable {
    /// Takes in validated jobs in the transaction that is open on `connection`; one result for each, in order.
    /// - Parameter connection: what the database's own library calls a connection: for SQLite a `sqlite3 *`.
    /// - Throws: ``JobStoreError/refused(reason:)`` when the connection cannot be used (another library's, another file's, without a
    ///   transaction) or a job cannot be taken in; ``JobStoreError/unavailable(reason:)`` when another connection is in the way, and
    ///   ``JobStoreError/full(reason:)``. The application decides whether its transaction goes on.
    func enqueue(_ jobs: [NewJob], in connection: OpaquePointer) throws(JobStoreError) -> [EnqueueResult]

    /// Runs `body`, and undoes what it has enqueued in the transaction that is open on `connection` unless it gives `true`.
    /// - Throws: as ``enqueue(_:in:)`` when the connection cannot be used; `body` has not run then.
    func attempt(in connection: OpaquePointer, _ body: () -> Bool) throws(JobStoreError)
}
