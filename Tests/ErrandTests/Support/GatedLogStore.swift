// A log store that takes nothing until it is told to, as one whose lock somebody else holds.

import Errand
import ErrandContext

/// Appends wait for the gate; everything else goes straight to the store behind it.
struct GatedLogStore: LogStore {
    let logs: any LogStore
    let gate: Happening

    func append(_ chunks: [LogChunk], dropping: [Int64]) async throws(JobStoreError) -> [Int64] {
        await gate.wait()
        return try await logs.append(chunks, dropping: dropping)
    }

    func chunks(of job: JobID, ordinal: Int64?, after position: LogPosition?, limit: Int) async throws(JobStoreError) -> [StoredLogChunk] {
        try await logs.chunks(of: job, ordinal: ordinal, after: position, limit: limit)
    }

    func chunks(after cursor: Int64, limit: Int) async throws(JobStoreError) -> [StoredLogChunk] {
        try await logs.chunks(after: cursor, limit: limit)
    }

    func chunks(
        crossedWith job: JobID, ordinal: Int64?, after cursor: Int64, limit: Int
    ) async throws(JobStoreError) -> [StoredLogChunk] {
        try await logs.chunks(crossedWith: job, ordinal: ordinal, after: cursor, limit: limit)
    }
    func leakyChunks(after cursor: Int64, limit: Int) async throws(JobStoreError) -> [StoredLogChunk] {
        try await logs.leakyChunks(after: cursor, limit: limit)
    }
    func flagCounts() async throws(JobStoreError) -> LogFlagCounts { try await logs.flagCounts() }
    func newestCursor() async throws(JobStoreError) -> Int64 { try await logs.newestCursor() }
    func delete(logsOf jobs: [JobID]) async throws(JobStoreError) { try await logs.delete(logsOf: jobs) }

    func prune(olderThan time: Timestamp?, beyondBytes bytes: Int?, limit: Int) async throws(JobStoreError) -> LogPruneReport {
        try await logs.prune(olderThan: time, beyondBytes: bytes, limit: limit)
    }

    func totalBytes() async throws(JobStoreError) -> Int { try await logs.totalBytes() }
}
