// What a writer thread has been given to do, and how the thread sleeps until there is more.

import Dispatch
import Errand
import Synchronization

/// One piece of work, and what to do once it is committed or has failed.
struct WriteOperation<Database> {
    var durability: Durability
    /// Whether it takes executions out of `running`: worth the ballast.
    var isOutcome = false
    var run: (Database) throws(JobStoreError) -> Set<DoorbellTopic>
    var finish: (JobStoreError?) -> Void
}

/// Operations between those who ask for them and the one thread that performs them.
final class WriterInbox<Database>: @unchecked Sendable {
    // Proof: `state` is only touched inside `mutex`, which makes the non-Sendable closures of an operation move from the caller
    // to the thread and never be shared.

    /// How the thread ends.
    private enum End {
        /// After everything that was handed in.
        case graceful
        /// At once, as if the process had died: what was handed in and not begun fails.
        case abrupt
    }

    private struct State {
        var pending: [WriteOperation<Database>] = []
        var end: End?
        var isAsleep = false
        var taken = 0
        /// Whether somebody has written to the file by another connection of this process.
        var wasWrittenOutside = false
    }

    private enum Step {
        case work([WriteOperation<Database>])
        case sleep
        case wasWritten
        case stop([WriteOperation<Database>])
    }

    private static var operationsPerCommit: Int { 1000 }

    private var state = State()
    private let mutex = Mutex(())
    private let wake = DispatchSemaphore(value: 0)

    private func withLock<Value>(_ body: (inout State) -> Value) -> Value { mutex.withLock { _ in body(&state) } }

    /// Operations that were handed in and have not begun.
    var waiting: Int { withLock { $0.pending.count } }

    /// Operations that the thread has taken and not finished.
    var taken: Int { withLock { $0.taken } }

    // MARK: Those who ask

    /// Hands in an operation; one that comes after the end fails at once.
    func submit(_ operation: WriteOperation<Database>) {
        let (isClosed, isAsleep) = withLock { state in
            guard state.end == nil else { return (true, false) }
            state.pending.append(operation)
            defer { state.isAsleep = false }
            return (false, state.isAsleep)
        }
        if isClosed { operation.finish(.isClosed) }
        if isAsleep { wake.signal() }
    }

    /// Tells the thread that its file's write-ahead log grows without it.
    func noteOutsideWrite() {
        let isAsleep = withLock { state in
            guard state.end == nil else { return false }
            state.wasWrittenOutside = true
            defer { state.isAsleep = false }
            return state.isAsleep
        }
        if isAsleep { wake.signal() }
    }

    /// Lets the thread end: after everything that was handed in, or at once.
    func close(abruptly: Bool) {
        let isAsleep = withLock { state in
            if state.end == nil { state.end = abruptly ? .abrupt : .graceful }
            defer { state.isAsleep = false }
            return state.isAsleep
        }
        if isAsleep { wake.signal() }
    }

    // MARK: The thread

    /// Waits for work, for the nanoseconds that `idleWait` names at most: a batch, an empty one when the time is over, `nil` at the end.
    /// Calls `didWriteOutside` whenever that was noted.
    func next(idleWait: () -> Int64?, didWriteOutside: () -> Void = {}) -> [WriteOperation<Database>]? {
        while true {
            switch step() {
            case .work(let batch): return batch
            case .stop(let left):
                for operation in left { operation.finish(.isClosed) }
                return nil
            case .wasWritten: didWriteOutside()
            case .sleep: if sleep(idleWait()) == .timedOut { return [] }
            }
        }
    }

    /// The batch that ``next(idleWait:)`` gave is done.
    func didFinish() { withLock { $0.taken = 0 } }

    /// Whether the thread may take its time to leave the file tidy.
    var endsGracefully: Bool { withLock { $0.end == .graceful } }

    private func step() -> Step {
        withLock { state in
            if state.wasWrittenOutside {
                state.wasWrittenOutside = false
                return .wasWritten
            }
            if state.end == .abrupt {
                defer { state.pending = [] }
                return .stop(state.pending)
            }
            if state.pending.isEmpty {
                state.isAsleep = state.end == nil
                return state.end == nil ? .sleep : .stop([])
            }
            let limit = WriterInbox.operationsPerCommit
            state.taken = min(state.pending.count, limit)
            guard state.pending.count > limit else {
                defer { state.pending = [] }
                return .work(state.pending)
            }
            defer { state.pending.removeFirst(limit) }
            return .work(Array(state.pending[..<limit]))
        }
    }

    private func sleep(_ nanoseconds: Int64?) -> DispatchTimeoutResult {
        guard let nanoseconds else {
            wake.wait()
            return .success
        }
        guard wake.wait(timeout: .now() + .nanoseconds(Int(nanoseconds))) == .timedOut else { return .success }
        let wasAsleep = withLock { state in
            defer { state.isAsleep = false }
            return state.isAsleep
        }
        if wasAsleep { return .timedOut }
        // A caller that has seen the sleeper signals, perhaps after the timeout: take its signal, not a stale one later.
        wake.wait()
        return .success
    }
}

extension JobStoreError {
    fileprivate static var isClosed: JobStoreError { .unavailable(reason: "the store is closed") }
}
