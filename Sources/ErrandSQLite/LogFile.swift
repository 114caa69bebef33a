// logs.db of an opened store: opened at its first use, since most commands never need it.

import Errand
import ErrandContext
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// The logs of a store.
final class LogFile: LogStore {
    private enum State {
        case untouched
        case open(WriterThread<LogDatabase>, ReaderThread<LogReader>)
        case closed
    }

    private let directory: StoreDirectory
    private let lock: StoreLock
    private let wait: Duration?
    private let space: SpaceGuard
    private let ring: @Sendable (Set<DoorbellTopic>) -> Void
    private let state = Mutex<State>(.untouched)
    /// Held while the file is being opened, so that ``state`` never is.
    private let opening = Mutex(())

    init(
        directory: StoreDirectory, lock: StoreLock, wait: Duration?, space: SpaceGuard,
        ring: @escaping @Sendable (Set<DoorbellTopic>) -> Void
    ) {
        self.space = space
        self.directory = directory
        self.lock = lock
        self.wait = wait
        self.ring = ring
    }

    func close(abruptly: Bool) {
        let before = state.withLock { state in
            defer { state = .closed }
            return state
        }
        guard case .open(let writer, let reader) = before else { return }
        writer.stop(abruptly: abruptly)
        reader.stop()
    }

    private typealias Threads = (writer: WriterThread<LogDatabase>, reader: ReaderThread<LogReader>)

    /// The writer and the reader, which are made at the first call: on a thread of its own, because opening waits for locks, and a
    /// worker's thread has leases to renew meanwhile.
    private func threads() async throws(JobStoreError) -> Threads {
        if let threads = try opened() { return threads }
        let result: Result<Threads, JobStoreError> = await withUnsafeContinuation { continuation in
            startThread(named: "errand-open") {
                do throws(JobStoreError) {
                    continuation.resume(returning: .success(try self.openOnce()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    private func opened() throws(JobStoreError) -> Threads? {
        try state.withLock { state throws(JobStoreError) in
            switch state {
            case .open(let writer, let reader): return (writer, reader)
            case .closed: throw JobStoreError.unavailable(reason: "the store is closed")
            case .untouched: return nil
            }
        }
    }

    private func openOnce() throws(JobStoreError) -> Threads {
        try opening.withLock { _ throws(JobStoreError) in
            if let threads = try opened() { return threads }
            let (writer, reader) = try open()
            let isClosed = state.withLock { state in
                if case .closed = state { return true }
                state = .open(writer, reader)
                return false
            }
            guard isClosed else { return (writer, reader) }
            writer.stop(abruptly: true)
            throw JobStoreError.unavailable(reason: "the store is closed")
        }
    }

    private func open() throws(JobStoreError) -> (WriterThread<LogDatabase>, ReaderThread<LogReader>) {
        let writer = WriterThread<LogDatabase>(
            .init(
                name: "errand-logs", lock: lock, byte: .logs, lockWait: wait, fullEvery: .seconds(1),
                writeAheadLog: directory.logs + "-wal",
                ring: ring))
        let openDatabase = { @Sendable [directory, lock, wait] () throws(JobStoreError) in
            let guarded = WriteGuard(lock: lock, byte: .logs, wait: wait)
            if let settled = LogFile.settled(directory.logs, under: guarded) { return settled }
            return try lock.whileOpening(wait: wait) { () throws(JobStoreError) in
                // Lost logs are no reason to stop: a missing file is made anew.
                if access(directory.logs, F_OK) != 0 { try directory.makeFile(directory.logs) }
                let connection = try Connection(path: directory.logs, queryOnly: false)
                try Migrations.prepareLogs(connection, under: guarded)
                return LogDatabase(connection: connection)
            }
        }
        do throws(JobStoreError) {
            writer.start(try openDatabase())
        } catch {
            // What is there can be read on a disk without a free block.
            guard case .full = error else { throw error }
            writer.start(opening: openDatabase)
        }
        let path = directory.logs
        let reader = ReaderThread(name: "errand-tail") { () throws(JobStoreError) in try LogReader.open(path) }
        return (writer, reader)
    }

    /// The file, when nothing is to be made or migrated; without any lock.
    private static func settled(_ path: String, under guarded: WriteGuard) -> LogDatabase? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_size > 0 else { return nil }
        do throws(JobStoreError) {
            let connection = try Connection(path: path, queryOnly: false)
            return try Migrations.isSettled(connection, .logs, under: guarded) ? LogDatabase(connection: connection) : nil
        } catch {
            // Somebody may be in the middle of making it; whoever waits for that learns what is wrong.
            return nil
        }
    }

    func append(_ chunks: [LogChunk], dropping: [Int64]) async throws(JobStoreError) -> [Int64] {
        // An empty one as well takes its place in the line: it returns when everything before it is committed.
        let bytes = chunks.reduce(0) { $0 + $1.body.count }
        if !chunks.isEmpty, let shortage = space.shortageForLogs(of: bytes) { throw .full(reason: shortage) }
        return try await threads().writer.perform(.normal) { (database) throws(JobStoreError) in
            try database.append(chunks, dropping: dropping)
        }
    }

    func chunks(of job: JobID, ordinal: Int64?, after position: LogPosition?, limit: Int) async throws(JobStoreError) -> [StoredLogChunk] {
        try await threads().reader.perform { (reader) throws(JobStoreError) in
            try reader.chunks(of: job, ordinal: ordinal, after: position, limit: limit)
        }
    }

    func chunks(after cursor: Int64, limit: Int) async throws(JobStoreError) -> [StoredLogChunk] {
        try await threads().reader.perform { (reader) throws(JobStoreError) in try reader.chunks(after: cursor, limit: limit) }
    }

    func chunks(
        crossedWith job: JobID, ordinal: Int64?, after cursor: Int64, limit: Int
    ) async throws(JobStoreError) -> [StoredLogChunk] {
        try await threads().reader.perform { (reader) throws(JobStoreError) in
            try reader.chunks(crossedWith: job, ordinal: ordinal, after: cursor, limit: limit)
        }
    }

    func leakyChunks(after cursor: Int64, limit: Int) async throws(JobStoreError) -> [StoredLogChunk] {
        try await threads().reader.perform { (reader) throws(JobStoreError) in try reader.leakyChunks(after: cursor, limit: limit) }
    }

    func flagCounts() async throws(JobStoreError) -> LogFlagCounts {
        try await threads().reader.perform { (reader) throws(JobStoreError) in try reader.flagCounts() }
    }

    func lastSequence(of execution: ExecutionID) async throws(JobStoreError) -> Int64 {
        try await threads().reader.perform { (reader) throws(JobStoreError) in try reader.lastSequence(of: execution) }
    }

    func newestCursor() async throws(JobStoreError) -> Int64 {
        try await threads().reader.perform { (reader) throws(JobStoreError) in try reader.newestCursor() }
    }

    func delete(logsOf jobs: [JobID]) async throws(JobStoreError) {
        guard !jobs.isEmpty else { return }
        try await threads().writer.perform(.normal) { (database) throws(JobStoreError) in try database.delete(jobs) }
    }

    func prune(olderThan time: Timestamp?, beyondBytes bytes: Int?, limit: Int) async throws(JobStoreError) -> LogPruneReport {
        try await threads().writer.perform(.normal) { (database) throws(JobStoreError) in
            try database.prune(olderThan: time, beyondBytes: bytes, limit: limit)
        }
    }

    func totalBytes() async throws(JobStoreError) -> Int {
        try await threads().reader.perform { (reader) throws(JobStoreError) in try reader.totalBytes() }
    }
}
