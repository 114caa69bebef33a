// The seam to the logs: chunks of lines per execution, appended while it runs, read by position.

public import Logging

/// Keeps the logs of executions. Logs are worth less than job state: a failed append is counted and never delays an outcome.
public protocol LogStore: Sendable {
    /// Appends chunks in order, in one commit, and drops what `dropping` names; gives each chunk its cursor.
    /// - Throws: ``JobStoreError``.
    func append(_ chunks: [LogChunk], dropping: [Int64]) async throws(JobStoreError) -> [Int64]

    /// Chunks of one job (of one execution when `ordinal` is given) in the order of execution and sequence, after `cursor`
    /// (a chunk's cursor; 0 is the beginning), at most `limit`.
    /// - Throws: ``JobStoreError``.
    func chunks(of job: JobID, ordinal: Int64?, after position: LogPosition?, limit: Int) async throws(JobStoreError) -> [StoredLogChunk]

    /// Chunks of all jobs in the order in which they were committed, after `cursor`, at most `limit`.
    /// - Throws: ``JobStoreError``.
    func chunks(after cursor: Int64, limit: Int) async throws(JobStoreError) -> [StoredLogChunk]

    /// Chunks of other executions that hold `crossed` records written while `job` (its execution `ordinal`, when given) was current,
    /// in the order in which they were committed, after `cursor`, at most `limit`.
    /// - Throws: ``JobStoreError``.
    func chunks(crossedWith job: JobID, ordinal: Int64?, after cursor: Int64, limit: Int) async throws(JobStoreError) -> [StoredLogChunk]

    /// Chunks of all jobs in which one of the flags in ``LogFlags/leaks`` occurs, in the order in which they were committed, after
    /// `cursor`, at most `limit`. Costs what it finds, however large the logs are.
    /// - Throws: ``JobStoreError``.
    func leakyChunks(after cursor: Int64, limit: Int) async throws(JobStoreError) -> [StoredLogChunk]

    /// How many records of each flag were ever appended; pruning takes nothing away.
    /// - Throws: ``JobStoreError``.
    func flagCounts() async throws(JobStoreError) -> LogFlagCounts

    /// The highest sequence number in the log of `execution`, 0 when it has none: where somebody else goes on with it.
    /// - Throws: ``JobStoreError``.
    func lastSequence(of execution: ExecutionID) async throws(JobStoreError) -> Int64

    /// The cursor of the newest chunk, 0 when there is none: where a tail that wants only new lines begins.
    /// - Throws: ``JobStoreError``.
    func newestCursor() async throws(JobStoreError) -> Int64

    /// Deletes all logs of `jobs`.
    /// - Throws: ``JobStoreError``.
    func delete(logsOf jobs: [JobID]) async throws(JobStoreError)

    /// Deletes a bounded slice of the oldest chunks that are older than `age` or beyond `bytes` in all.
    /// - Throws: ``JobStoreError``.
    func prune(olderThan time: Timestamp?, beyondBytes bytes: Int?, limit: Int) async throws(JobStoreError) -> LogPruneReport

    /// How many bytes of lines are kept in all.
    /// - Throws: ``JobStoreError``.
    func totalBytes() async throws(JobStoreError) -> Int
}

extension LogStore {
    /// Looks at all chunks of the execution, one page after another; stores with an index do better.
    /// - Throws: ``JobStoreError``.
    public func lastSequence(of execution: ExecutionID) async throws(JobStoreError) -> Int64 {
        var last: Int64 = 0
        var position: LogPosition?
        while true {
            let page = try await chunks(of: execution.job, ordinal: execution.ordinal, after: position, limit: 100)
            for stored in page { last = max(last, stored.chunk.firstSequence + Int64(stored.chunk.lines) - 1) }
            guard let end = page.last, page.count == 100 else { return last }
            position = end.position
        }
    }
}

/// A place in the log of one job.
public struct LogPosition: Sendable, Hashable, Comparable {
    /// Which execution.
    public var ordinal: Int64
    /// The first sequence number of a chunk of it.
    public var firstSequence: Int64
    /// That chunk's cursor.
    public var cursor: Int64

    /// A place.
    public init(ordinal: Int64, firstSequence: Int64, cursor: Int64) {
        self.ordinal = ordinal
        self.firstSequence = firstSequence
        self.cursor = cursor
    }

    /// By execution, then by sequence, then by cursor.
    public static func < (lhs: LogPosition, rhs: LogPosition) -> Bool {
        (lhs.ordinal, lhs.firstSequence, lhs.cursor) < (rhs.ordinal, rhs.firstSequence, rhs.cursor)
    }
}

/// What a slice of pruning deleted.
public struct LogPruneReport: Sendable, Hashable {
    /// How many chunks.
    public var chunks: Int
    /// How many bytes of lines.
    public var bytes: Int
    /// Whether another slice would find more.
    public var hasMore: Bool

    /// Puts together a report; used by stores.
    public init(chunks: Int, bytes: Int, hasMore: Bool) {
        self.chunks = chunks
        self.bytes = bytes
        self.hasMore = hasMore
    }
}

/// Consecutive log records of one execution, on their way into the store.
public struct LogChunk: Sendable, Hashable {
    /// The job; `nil` for records that belong to no execution.
    public var job: JobID?
    /// The execution's ordinal, or the worker's ID for records that belong to no execution.
    public var ordinal: Int64
    /// The first record's sequence number, from 1.
    public var firstSequence: Int64
    /// How many records.
    public var lines: Int
    /// The first record's time.
    public var firstTime: Timestamp
    /// The last record's time.
    public var lastTime: Timestamp
    /// The highest level in it.
    public var highestLevel: Logger.Level
    /// All flags that occur in it.
    public var flags: LogFlags
    /// How many records carry each flag; stores add it up and do not give it back with the chunk.
    public var flagCounts: LogFlagCounts
    /// Executions that were current instead of the owner when `crossed` records of it were written, each once; stores find the chunk
    /// under them too, and do not give the list back with the chunk.
    public var crossed: [ExecutionID]
    /// The records: ``LogFraming`` says how.
    public var body: [UInt8]

    /// Puts together a chunk.
    public init(
        job: JobID?, ordinal: Int64, firstSequence: Int64, lines: Int, firstTime: Timestamp, lastTime: Timestamp,
        highestLevel: Logger.Level, flags: LogFlags, flagCounts: LogFlagCounts = LogFlagCounts(), crossed: [ExecutionID] = [], body: [UInt8]
    ) {
        self.job = job
        self.ordinal = ordinal
        self.firstSequence = firstSequence
        self.lines = lines
        self.firstTime = firstTime
        self.lastTime = lastTime
        self.highestLevel = highestLevel
        self.flags = flags
        self.flagCounts = flagCounts
        self.crossed = crossed
        self.body = body
    }
}

/// A chunk as the store gives it back.
public struct StoredLogChunk: Sendable, Hashable {
    /// Its place in the order of commits: the cursor of tails.
    public var cursor: Int64
    /// What was appended.
    public var chunk: LogChunk

    /// Puts together a stored chunk; used by stores.
    public init(cursor: Int64, chunk: LogChunk) {
        self.cursor = cursor
        self.chunk = chunk
    }

    /// Its place in the log of its job.
    public var position: LogPosition {
        LogPosition(ordinal: chunk.ordinal, firstSequence: chunk.firstSequence, cursor: cursor)
    }
}
