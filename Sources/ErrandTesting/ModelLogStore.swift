// The logs of the in-memory store: an array of chunks in the order in which they came.

public import Errand
import Synchronization

/// A ``LogStore`` that keeps chunks in memory and answers every question by looking at all of them.
public final class ModelLogStore: LogStore {
    private struct State {
        var lastCursor: Int64 = 0
        var chunks: [StoredLogChunk] = []
        var crossed: [Int64: [ExecutionID]] = [:]
        var flagCounts = LogFlagCounts()

        var totalBytes: Int { chunks.reduce(0) { $0 + $1.chunk.body.count } }
    }

    private let state = Mutex(State())
    private let doorbell: any Doorbell

    /// An empty log store that rings `doorbell` about appended chunks.
    public init(doorbell: any Doorbell = ModelDoorbell()) {
        self.doorbell = doorbell
    }

    /// Appends `chunks` in order and drops those with the cursors `dropping`; a cursor that is not there is no error.
    public func append(_ chunks: [LogChunk], dropping: [Int64]) async throws(JobStoreError) -> [Int64] {
        let cursors = state.withLock { state in
            state.chunks.removeAll { dropping.contains($0.cursor) }
            return chunks.map { chunk in
                state.lastCursor += 1
                var kept = chunk
                kept.flagCounts = LogFlagCounts()
                kept.crossed = []
                state.chunks.append(StoredLogChunk(cursor: state.lastCursor, chunk: kept))
                state.crossed[state.lastCursor] = chunk.crossed
                state.flagCounts.add(chunk.flagCounts)
                return state.lastCursor
            }
        }
        if !chunks.isEmpty { doorbell.ring([.log]) }
        return cursors
    }

    /// At most `limit` chunks of `job` by ordinal, sequence and cursor, after `position`.
    public func chunks(
        of job: JobID, ordinal: Int64?, after position: LogPosition?, limit: Int
    ) async throws(JobStoreError) -> [StoredLogChunk] {
        let found = state.withLock { state in
            state.chunks.filter { stored in
                stored.chunk.job == job && (ordinal == nil || stored.chunk.ordinal == ordinal)
                    && (position.map { stored.position > $0 } ?? true)
            }
        }
        return Array(found.sorted { $0.position < $1.position }.prefix(limit))
    }

    /// At most `limit` chunks of all jobs in the order in which they came, after `cursor`.
    public func chunks(after cursor: Int64, limit: Int) async throws(JobStoreError) -> [StoredLogChunk] {
        state.withLock { state in Array(state.chunks.lazy.filter { $0.cursor > cursor }.prefix(limit)) }
    }

    /// At most `limit` chunks that other executions wrote while `job` was current, after `cursor`.
    public func chunks(
        crossedWith job: JobID, ordinal: Int64?, after cursor: Int64, limit: Int
    ) async throws(JobStoreError) -> [StoredLogChunk] {
        state.withLock { state in
            let found = state.chunks.filter { stored in
                stored.cursor > cursor
                    && state.crossed[stored.cursor, default: []].contains { $0.job == job && (ordinal == nil || $0.ordinal == ordinal) }
            }
            return Array(found.prefix(limit))
        }
    }

    /// At most `limit` chunks with a flag of ``LogFlags/leaks``, after `cursor`.
    public func leakyChunks(after cursor: Int64, limit: Int) async throws(JobStoreError) -> [StoredLogChunk] {
        state.withLock { state in
            Array(state.chunks.lazy.filter { $0.cursor > cursor && !$0.chunk.flags.isDisjoint(with: .leaks) }.prefix(limit))
        }
    }

    /// How many records of each flag were ever appended.
    public func flagCounts() async throws(JobStoreError) -> LogFlagCounts {
        state.withLock { $0.flagCounts }
    }

    /// The cursor of the newest chunk that is kept, 0 when there is none.
    public func newestCursor() async throws(JobStoreError) -> Int64 {
        state.withLock { $0.chunks.last?.cursor ?? 0 }
    }

    /// Deletes all chunks of `jobs`.
    public func delete(logsOf jobs: [JobID]) async throws(JobStoreError) {
        state.withLock { state in
            state.chunks.removeAll { stored in stored.chunk.job.map(jobs.contains) ?? false }
        }
    }

    /// Deletes chunks, oldest first and at most `limit`, whose last record is older than `time` or that stand beyond `bytes` in all.
    public func prune(olderThan time: Timestamp?, beyondBytes bytes: Int?, limit: Int) async throws(JobStoreError) -> LogPruneReport {
        state.withLock { state in
            var kept: [StoredLogChunk] = []
            var report = LogPruneReport(chunks: 0, bytes: 0, hasMore: false)
            var total = state.totalBytes
            for stored in state.chunks {
                let isOld = time.map { stored.chunk.lastTime < $0 } ?? false
                let isBeyond = bytes.map { total > $0 } ?? false
                if !isOld && !isBeyond {
                    kept.append(stored)
                } else if report.chunks == limit {
                    report.hasMore = true
                    kept.append(stored)
                } else {
                    report.chunks += 1
                    report.bytes += stored.chunk.body.count
                    total -= stored.chunk.body.count
                }
            }
            state.chunks = kept
            return report
        }
    }

    /// How many bytes the bodies of all chunks have together.
    public func totalBytes() async throws(JobStoreError) -> Int {
        state.withLock { $0.totalBytes }
    }
}
