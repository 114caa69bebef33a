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
    private let ring: @Sendable (Set<DoorbellTopic>) -> Void
    private let state = Mutex<State>(.untouched)

    init(directory: StoreDirectory, lock: StoreLock, wait: Duration?, ring: @escaping @Sendable (Set<DoorbellTopic>) -> Void) {
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

    /// The writer and the reader, which are made at the first call.
    private func threads() throws(JobStoreError) -> (WriterThread<LogDatabase>, ReaderThread<LogReader>) {
        try state.withLock { state throws(JobStoreError) in
            switch state {
            case .open(let writer, let reader): return (writer, reader)
            case .closed: throw JobStoreError.unavailable(reason: "the store is closed")
            case .untouched:
                let (writer, reader) = try open()
                state = .open(writer, reader)
                return (writer, reader)
            }
        }
    }

    private func open() throws(JobStoreError) -> (WriterThread<LogDatabase>, ReaderThread<LogReader>) {
        try lock.acquire(.open, wait: wait)
        defer { lock.release(.open) }
        // Lost logs are no reason to stop: a missing file is made anew.
        if access(directory.logs, F_OK) != 0 { try directory.makeFile(directory.logs) }
        let connection = try Connection(path: directory.logs, queryOnly: false)
        try Migrations.prepareLogs(connection, under: WriteGuard(lock: lock, byte: .logs, wait: wait))
        let writer = WriterThread<LogDatabase>(
            .init(
                name: "errand-logs", lock: lock, byte: .logs, lockWait: wait, fullEvery: .seconds(1),
                writeAheadLog: directory.logs + "-wal",
                ring: ring))
        writer.start(LogDatabase(connection: connection))
        let path = directory.logs
        let reader = ReaderThread(name: "errand-tail") { () throws(JobStoreError) in
            LogReader(connection: try Connection(path: path, queryOnly: true))
        }
        return (writer, reader)
    }

    func append(_ chunks: [LogChunk], dropping: [Int64]) async throws(JobStoreError) -> [Int64] {
        guard !chunks.isEmpty || !dropping.isEmpty else { return [] }
        return try await threads().0.perform(.normal) { (database) throws(JobStoreError) in
            try database.append(chunks, dropping: dropping)
        }
    }

    func chunks(of job: JobID, ordinal: Int64?, after position: LogPosition?, limit: Int) async throws(JobStoreError) -> [StoredLogChunk] {
        try await threads().1.perform { (reader) throws(JobStoreError) in
            try reader.chunks(of: job, ordinal: ordinal, after: position, limit: limit)
        }
    }

    func chunks(after cursor: Int64, limit: Int) async throws(JobStoreError) -> [StoredLogChunk] {
        try await threads().1.perform { (reader) throws(JobStoreError) in try reader.chunks(after: cursor, limit: limit) }
    }

    func newestCursor() async throws(JobStoreError) -> Int64 {
        try await threads().1.perform { (reader) throws(JobStoreError) in try reader.newestCursor() }
    }

    func delete(logsOf jobs: [JobID]) async throws(JobStoreError) {
        guard !jobs.isEmpty else { return }
        try await threads().0.perform(.normal) { (database) throws(JobStoreError) in try database.delete(jobs) }
    }

    func prune(olderThan time: Timestamp?, beyondBytes bytes: Int?, limit: Int) async throws(JobStoreError) -> LogPruneReport {
        try await threads().0.perform(.normal) { (database) throws(JobStoreError) in
            try database.prune(olderThan: time, beyondBytes: bytes, limit: limit)
        }
    }

    func totalBytes() async throws(JobStoreError) -> Int {
        try await threads().1.perform { (reader) throws(JobStoreError) in try reader.totalBytes() }
    }
}
