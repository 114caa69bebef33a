// Chunks of log lines: appended, read by position, pruned, counted.

import Errand
import ErrandContext
import ErrandSQLite
import Logging
import Testing

@Suite struct LogTests {
    private func chunk(_ job: Int64?, _ ordinal: Int64, _ first: Int64, _ text: String, at second: Int64 = 1) -> LogChunk {
        LogChunk(
            job: job.map(JobID.init(rawValue:)), ordinal: ordinal, firstSequence: first, lines: 1,
            firstTime: Timestamp(microseconds: second * 1_000_000), lastTime: Timestamp(microseconds: second * 1_000_000 + 5),
            highestLevel: .error, flags: [.afterEnd], body: Array(text.utf8))
    }

    @Test func `chunks come back as they were appended, per job by execution and sequence`() async throws {
        let store = try TestStore()
        let chunks = [chunk(7, 2, 1, "c"), chunk(7, 1, 3, "b"), chunk(8, 1, 1, "x"), chunk(7, 1, 1, "a"), chunk(nil, 99, 1, "none")]
        let cursors = try await store.logs.append(chunks, dropping: [])
        #expect(cursors == cursors.sorted())
        let seven = try await store.logs.chunks(of: JobID(rawValue: 7), ordinal: nil, after: nil, limit: 10)
        #expect(seven.map(\.chunk) == [chunks[3], chunks[1], chunks[0]])
        #expect(try await store.logs.chunks(of: JobID(rawValue: 7), ordinal: 1, after: seven[0].position, limit: 10) == [seven[1]])
        #expect(try await store.logs.chunks(of: JobID(rawValue: 7), ordinal: nil, after: seven[1].position, limit: 10) == [seven[2]])
        #expect(try await store.logs.chunks(after: cursors[2], limit: 10).map(\.chunk) == [chunks[3], chunks[4]])
        #expect(try await store.logs.newestCursor() == cursors[4])
        #expect(try await store.logs.totalBytes() == 8)
    }

    @Test func `dropping, deleting and pruning keep the number of bytes`() async throws {
        let store = try TestStore()
        let cursors = try await store.logs.append(
            [chunk(1, 1, 1, "aaaa"), chunk(2, 1, 1, "bbb", at: 9), chunk(3, 1, 1, "cc", at: 9)], dropping: [])
        _ = try await store.logs.append([chunk(1, 1, 2, "d", at: 9)], dropping: [cursors[0]])
        #expect(try await store.logs.totalBytes() == 6)
        try await store.logs.delete(logsOf: [JobID(rawValue: 2)])
        #expect(try await store.logs.totalBytes() == 3)
        #expect(
            try await store.logs.prune(olderThan: nil, beyondBytes: 1, limit: 9) == LogPruneReport(chunks: 1, bytes: 2, hasMore: false))
        #expect(try await store.logs.totalBytes() == 1)
    }

    @Test func `pruning by age takes a slice and says that more is left`() async throws {
        let store = try TestStore()
        _ = try await store.logs.append([chunk(1, 1, 1, "a"), chunk(1, 1, 2, "b"), chunk(1, 1, 3, "c", at: 50)], dropping: [])
        let limit = Timestamp(microseconds: 10_000_000)
        #expect(
            try await store.logs.prune(olderThan: limit, beyondBytes: nil, limit: 1) == LogPruneReport(chunks: 1, bytes: 1, hasMore: true))
        #expect(
            try await store.logs.prune(olderThan: limit, beyondBytes: nil, limit: 1) == LogPruneReport(chunks: 1, bytes: 1, hasMore: false))
    }

    @Test func `cursors are not given out again after everything was pruned, also after a crash`() async throws {
        let store = try TestStore()
        let first = try await store.logs.append([chunk(1, 1, 1, "a")], dropping: [])
        _ = try await store.logs.prune(olderThan: nil, beyondBytes: 0, limit: 9)
        let reopened = try store.crashAndReopen()
        let second = try await reopened.logs.append([chunk(1, 1, 2, "b")], dropping: [])
        #expect(second[0] > first[0])
        #expect(try await reopened.logs.chunks(after: 0, limit: 9).count == 1)
    }
}
