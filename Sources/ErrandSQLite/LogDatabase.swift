// logs.db as its writer thread sees it: chunks in, chunks out, the number of bytes kept.

import Errand
import ErrandContext

/// `logs.db` in the hands of its writer thread.
final class LogDatabase: WritableDatabase {
    private(set) var connection: Connection

    init(connection: Connection) { self.connection = connection }

    func didBegin() -> Set<DoorbellTopic> { [] }
    func willCommit() {}
    func didRollBack() {}
    func mark() {}
    func returnToMark() {}

    func reopen() throws(JobStoreError) { connection = try Connection(path: connection.path, queryOnly: false) }

    /// Appends chunks in order and drops others; gives the cursors.
    func append(_ chunks: [LogChunk], dropping: [Int64]) throws(JobStoreError) -> ([Int64], Set<DoorbellTopic>) {
        var cursors: [Int64] = []
        cursors.reserveCapacity(chunks.count)
        var bytes = 0
        for chunk in chunks {
            try connection[LogSQL.append].bind(1, chunk.job?.rawValue ?? 0).bind(2, chunk.ordinal).bind(3, chunk.firstSequence)
                .bind(4, Int64(chunk.lines)).bind(5, chunk.firstTime.microseconds).bind(6, chunk.lastTime.microseconds)
                .bind(7, chunk.highestLevel.code).bind(8, chunk.flags.rawValue).bind(9, blob: chunk.body).run()
            let cursor = connection.lastRowID
            for other in chunk.crossed {
                try connection[LogSQL.cross].bind(1, other.job.rawValue).bind(2, other.ordinal).bind(3, cursor).run()
            }
            for (flag, lines) in chunk.flagCounts.counts {
                try connection[LogSQL.countFlag].bind(1, flag.rawValue).bind(2, Int64(lines)).run()
            }
            cursors.append(cursor)
            bytes += chunk.body.count
        }
        for cursor in dropping { bytes -= try drop(cursor) }
        try count(bytes)
        return (cursors, chunks.isEmpty ? [] : [.log])
    }

    /// Deletes all chunks of jobs.
    func delete(_ jobs: [JobID]) throws(JobStoreError) -> (Void, Set<DoorbellTopic>) {
        var bytes = 0
        for job in jobs where job.rawValue != 0 {
            bytes += try connection[LogSQL.bytesOfJob].bind(1, job.rawValue).first { Int($0.integer(0)) } ?? 0
            try connection[LogSQL.dropJob].bind(1, job.rawValue).run()
            try connection[LogSQL.uncross].bind(1, job.rawValue).run()
        }
        try count(-bytes)
        return ((), [])
    }

    /// Deletes at most `limit` of the oldest chunks.
    func prune(olderThan time: Timestamp?, beyondBytes limitBytes: Int?, limit: Int) throws(JobStoreError) -> (
        LogPruneReport, Set<DoorbellTopic>
    ) {
        var report = LogPruneReport(chunks: 0, bytes: 0, hasMore: false)
        let total = try connection[LogSQL.totalBytes].first { Int($0.integer(0)) } ?? 0
        var over: [Int64] = []
        // One more than may go, to see whether another slice would find something.
        try connection[LogSQL.oldest].bind(1, Int64(limit) + 1).forEach { row in
            let isOld = time.map { row.integer(1) < $0.microseconds } ?? false
            let isBeyond = limitBytes.map { total - report.bytes > $0 } ?? false
            guard isOld || isBeyond else { return }
            guard over.count < limit else {
                report.hasMore = true
                return
            }
            over.append(row.integer(0))
            report.bytes += Int(row.integer(2))
        }
        for cursor in over { try connection[LogSQL.drop].bind(1, cursor).run() }
        report.chunks = over.count
        try count(-report.bytes)
        return (report, [])
    }

    private func drop(_ cursor: Int64) throws(JobStoreError) -> Int {
        let bytes = try connection[LogSQL.bytesOf].bind(1, cursor).first { Int($0.integer(0)) } ?? 0
        try connection[LogSQL.drop].bind(1, cursor).run()
        return bytes
    }

    private func count(_ bytes: Int) throws(JobStoreError) {
        guard bytes != 0 else { return }
        try connection[LogSQL.count].bind(1, Int64(bytes)).run()
    }
}

/// `logs.db` as those who read see it.
final class LogReader: ReadableDatabase {
    let connection: Connection

    init(connection: Connection) { self.connection = connection }

    /// A reader of the logs at `path`. Where there was never room to make the file, it reads as what it would be: empty.
    static func open(_ path: String) throws(JobStoreError) -> LogReader {
        let connection = try Connection.reader(of: path)
        let exists = try connection.integer("SELECT 1 FROM sqlite_schema WHERE name = 'errand_log_meta'") != nil
        guard !exists else { return LogReader(connection: connection) }
        let empty = try Connection(path: ":memory:", queryOnly: false, isStopgap: true)
        try empty.execute(Schema.logs)
        for step in Schema.steps { try empty.execute(step.logs) }
        return LogReader(connection: empty)
    }

    /// Chunks of one job in the order of execution and sequence.
    func chunks(of job: JobID, ordinal: Int64?, after position: LogPosition?, limit: Int) throws(JobStoreError) -> [StoredLogChunk] {
        if let ordinal {
            guard let position, position.ordinal >= ordinal else { return try chunks(of: job, ordinal, from: .min, .min, limit: limit) }
            guard position.ordinal == ordinal else { return [] }
            return try chunks(of: job, ordinal, from: position.firstSequence, position.cursor, limit: limit)
        }
        let start = position ?? LogPosition(ordinal: .min, firstSequence: .min, cursor: .min)
        let statement = try connection[LogSQL.ofJob]
        statement.bind(1, job.rawValue).bind(2, start.ordinal).bind(3, start.firstSequence).bind(4, start.cursor).bind(5, Int64(limit))
        return try read(statement)
    }

    private func chunks(
        of job: JobID, _ ordinal: Int64, from sequence: Int64, _ cursor: Int64, limit: Int
    ) throws(JobStoreError) -> [StoredLogChunk] {
        let statement = try connection[LogSQL.ofExecution]
        statement.bind(1, job.rawValue).bind(2, ordinal).bind(3, sequence).bind(4, cursor).bind(5, Int64(limit))
        return try read(statement)
    }

    /// Chunks of all jobs in the order of their commits.
    func chunks(after cursor: Int64, limit: Int) throws(JobStoreError) -> [StoredLogChunk] {
        try read(try connection[LogSQL.after].bind(1, cursor).bind(2, Int64(limit)))
    }

    /// Chunks of others that were written while `job` was current.
    func chunks(crossedWith job: JobID, ordinal: Int64?, after cursor: Int64, limit: Int) throws(JobStoreError) -> [StoredLogChunk] {
        guard let ordinal else {
            return try read(try connection[LogSQL.crossedWithJob].bind(1, job.rawValue).bind(2, cursor).bind(3, Int64(limit)))
        }
        let statement = try connection[LogSQL.crossedWithExecution]
        return try read(statement.bind(1, job.rawValue).bind(2, ordinal).bind(3, cursor).bind(4, Int64(limit)))
    }

    /// Chunks with flags that tell of a leak.
    func leakyChunks(after cursor: Int64, limit: Int) throws(JobStoreError) -> [StoredLogChunk] {
        try read(try connection[LogSQL.leaky].bind(1, cursor).bind(2, Int64(limit)))
    }

    func flagCounts() throws(JobStoreError) -> LogFlagCounts {
        var counts = LogFlagCounts()
        try connection[LogSQL.flagCounts].forEach { row in counts[LogFlags(rawValue: row.integer(0))] = Int(row.integer(1)) }
        return counts
    }

    func lastSequence(of execution: ExecutionID) throws(JobStoreError) -> Int64 {
        try connection[LogSQL.lastSequence].bind(1, execution.job.rawValue).bind(2, execution.ordinal).first { $0.integer(0) } ?? 0
    }

    func newestCursor() throws(JobStoreError) -> Int64 {
        try connection[LogSQL.newest].first { $0.integer(0) } ?? 0
    }

    func totalBytes() throws(JobStoreError) -> Int {
        try connection[LogSQL.totalBytes].first { Int($0.integer(0)) } ?? 0
    }

    private func read(_ statement: Statement) throws(JobStoreError) -> [StoredLogChunk] {
        var chunks: [StoredLogChunk] = []
        try statement.forEach { row in
            let job = row.integer(1)
            let chunk = LogChunk(
                job: job == 0 ? nil : JobID(rawValue: job), ordinal: row.integer(2), firstSequence: row.integer(3),
                lines: Int(row.integer(4)),
                firstTime: Timestamp(microseconds: row.integer(5)), lastTime: Timestamp(microseconds: row.integer(6)),
                highestLevel: .init(code: row.integer(7)), flags: LogFlags(rawValue: row.integer(8)), body: row.bytes(9))
            chunks.append(StoredLogChunk(cursor: row.integer(0), chunk: chunk))
        }
        return chunks
    }
}

/// The statements of the logs.
enum LogSQL {
    private static let columns = "id, job, ordinal, first_seq, lines, first_us, last_us, max_level, flags, body"

    /// A chunk, and its cursor.
    static let append = SQL(
        """
        INSERT INTO errand_log_chunk(job, ordinal, first_seq, lines, first_us, last_us, max_level, flags, format, body)
        VALUES(:job, :ordinal, :first_seq, :lines, :first_us, :last_us, :max_level, :flags, 1, :body)
        """)

    /// Makes a chunk findable under another execution. Primary key of `errand_log_crossed`.
    static let cross = SQL("INSERT INTO errand_log_crossed(job, ordinal, chunk) VALUES(:job, :ordinal, :chunk)")

    /// A job that is gone is crossed with nothing. A prefix of the primary key of `errand_log_crossed`.
    static let uncross = SQL("DELETE FROM errand_log_crossed WHERE job = :job")

    /// Row key of `errand_log_flag`.
    static let countFlag = SQL(
        "INSERT INTO errand_log_flag(flag, lines) VALUES(:flag, :lines) ON CONFLICT DO UPDATE SET lines = lines + excluded.lines")

    /// At most one row for each flag.
    static let flagCounts = SQL("SELECT flag, lines FROM errand_log_flag")

    /// Chunks of others that cross one job. A prefix of the primary key of `errand_log_crossed` (the few crossed chunks of one job are
    /// sorted), then row keys.
    static let crossedWithJob = SQL(
        """
        SELECT \(columns) FROM errand_log_chunk
         WHERE id IN (SELECT chunk FROM errand_log_crossed WHERE job = :job AND chunk > :cursor) ORDER BY id LIMIT :limit
        """)

    /// Chunks of others that cross one execution. As ``crossedWithJob``.
    static let crossedWithExecution = SQL(
        """
        SELECT \(columns) FROM errand_log_chunk
         WHERE id IN (SELECT chunk FROM errand_log_crossed WHERE job = :job AND ordinal = :ordinal AND chunk > :cursor)
         ORDER BY id LIMIT :limit
        """)

    /// Chunks that tell of leaks. A range of the partial index `errand_log_chunk_leaky`.
    static let leaky = SQL(
        "SELECT \(columns) FROM errand_log_chunk WHERE flags & 15 <> 0 AND id > :cursor ORDER BY id LIMIT :limit")

    /// Chunks of one job. A range of index `errand_log_chunk_job`, which ends in the row key.
    static let ofJob = SQL(
        """
        SELECT \(columns) FROM errand_log_chunk WHERE job = :job AND (ordinal, first_seq, id) > (:ordinal, :first_seq, :id)
         ORDER BY ordinal, first_seq, id LIMIT :limit
        """)

    /// Chunks of one execution. As ``ofJob``.
    static let ofExecution = SQL(
        """
        SELECT \(columns) FROM errand_log_chunk WHERE job = :job AND ordinal = :ordinal AND (first_seq, id) > (:first_seq, :id)
         ORDER BY first_seq, id LIMIT :limit
        """)

    /// The end of an execution's log. The last row of a prefix of index `errand_log_chunk_job`.
    static let lastSequence = SQL(
        """
        SELECT first_seq + lines - 1 FROM errand_log_chunk WHERE job = :job AND ordinal = :ordinal ORDER BY first_seq DESC LIMIT 1
        """)

    /// Chunks of all jobs. A range of row keys.
    static let after = SQL("SELECT \(columns) FROM errand_log_chunk WHERE id > :cursor ORDER BY id LIMIT :limit")

    /// The last row key.
    static let newest = SQL("SELECT coalesce(max(id), 0) FROM errand_log_chunk")

    /// The first row keys.
    static let oldest = SQL("SELECT id, last_us, length(body) FROM errand_log_chunk ORDER BY id LIMIT :limit")

    static let bytesOf = SQL("SELECT length(body) FROM errand_log_chunk WHERE id = :id")
    static let drop = SQL("DELETE FROM errand_log_chunk WHERE id = :id")

    /// A prefix of index `errand_log_chunk_job`.
    static let bytesOfJob = SQL("SELECT coalesce(sum(length(body)), 0) FROM errand_log_chunk WHERE job = :job")
    static let dropJob = SQL("DELETE FROM errand_log_chunk WHERE job = :job")

    static let totalBytes = SQL("SELECT bytes FROM errand_log_meta WHERE one = 1")
    static let count = SQL("UPDATE errand_log_meta SET bytes = max(0, bytes + :bytes) WHERE one = 1")
}
