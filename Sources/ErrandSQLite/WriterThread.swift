// The one thread of a process that writes to a file: group commit without added delay, durability by transaction, checkpoints.

import Errand
import Synchronization

/// Writes to one file. What piles up during one commit goes into the next; callers go on after the commit that holds their work.
///
/// Nothing here looks at task cancellation: an operation that was handed in is performed.
final class WriterThread<Database: WritableDatabase>: Sendable {
    private let settings: WriterSettings
    private let inbox = WriterInbox<Database>()
    private let journal = WriterJournal()
    private let thread = Mutex<OwnThread?>(nil)

    init(_ settings: WriterSettings) { self.settings = settings }

    /// Starts the thread; it owns `database` from now on.
    func start(_ database: sending Database) {
        let box = Handover(value: database)
        start { [settings, inbox, journal] in
            WriterLoop(settings, inbox, journal, database: box.take())
        }
    }

    /// Starts the thread, which opens its database with `open` at the first write, and at each further one as long as that fails.
    func start(opening open: @escaping @Sendable () throws(JobStoreError) -> Database) {
        start { [settings, inbox, journal] in
            WriterLoop(settings, inbox, journal, open: open)
        }
    }

    private func start(_ loop: @escaping @Sendable () -> WriterLoop<Database>) {
        let thread = OwnThread.start(name: settings.name) { loop().run() }
        self.thread.withLock { $0 = thread }
    }

    /// Operations that were handed in and have not begun.
    var waiting: Int { inbox.waiting }

    /// Operations that the thread has taken and not finished.
    var taken: Int { inbox.taken }

    /// Batches committed so far, for tests and figures.
    var commits: Int { journal.commits }

    /// The durabilities of the first 100 commits, for tests.
    var durabilities: [Durability] { journal.durabilities }

    /// Tells the thread that another connection of this process writes to its file, whose write-ahead log it empties.
    func noteOutsideWrite() { inbox.noteOutsideWrite() }

    /// Ends the thread and waits for it: after everything that was handed in, or at once.
    func stop(abruptly: Bool) {
        inbox.close(abruptly: abruptly)
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
            inbox.submit(
                WriteOperation(
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
}

/// How a writer thread writes.
struct WriterSettings: Sendable {
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

/// What a writer thread has committed.
final class WriterJournal: Sendable {
    private struct State {
        var commits = 0
        var durabilities: [Durability] = []
    }

    private let state = Mutex(State())

    var commits: Int { state.withLock { $0.commits } }
    var durabilities: [Durability] { state.withLock { $0.durabilities } }

    func didCommit(_ durability: Durability) {
        state.withLock { state in
            if state.commits < 100 { state.durabilities.append(durability) }
            state.commits += 1
        }
    }
}
