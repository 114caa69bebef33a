// The one thread of a process that reads a file for those who ask: it never blocks the concurrency pool, and holds no snapshot between calls.

import Dispatch
import Errand
import Synchronization

/// Reads one file on a thread of its own, started at the first question.
final class ReaderThread<Database: ReadableDatabase>: Sendable {
    /// One question, which answers by itself.
    private typealias Question = (Result<Database, JobStoreError>) -> Void

    private struct State {
        var pending: [Question] = []
        var thread: OwnThread?
        var isClosed = false
    }

    private final class Shared: @unchecked Sendable {
        // Proof: `state` is only touched inside `mutex`; a question moves from its caller to the thread and is never shared.
        private var state = State()
        private let mutex = Mutex(())

        func withLock<Value>(_ body: (inout State) -> Value) -> Value { mutex.withLock { _ in body(&state) } }
    }

    private let name: String
    private let open: @Sendable () throws(JobStoreError) -> Database
    private let shared = Shared()
    private let wake = DispatchSemaphore(value: 0)

    /// A reader that opens its file with `open`, on its own thread.
    init(name: String, open: @escaping @Sendable () throws(JobStoreError) -> Database) {
        self.name = name
        self.open = open
    }

    /// Asks a question and gives its answer.
    func perform<Value: Sendable>(_ body: @escaping @Sendable (Database) throws(JobStoreError) -> Value) async throws(JobStoreError)
        -> Value
    {
        let result: Result<Value, JobStoreError> = await withUnsafeContinuation { continuation in
            let question: Question = { database in
                do throws(JobStoreError) {
                    continuation.resume(returning: .success(try body(try database.get())))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            let isClosed = shared.withLock { state in
                guard !state.isClosed else { return true }
                if state.thread == nil { state.thread = OwnThread.start(name: name) { [self] in run() } }
                state.pending.append(question)
                return false
            }
            if isClosed { question(.failure(.unavailable(reason: "the store is closed"))) } else { wake.signal() }
        }
        return try result.get()
    }

    /// Answers what was asked, then ends the thread.
    func stop() {
        let thread = shared.withLock { state in
            state.isClosed = true
            defer { state.thread = nil }
            return state.thread
        }
        wake.signal()
        thread?.join()
    }

    private func run() {
        var database: Database?
        while true {
            wake.wait()
            let (question, isOver) = shared.withLock { state in
                (state.pending.isEmpty ? nil : state.pending.removeFirst(), state.isClosed && state.pending.isEmpty)
            }
            if let question {
                do throws(JobStoreError) {
                    if database == nil { database = try open() }
                    question(.success(database!))
                } catch {
                    question(.failure(error))
                }
                if database?.connection.isStopgap == true { database = nil }
            }
            if isOver { return }
        }
    }
}
