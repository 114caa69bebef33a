// Enqueueing in the application's own transaction: the job is there if, and only if, the rows beside it are.

import FoundationEssentials
import Synchronization

extension JobQueue {
    /// Adds a job in the transaction that is open on `connection`, the application's own to the same database: it is there once the
    /// transaction has committed, and never was if it is rolled back. Call ``ringDoorbell()`` after the commit; without it workers find the
    /// job within half a second.
    ///
    /// ```swift
    /// let queue = try JobQueue.open(database: "shop.db")
    /// // On the application's connection: BEGIN IMMEDIATE; INSERT INTO orders …
    /// try queue.enqueue(SendReceipt(order: 7), in: connection)
    /// // COMMIT
    /// queue.ringDoorbell()
    /// ```
    /// - Parameter connection: a `sqlite3 *` of the SQLite library that Errand uses, to the database that the queue is embedded in, on the
    ///   thread that works with it. Its `sqlite3_last_insert_rowid` stays as it was; `sqlite3_changes` does not.
    /// - Throws: ``EnqueueError``; the transaction is as before the call, unless the text says that it is gone.
    @discardableResult
    public func enqueue<J: Job>(
        _ job: J, options: EnqueueOptions = EnqueueOptions(), in connection: OpaquePointer
    ) throws(EnqueueError) -> JobID {
        let result = try enqueue([newJob(job, options: options, encoder: JSONEncoder())], in: connection)[0]
        return try JobQueue.id(result, of: job, options: options)
    }

    /// Adds a job whose payload is JSON already, as ``enqueue(_:options:in:)`` adds a typed one.
    /// - Throws: ``EnqueueError``.
    public func enqueue(
        kind: String, payload: [UInt8], options: EnqueueOptions = EnqueueOptions(), in connection: OpaquePointer
    ) throws(EnqueueError) -> EnqueueResult {
        try enqueue([newJob(kind: kind, payload: payload, options: options)], in: connection)[0]
    }

    /// Adds prepared jobs in the transaction that is open on `connection`, all or none; one result for each, in order. Middlewares stand
    /// around it as around every enqueue, as long as they wait for nothing: a transaction's connection is not theirs to keep.
    /// - Throws: ``EnqueueError``; nothing was added.
    public func enqueue(_ jobs: [NewJob], in connection: OpaquePointer) throws(EnqueueError) -> [EnqueueResult] {
        guard !middleware.isEmpty else { return try takeIn(jobs, in: connection) }
        let call = BorrowedCall(connection)
        let queue = self
        let chain = around { (jobs) async throws(EnqueueError) in
            try call.use { (connection) throws(EnqueueError) in try queue.takeIn(jobs, in: connection) }
        }
        let transactions = try transactions()
        var result: Result<[EnqueueResult], EnqueueError>?
        do throws(JobStoreError) {
            // One that fails or waits behind the store has added nothing either.
            try transactions.attempt(in: connection) {
                // Runs here and now, up to where it first waits.
                let task = Task.immediate {
                    do throws(EnqueueError) {
                        call.end(.success(try await chain(jobs)))
                    } catch {
                        call.end(.failure(error))
                    }
                }
                result = call.close()
                if result == nil { task.cancel() }
                return if case .success? = result { true } else { false }
            }
        } catch {
            throw .store(error)
        }
        guard let result else {
            throw .invalid(
                reason:
                    "a middleware of this queue waits for something, which none can around an enqueue in a transaction: use a queue without it there"
            )
        }
        return try result.get()
    }

    /// Wakes workers; to be called once a transaction in which jobs were enqueued has committed.
    public func ringDoorbell() { store.doorbell.ring([.work]) }

    private func transactions() throws(EnqueueError) -> any TransactionalStore {
        if let transactions = store.transactions { return transactions }
        throw .invalid(reason: "this store takes part in no transaction of the application's: open one with JobQueue.open(database:)")
    }

    /// Validates, completes and stores jobs.
    private func takeIn(_ jobs: [NewJob], in connection: OpaquePointer) throws(EnqueueError) -> [EnqueueResult] {
        guard !jobs.isEmpty else { return [] }
        try validate(jobs)
        let transactions = try transactions()
        let span = EnqueueSpan(jobs, instruments: instruments)
        do throws(JobStoreError) {
            let results = try transactions.enqueue(jobs.map { span.stamped(withLineage($0)) }, in: connection)
            span.end(results)
            return results
        } catch {
            span.end(failure: .store(error))
            throw .store(error)
        }
    }
}

/// One call through middlewares with a connection that is lent for its duration.
private final class BorrowedCall: Sendable {
    private struct State {
        /// The address of the connection, as long as it is lent.
        var connection: UInt?
        var result: Result<[EnqueueResult], EnqueueError>?
    }

    // As a number, since a pointer is bound to its thread: while the call is open only the caller's own, which waits for nobody, comes here.
    private let state: Mutex<State>

    init(_ connection: OpaquePointer) { state = Mutex(State(connection: UInt(bitPattern: connection))) }

    /// Runs `body` with the connection, if the call is still open.
    func use<Value>(_ body: (OpaquePointer) throws(EnqueueError) -> Value) throws(EnqueueError) -> Value {
        // Not under the lock: tracers and clocks of others run in there.
        guard let connection = state.withLock({ $0.connection }).flatMap(OpaquePointer.init(bitPattern:)) else {
            throw .invalid(reason: "the transaction that this middleware goes on with is over")
        }
        return try body(connection)
    }

    /// Keeps what has come out.
    func end(_ result: Result<[EnqueueResult], EnqueueError>) { state.withLock { $0.result = result } }

    /// Takes the connection back; what has come out, or `nil` when nothing has yet.
    func close() -> Result<[EnqueueResult], EnqueueError>? {
        state.withLock { state in
            state.connection = nil
            return state.result
        }
    }
}
