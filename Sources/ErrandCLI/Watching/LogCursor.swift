// Reads log chunks onwards from where it stopped: of one job in the order of its executions, of others that crossed it, or of all jobs
// as they were committed.

import Errand

/// A place in one job's log that moves on, and misses nothing that older executions write late.
struct JobLogCursor {
    let logs: any LogStore
    let job: JobID
    /// Only this execution; `nil` is all.
    let ordinal: Int64?
    /// How far each execution has been read.
    private var positions: [Int64: LogPosition] = [:]

    private static let page = 64

    init(logs: any LogStore, job: JobID, ordinal: Int64?) {
        self.logs = logs
        self.job = job
        self.ordinal = ordinal
    }

    /// Whether anything has been read.
    var hasRead: Bool { !positions.isEmpty }

    /// Gives `body` every chunk that has come since the last call.
    /// - Throws: `JobStoreError`, and what `body` throws.
    mutating func readOn(_ body: (LogChunk) throws -> Void) async throws {
        let newest = positions.keys.max()
        for ordinal in positions.keys.sorted() where ordinal != newest && self.ordinal == nil {
            try await read(ordinal: ordinal, after: positions[ordinal], body)
        }
        try await read(ordinal: ordinal, after: newest.flatMap { positions[$0] }, body)
    }

    private mutating func read(ordinal: Int64?, after start: LogPosition?, _ body: (LogChunk) throws -> Void) async throws {
        var position = start
        while true {
            let chunks = try await logs.chunks(of: job, ordinal: ordinal, after: position, limit: JobLogCursor.page)
            for stored in chunks {
                try body(stored.chunk)
                positions[stored.chunk.ordinal] = stored.position
                position = stored.position
            }
            guard chunks.count == JobLogCursor.page else { return }
        }
    }
}

/// A place among the chunks of other executions that hold lines written while one job was current.
struct CrossedLogCursor {
    let logs: any LogStore
    let job: JobID
    /// Only this execution; `nil` is all.
    let ordinal: Int64?
    private var cursor: Int64 = 0

    private static let page = 64

    init(logs: any LogStore, job: JobID, ordinal: Int64?) {
        self.logs = logs
        self.job = job
        self.ordinal = ordinal
    }

    /// Gives `body` every chunk that has come since the last call.
    /// - Throws: `JobStoreError`, and what `body` throws.
    mutating func readOn(_ body: (LogChunk) throws -> Void) async throws {
        while true {
            let chunks = try await logs.chunks(crossedWith: job, ordinal: ordinal, after: cursor, limit: CrossedLogCursor.page)
            for stored in chunks {
                try body(stored.chunk)
                cursor = stored.cursor
            }
            guard chunks.count == CrossedLogCursor.page else { return }
        }
    }
}

/// A place in the log of all jobs that moves on.
struct StoreLogCursor {
    let logs: any LogStore
    /// Whether only chunks with flags that tell of a leak are read.
    let isLeaky: Bool
    /// The last chunk that has been read.
    private(set) var cursor: Int64

    private static let page = 256

    init(logs: any LogStore, isLeaky: Bool = false, after cursor: Int64) {
        self.logs = logs
        self.isLeaky = isLeaky
        self.cursor = cursor
    }

    /// Gives `body` every chunk that has come since the last call, up to the chunk `end` (`nil`: all).
    /// - Throws: `JobStoreError`, and what `body` throws.
    mutating func readOn(upTo end: Int64? = nil, _ body: (LogChunk) throws -> Void) async throws {
        while true {
            let chunks = try await page()
            for stored in chunks {
                if let end, stored.cursor > end { return }
                try body(stored.chunk)
                cursor = stored.cursor
            }
            guard chunks.count == StoreLogCursor.page else { return }
        }
    }

    private func page() async throws(JobStoreError) -> [StoredLogChunk] {
        isLeaky
            ? try await logs.leakyChunks(after: cursor, limit: StoreLogCursor.page)
            : try await logs.chunks(after: cursor, limit: StoreLogCursor.page)
    }
}
