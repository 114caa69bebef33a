// The one thread of a process that writes to a file: group commit without added delay, durability by transaction, checkpoints.

import Dispatch
import Errand
import ErrandContext
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Writes to one file. What piles up during one commit goes into the next; callers go on after the commit that holds their work.
///
/// Nothing here looks at task cancellation: an operation that was handed in is performed.
final class WriterThread<Database: WritableDatabase>: Sendable {
    /// How this thread writes.
    struct Settings: Sendable {
        var name: String
        var lock: StoreLock
        var byte: StoreLock.Byte
        var lockWait: Duration?
        /// The least durability of a commit once this much time has passed since the last durable one; `nil`: each commit as asked.
        var fullEvery: Duration?
        /// The file whose write-ahead log is looked at for checkpoints.
        var writeAheadLog: String
        /// Called on the thread with the topics that a commit has made true.
        var ring: @Sendable (Set<DoorbellTopic>) -> Void
        /// Called on the thread with how long the lock was waited for, in nanoseconds.
        var didWait: @Sendable (Int64) -> Void = { _ in }
        /// Called on the thread when outcomes have met a full disk; whether there is more room now, so that they may be tried again.
        var makeRoom: @Sendable () -> Bool = { false }
    }

    /// One piece of work, and what to do once it is committed or has failed.
    struct Operation {
        var durability: Durability
        /// Whether it takes executions out of `running`: worth the ballast.
        var isOutcome = false
        var run: (Database) throws(JobStoreError) -> Set<DoorbellTopic>
        var finish: (JobStoreError?) -> Void
    }

    /// How the thread ends.
    private enum End {
        /// After everything that was handed in.
        case graceful
        /// At once, as if the process had died: what was handed in and not begun fails.
        case abrupt
    }

    private struct State {
        var pending: [Operation] = []
        var end: End?
        var isAsleep = false
        /// Operations that the thread has taken and not finished.
        var taken = 0
        /// Batches committed so far, for tests and figures.
        var commits = 0
        /// The durabilities of the first commits, for tests.
        var durabilities: [Durability] = []
    }

    private final class Shared: @unchecked Sendable {
        // Proof: `state` is only touched inside `mutex`, which makes the non-Sendable closures of an operation move from the caller
        // to the thread and never be shared.
        private var state = State()
        private let mutex = Mutex(())

        func withLock<Value>(_ body: (inout State) -> Value) -> Value { mutex.withLock { _ in body(&state) } }
    }

    private let shared = Shared()
    private let wake = DispatchSemaphore(value: 0)
    private let settings: Settings
    private let thread = Mutex<OwnThread?>(nil)

    static var operationsPerCommit: Int { 1000 }
    static var nanosecondsPerCommit: Int64 { 20_000_000 }

    init(_ settings: Settings) { self.settings = settings }

    /// Starts the thread; it owns `database` from now on.
    func start(_ database: sending Database) {
        let box = Handover(value: database)
        let thread = OwnThread.start(name: settings.name) { [self] in
            let database = box.take()
            Loop(self, database: database) { database }.run()
        }
        self.thread.withLock { $0 = thread }
    }

    /// Starts the thread, which opens its database with `open` at the first write, and at each further one as long as that fails.
    func start(opening open: @escaping @Sendable () throws(JobStoreError) -> Database) {
        let thread = OwnThread.start(name: settings.name) { [self] in
            Loop(self, database: nil, open: open).run()
        }
        self.thread.withLock { $0 = thread }
    }

    /// Operations that were handed in and have not begun.
    var waiting: Int { shared.withLock { $0.pending.count } }

    /// Operations that the thread has taken and not finished.
    var taken: Int { shared.withLock { $0.taken } }

    /// The durabilities of the first 100 commits.
    var durabilities: [Durability] { shared.withLock { $0.durabilities } }

    /// Batches committed so far.
    var commits: Int { shared.withLock { $0.commits } }

    /// Ends the thread and waits for it: after everything that was handed in, or at once.
    func stop(abruptly: Bool) {
        let isAsleep = shared.withLock { state in
            if state.end == nil { state.end = abruptly ? .abrupt : .graceful }
            defer { state.isAsleep = false }
            return state.isAsleep
        }
        if isAsleep { wake.signal() }
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    /// Performs `body` in a transaction and returns after its commit.
    /// - Throws: ``JobStoreError`` when nothing of it was committed.
    func perform<Value: Sendable>(
        _ durability: Durability, isOutcome: Bool = false,
        _ body: @escaping @Sendable (Database) throws(JobStoreError) -> (Value, Set<DoorbellTopic>)
    ) async throws(JobStoreError) -> Value {
        let result: Result<Value, JobStoreError> = await withUnsafeContinuation { continuation in
            var value: Value?
            submit(
                Operation(
                    durability: durability, isOutcome: isOutcome,
                    run: { (database) throws(JobStoreError) in
                        let (result, topics) = try body(database)
                        value = result
                        return topics
                    },
                    finish: { error in continuation.resume(returning: error.map(Result.failure) ?? .success(value!)) }))
        }
        return try result.get()
    }

    private func submit(_ operation: Operation) {
        let (isClosed, isAsleep) = shared.withLock { state in
            guard state.end == nil else { return (true, false) }
            state.pending.append(operation)
            defer { state.isAsleep = false }
            return (false, state.isAsleep)
        }
        if isClosed { operation.finish(JobStoreError.unavailable(reason: "the store is closed")) }
        if isAsleep { wake.signal() }
    }

    private enum Step {
        case work([Operation])
        case sleep
        case stop([Operation])
    }

    /// The thread's own side.
    private final class Loop {
        private let writer: WriterThread
        private let settings: Settings
        private let open: () throws(JobStoreError) -> Database
        private var opened: Database?
        private var checkpoints = CheckpointPolicy()
        private var lastFull: Int64 = .min

        init(_ writer: WriterThread, database: Database?, open: @escaping () throws(JobStoreError) -> Database) {
            self.writer = writer
            settings = writer.settings
            opened = database
            self.open = open
        }

        /// The database; only where ``prepare()`` has returned before.
        private var database: Database { opened! }

        /// Opens the database, unless that has been done. Not under the lock of the writes, which opening may take for itself.
        private func prepare() throws(JobStoreError) {
            if opened == nil { opened = try open() }
        }

        func run() {
            while let batch = next() {
                if batch.isEmpty { checkpoint() } else { write(batch) }
                writer.shared.withLock { $0.taken = 0 }
            }
            if writer.shared.withLock({ $0.end == .graceful }) { checkpointAtEnd() }
        }

        /// Waits for work: a batch, an empty one when it is time for a checkpoint, `nil` at the end.
        private func next() -> [Operation]? {
            while true {
                let step: Step = writer.shared.withLock { state in
                    if state.end == .abrupt {
                        defer { state.pending = [] }
                        return .stop(state.pending)
                    }
                    if state.pending.isEmpty {
                        state.isAsleep = state.end == nil
                        return state.end == nil ? .sleep : .stop([])
                    }
                    state.taken = min(state.pending.count, operationsPerCommit)
                    guard state.pending.count > operationsPerCommit else {
                        defer { state.pending = [] }
                        return .work(state.pending)
                    }
                    defer { state.pending.removeFirst(operationsPerCommit) }
                    return .work(Array(state.pending[..<operationsPerCommit]))
                }
                switch step {
                case .work(let batch): return batch
                case .stop(let left):
                    for operation in left { operation.finish(JobStoreError.unavailable(reason: "the store is closed")) }
                    return nil
                case .sleep:
                    guard let idle = checkpoints.idleWait(now: MachineClock.nanoseconds) else {
                        writer.wake.wait()
                        continue
                    }
                    if writer.wake.wait(timeout: .now() + .nanoseconds(Int(idle))) == .timedOut {
                        // A caller that has seen the sleeper signals, perhaps after the timeout: take its signal, not a stale one later.
                        let wasAsleep = writer.shared.withLock { state in
                            defer { state.isAsleep = false }
                            return state.isAsleep
                        }
                        if wasAsleep { return [] }
                        writer.wake.wait()
                    }
                }
            }
        }

        /// Performs a batch in one commit, or in as few as its time allows.
        private func write(_ batch: [Operation]) {
            var rest = batch[...]
            while !rest.isEmpty {
                let finished: [(Operation, JobStoreError?)]
                var topics: Set<DoorbellTopic> = []
                do throws(JobStoreError) {
                    try prepare()
                    settings.didWait(try settings.lock.acquire(settings.byte, wait: settings.lockWait))
                    defer { settings.lock.release(settings.byte) }
                    try reopenIfPoisoned()
                    // Before the lock goes: whoever takes it next may acknowledge what stands behind the gap.
                    defer { tryToReopenIfPoisoned() }
                    finished = try transact(&rest, topics: &topics)
                    checkpointIfLarge()
                } catch {
                    if case .full = error, rest.contains(where: \.isOutcome), settings.makeRoom() { continue }
                    finished = rest.map { ($0, error) }
                    rest = []
                }
                if !topics.isEmpty { settings.ring(topics) }
                for (operation, error) in finished { operation.finish(error) }
            }
        }

        /// One transaction. First without savepoints, since failures are rare; if an operation fails, everything again with one for
        /// each, so that it fails alone.
        private func transact(
            _ rest: inout ArraySlice<Operation>, topics: inout Set<DoorbellTopic>
        ) throws(JobStoreError) -> [(Operation, JobStoreError?)] {
            let durability = demanded(by: rest)
            do throws(JobStoreError) {
                let count = try attempt(rest, durability: durability, apart: false, topics: &topics).count
                let done = rest.prefix(count).map { ($0, JobStoreError?.none) }
                rest = rest.dropFirst(count)
                return done
            } catch {
                topics = []
                guard error.isOperationsOwn else { throw error }
                guard rest.count > 1 else {
                    defer { rest = [] }
                    return rest.map { ($0, error) }
                }
            }
            let errors = try attempt(rest, durability: durability, apart: true, topics: &topics)
            let done = Array(zip(rest.prefix(errors.count), errors))
            rest = rest.dropFirst(errors.count)
            return done
        }

        /// Makes up for a failed fsync. Only under the lock.
        private func reopenIfPoisoned() throws(JobStoreError) {
            guard database.connection.isPoisoned else { return }
            try settings.lock.makeUpForFailedSync(of: database.connection.path, settings.byte)
            try database.reopen()
        }

        private func tryToReopenIfPoisoned() {
            do throws(JobStoreError) {
                try reopenIfPoisoned()
            } catch {
                // The disk still fails. The connection stays poisoned, so that the next write tries again, and tells its caller.
            }
        }

        private func demanded(by operations: ArraySlice<Operation>) -> Durability {
            let asked = operations.lazy.map(\.durability).max() ?? .normal
            guard let period = settings.fullEvery, asked == .normal else { return asked }
            let now = MachineClock.nanoseconds
            return lastFull == .min || now - lastFull >= period.wholeMicroseconds * 1000 ? .full : .normal
        }

        /// Runs operations up to the time limit and commits; gives the error of each that was run. With `apart`, one that fails is
        /// undone alone.
        private func attempt(
            _ operations: ArraySlice<Operation>, durability: Durability, apart: Bool, topics: inout Set<DoorbellTopic>
        ) throws(JobStoreError) -> [JobStoreError?] {
            let connection = database.connection
            var errors: [JobStoreError?] = []
            errors.reserveCapacity(operations.count)
            do throws(JobStoreError) {
                try connection.begin(durability)
                try database.didBegin()
                let deadline = MachineClock.nanoseconds + nanosecondsPerCommit
                for operation in operations {
                    if !errors.isEmpty, MachineClock.nanoseconds > deadline { break }
                    errors.append(try perform(operation, apart: apart, topics: &topics))
                }
                try database.willCommit()
                try connection.commit()
            } catch {
                connection.rollback()
                database.didRollBack()
                throw error
            }
            if durability == .full { lastFull = MachineClock.nanoseconds }
            checkpoints.didCommit(at: MachineClock.nanoseconds)
            writer.shared.withLock { state in
                if state.commits < 100 { state.durabilities.append(durability) }
                state.commits += 1
            }
            return errors
        }

        private func perform(
            _ operation: Operation, apart: Bool, topics: inout Set<DoorbellTopic>
        ) throws(JobStoreError) -> JobStoreError? {
            guard apart else {
                topics.formUnion(try operation.run(database))
                return nil
            }
            database.mark()
            try database.connection[SavepointSQL.begin].run()
            do throws(JobStoreError) {
                topics.formUnion(try operation.run(database))
                try database.connection[SavepointSQL.keep].run()
                return nil
            } catch {
                guard error.isOperationsOwn else { throw error }
                try database.connection[SavepointSQL.undo].run()
                try database.connection[SavepointSQL.keep].run()
                database.returnToMark()
                return error
            }
        }

        // MARK: Checkpoints

        /// Empties the write-ahead log after a second without writes, when the disk has time.
        private func checkpoint() {
            guard opened != nil else { return }
            do throws(JobStoreError) {
                // Another process that writes is as good a reason to wait as a write of our own, so never queue for the lock.
                try settings.lock.acquire(settings.byte, wait: .zero)
                defer { settings.lock.release(settings.byte) }
                try reopenIfPoisoned()
                defer { tryToReopenIfPoisoned() }
                checkpoints.didCheckpoint(emptied: try database.connection.checkpoint(), at: MachineClock.nanoseconds)
            } catch {
                checkpoints.didCheckpoint(emptied: false, at: MachineClock.nanoseconds)
            }
        }

        /// The next opener reads the whole log before it can do anything, so one that is not small is emptied before leaving.
        private func checkpointAtEnd() {
            if isLog(largerThan: CheckpointPolicy.smallBytes) { checkpoint() }
        }

        private func isLog(largerThan bytes: Int) -> Bool {
            var status = stat()
            return stat(settings.writeAheadLog, &status) == 0 && status.st_size > bytes
        }

        private func checkpointIfLarge() {
            guard checkpoints.shouldLook(now: MachineClock.nanoseconds), isLog(largerThan: CheckpointPolicy.largeBytes) else { return }
            do throws(JobStoreError) {
                checkpoints.didCheckpoint(emptied: try database.connection.checkpoint(), at: MachineClock.nanoseconds)
            } catch {
                // The commit stands whatever becomes of the checkpoint; a poisoned connection is opened anew at the next write.
                checkpoints.didCheckpoint(emptied: false, at: MachineClock.nanoseconds)
            }
        }
    }
}

/// A failing operation of several is undone alone.
private enum SavepointSQL {
    static let begin = SQL("SAVEPOINT operation")
    static let keep = SQL("RELEASE operation")
    static let undo = SQL("ROLLBACK TO operation")
}

extension JobStoreError {
    /// Whether the operation itself is the reason, so that the others in its transaction may go on.
    fileprivate var isOperationsOwn: Bool {
        switch self {
        case .refused: true
        default: false
        }
    }
}
