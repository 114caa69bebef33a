// The writer thread's own side: batches into as few commits as their time allows, each failure undone alone.

import Errand

/// Performs what comes into an inbox, on the one thread that owns the database.
final class WriterLoop<Database: WritableDatabase> {
    let settings: WriterSettings
    private let inbox: WriterInbox<Database>
    private let journal: WriterJournal
    private let open: () throws(JobStoreError) -> Database
    private(set) var opened: Database?
    var checkpoints = CheckpointPolicy()
    private var lastFull: Int64 = .min

    /// A commit takes no further operations after so long: 20 ms.
    private static var nanosecondsPerCommit: Int64 { 20_000_000 }

    init(
        _ settings: WriterSettings, _ inbox: WriterInbox<Database>, _ journal: WriterJournal, database: Database? = nil,
        open: @escaping () throws(JobStoreError) -> Database
    ) {
        self.settings = settings
        self.inbox = inbox
        self.journal = journal
        self.open = open
        opened = database
    }

    convenience init(_ settings: WriterSettings, _ inbox: WriterInbox<Database>, _ journal: WriterJournal, database: Database) {
        self.init(settings, inbox, journal, database: database) { database }
    }

    /// The database; only where ``prepare()`` has returned before.
    var database: Database { opened! }

    /// Opens the database, unless that has been done. Not under the lock of the writes, which opening may take for itself.
    private func prepare() throws(JobStoreError) {
        if opened == nil { opened = try open() }
    }

    func run() {
        while let batch = inbox.next(
            idleWait: { checkpoints.idleWait(now: MachineClock.nanoseconds) }, didWriteOutside: { noteOutsideWrite() })
        {
            if batch.isEmpty { checkpoint() } else { write(batch) }
            inbox.didFinish()
        }
        if inbox.endsGracefully { checkpointAtEnd() }
    }

    /// Performs a batch in one commit, or in as few as its time allows.
    private func write(_ batch: [WriteOperation<Database>]) {
        var rest = batch[...]
        while !rest.isEmpty {
            let finished: [(WriteOperation<Database>, JobStoreError?)]
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
            // With more to write, that comes first.
            if rest.isEmpty, inbox.waiting == 0 {
                LentThread.whileLending { for (operation, error) in finished { operation.finish(error) } }
            } else {
                for (operation, error) in finished { operation.finish(error) }
            }
        }
    }

    /// One transaction. First without savepoints, since failures are rare; if an operation fails, everything again with one for
    /// each, so that it fails alone.
    private func transact(
        _ rest: inout ArraySlice<WriteOperation<Database>>, topics: inout Set<DoorbellTopic>
    ) throws(JobStoreError) -> [(WriteOperation<Database>, JobStoreError?)] {
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
    func reopenIfPoisoned() throws(JobStoreError) {
        guard database.connection.isPoisoned else { return }
        try settings.lock.makeUpForFailedSync(of: database.connection.path, settings.byte)
        try database.reopen()
    }

    func tryToReopenIfPoisoned() {
        do throws(JobStoreError) {
            try reopenIfPoisoned()
        } catch {
            // The disk still fails. The connection stays poisoned, so that the next write tries again, and tells its caller.
        }
    }

    private func demanded(by operations: ArraySlice<WriteOperation<Database>>) -> Durability {
        let asked = operations.lazy.map(\.durability).max() ?? .normal
        guard let period = settings.fullEvery, asked == .normal else { return asked }
        let now = MachineClock.nanoseconds
        return lastFull == .min || now - lastFull >= period.wholeMicroseconds * 1000 ? .full : .normal
    }

    /// Runs operations up to the time limit and commits; gives the error of each that was run. With `apart`, one that fails is
    /// undone alone.
    private func attempt(
        _ operations: ArraySlice<WriteOperation<Database>>, durability: Durability, apart: Bool, topics: inout Set<DoorbellTopic>
    ) throws(JobStoreError) -> [JobStoreError?] {
        let connection = database.connection
        var errors: [JobStoreError?] = []
        errors.reserveCapacity(operations.count)
        do throws(JobStoreError) {
            try connection.begin(durability)
            topics.formUnion(try database.didBegin())
            let deadline = MachineClock.nanoseconds + WriterLoop.nanosecondsPerCommit
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
        journal.didCommit(durability)
        return errors
    }

    private func perform(
        _ operation: WriteOperation<Database>, apart: Bool, topics: inout Set<DoorbellTopic>
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
