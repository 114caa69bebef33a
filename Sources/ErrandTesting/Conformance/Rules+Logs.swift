// Rules about logs: chunks come back complete, in order, and are never missed by a tail.

import Errand
import ErrandContext
import Logging

extension RuleCheck {
    static func chunk(
        _ job: JobID?, _ ordinal: Int64 = 1, _ firstSequence: Int64 = 1, bytes: Int = 8, at time: Timestamp = Timestamp(microseconds: 1)
    ) -> LogChunk {
        LogChunk(
            job: job, ordinal: ordinal, firstSequence: firstSequence, lines: 2, firstTime: time, lastTime: time + .milliseconds(1),
            highestLevel: .warning, flags: [.afterEnd, .truncated],
            body: [UInt8](repeating: UInt8(truncatingIfNeeded: firstSequence), count: bytes))
    }

    func chunks(_ job: JobID, ordinal: Int64? = nil, after position: LogPosition? = nil, limit: Int = 100) async throws -> [StoredLogChunk]
    {
        try await logs.chunks(of: job, ordinal: ordinal, after: position, limit: limit)
    }
}

extension JobStoreConformance {
    static let logRules: [Rule] = [
        Rule("a chunk comes back exactly as it was appended") { check in
            let id = try await check.add()
            var chunks: [LogChunk] = []
            for (place, level) in Logger.Level.allCases.enumerated() {
                var chunk = RuleCheck.chunk(id, 3, Int64(place * 2 + 1), at: check.subject.now())
                chunk.highestLevel = level
                chunk.body = [0, 255, 10, 13, UInt8(place)]
                chunks.append(chunk)
            }
            var foreign = RuleCheck.chunk(nil, 12_345, 1)
            foreign.flags = [.unattributed]
            foreign.body = []
            let cursors = try await check.logs.append(chunks + [foreign], dropping: [])
            check.equal(cursors.count, chunks.count + 1, "the cursors")
            check.equal(cursors, Array(Set(cursors)).sorted(), "the order of the cursors")
            let stored = zip(cursors, chunks).map { StoredLogChunk(cursor: $0, chunk: $1) }
            check.equal(try await check.chunks(id), stored, "the chunks of the job")
            let all = try await check.logs.chunks(after: 0, limit: 100)
            check.equal(all, stored + [StoredLogChunk(cursor: cursors[chunks.count], chunk: foreign)], "the chunks of all jobs")
        },
        Rule("the chunks of a job come by execution and sequence, also when they came late") { check in
            let (id, other) = (try await check.add(), try await check.add())
            _ = try await check.logs.append([RuleCheck.chunk(id, 2, 1), RuleCheck.chunk(id, 1, 3)], dropping: [])
            _ = try await check.logs.append([RuleCheck.chunk(other, 1, 2), RuleCheck.chunk(id, 1, 1)], dropping: [])
            _ = try await check.logs.append([RuleCheck.chunk(id, 2, 9), RuleCheck.chunk(id, 10, 1)], dropping: [])
            func places(_ chunks: [StoredLogChunk]) -> [[Int64]] { chunks.map { [$0.chunk.ordinal, $0.chunk.firstSequence] } }
            let wanted: [[Int64]] = [[1, 1], [1, 3], [2, 1], [2, 9], [10, 1]]
            check.equal(places(try await check.chunks(id)), wanted, "all executions")
            check.equal(places(try await check.chunks(id, ordinal: 2)), [[2, 1], [2, 9]], "one execution")
            check.equal(places(try await check.chunks(id, ordinal: 3)), [], "an execution without a log")
            var read: [[Int64]] = []
            var position: LogPosition?
            repeat {
                let page = try await check.chunks(id, after: position, limit: 2)
                read += places(page)
                position = page.last?.position
            } while position != nil
            check.equal(read, wanted, "all executions, two chunks at a time")
        },
        Rule("a tail that follows the cursor sees every chunk once, in the order in which they came") { check in
            let (a, b) = (try await check.add(), try await check.add())
            var appended: [Int64] = []
            var seen: [Int64] = []
            for round in 1...6 {
                appended += try await check.logs.append(
                    [RuleCheck.chunk(a, 1, Int64(round)), RuleCheck.chunk(b, 1, Int64(round))], dropping: [])
                repeat {
                    let page = try await check.logs.chunks(after: seen.last ?? 0, limit: round)
                    seen += page.map(\.cursor)
                    if page.isEmpty { break }
                } while true
                check.equal(try await check.logs.newestCursor(), appended.last ?? 0, "the newest cursor")
            }
            check.equal(seen, appended, "the cursors that the tail saw")
        },
        Rule("a chunk with crossed records is found under the executions that were current, and only there") { check in
            let (owner, a, b) = (try await check.add(), try await check.add(), try await check.add())
            var crossed = RuleCheck.chunk(owner, 1, 1)
            crossed.flags = [.crossed]
            crossed.crossed = [ExecutionID(a, 2), ExecutionID(b, 1)]
            var another = RuleCheck.chunk(owner, 1, 3)
            another.flags = [.crossed, .afterEnd]
            another.crossed = [ExecutionID(a, 3)]
            let cursors = try await check.logs.append([crossed, RuleCheck.chunk(a, 2, 1), another], dropping: [])
            func found(_ job: JobID, _ ordinal: Int64? = nil, after cursor: Int64 = 0, limit: Int = 9) async throws -> [Int64] {
                try await check.logs.chunks(crossedWith: job, ordinal: ordinal, after: cursor, limit: limit).map(\.cursor)
            }
            check.equal(try await found(a), [cursors[0], cursors[2]], "what crossed all executions of a job")
            check.equal(try await found(a, 3), [cursors[2]], "what crossed one execution")
            check.equal(try await found(a, after: cursors[0]), [cursors[2]], "what came after a cursor")
            check.equal(try await found(a, limit: 1), [cursors[0]], "a page of one")
            check.equal(try await found(b), [cursors[0]], "what crossed the other job")
            check.equal(try await found(owner), [], "what crossed the owner")
            check.equal(try await check.chunks(owner).map(\.chunk.crossed), [[], []], "the list that is not given back")
            _ = try await check.logs.append([], dropping: [cursors[0]])
            check.equal(try await found(a), [cursors[2]], "after the chunk was dropped")
            try await check.logs.delete(logsOf: [owner])
            check.equal(try await found(a), [], "after the owner's log was deleted")
        },
        Rule("chunks that tell of leaks are found by themselves, and the records are counted for good") { check in
            let id = try await check.add()
            let flags: [LogFlags] = [[], .truncated, .afterEnd, [.crossed, .truncated], .ambientLost, .unattributed]
            var chunks: [LogChunk] = []
            for (place, flags) in flags.enumerated() {
                var chunk = RuleCheck.chunk(flags == .unattributed ? nil : id, 7, Int64(place * 2 + 1))
                chunk.flags = flags
                for (flag, _) in LogFlags.names where flags.contains(flag) { chunk.flagCounts[flag] = place }
                chunks.append(chunk)
            }
            let cursors = try await check.logs.append(chunks, dropping: [])
            check.equal(try await check.logs.leakyChunks(after: 0, limit: 9).map(\.cursor), Array(cursors[2...]), "the leaky chunks")
            check.equal(try await check.logs.leakyChunks(after: cursors[2], limit: 2).map(\.cursor), [cursors[3], cursors[4]], "a page")
            try await check.logs.delete(logsOf: [id])
            _ = try await check.logs.append([chunks[2]], dropping: [cursors[5]])
            let counts = try await check.logs.flagCounts()
            let expected: [LogFlags: Int] = [.truncated: 4, .afterEnd: 4, .crossed: 3, .ambientLost: 4, .unattributed: 5]
            check.equal(counts.counts, expected, "the counts")
        },
        Rule("without chunks the newest cursor is 0") { check in
            check.equal(try await check.logs.newestCursor(), 0, "the newest cursor")
            check.equal(try await check.logs.totalBytes(), 0, "the bytes")
            check.equal(try await check.logs.chunks(after: 0, limit: 10), [], "the chunks")
        },
        Rule("a cursor never comes again, also when the newest chunks were deleted and the store was reopened") { check in
            let id = try await check.add()
            let first = try await check.logs.append([RuleCheck.chunk(id, 1, 1), RuleCheck.chunk(id, 1, 3)], dropping: [])
            let second = try await check.logs.append([RuleCheck.chunk(id, 1, 5)], dropping: [first[1]])
            try await check.logs.delete(logsOf: [id])
            let third = try await check.logs.append([RuleCheck.chunk(id, 1, 7)], dropping: [])
            try await check.logs.delete(logsOf: [id])
            try await check.subject.crashAndReopen()
            let fourth = try await check.logs.append([RuleCheck.chunk(id, 1, 9)], dropping: [])
            let all = first + second + third + fourth
            check.equal(all, Array(Set(all)).sorted(), "the cursors of all chunks")
            check.equal(
                try await check.logs.chunks(after: third[0], limit: 10).map(\.cursor), fourth, "what a tail sees that saw the third")
        },
        Rule("an append drops the chunks that it names, and no others") { check in
            let id = try await check.add()
            let first = try await check.logs.append((0..<4).map { RuleCheck.chunk(id, 1, $0 * 2 + 1, bytes: 10) }, dropping: [])
            let more = try await check.logs.append([RuleCheck.chunk(id, 1, 9, bytes: 5)], dropping: [first[1], first[2], 1 << 40])
            check.equal(try await check.chunks(id).map(\.cursor), [first[0], first[3], more[0]], "the chunks that stay")
            check.equal(try await check.logs.totalBytes(), 25, "the bytes that stay")
            _ = try await check.logs.append([], dropping: [first[0]])
            check.equal(try await check.chunks(id).map(\.cursor), [first[3], more[0]], "after a drop without chunks")
        },
        Rule("appended chunks survive a crash") { check in
            let id = try await check.add()
            let cursors = try await check.logs.append([RuleCheck.chunk(id), RuleCheck.chunk(nil, 5)], dropping: [])
            try await check.subject.crashAndReopen()
            check.equal(try await check.logs.chunks(after: 0, limit: 10).map(\.cursor), cursors, "the chunks after the crash")
        },
        Rule("the log of a job can be deleted, and no other goes with it") { check in
            let ids = try await check.add(count: 3)
            _ = try await check.logs.append(ids.flatMap { [RuleCheck.chunk($0, 1), RuleCheck.chunk($0, 2)] }, dropping: [])
            _ = try await check.logs.append([RuleCheck.chunk(nil, 5)], dropping: [])
            try await check.logs.delete(logsOf: [ids[0], ids[2], JobID(rawValue: 4)])
            check.equal(try await check.logs.chunks(after: 0, limit: 10).map(\.chunk.job), [ids[1], ids[1], nil], "the chunks that stay")
            check.equal(try await check.logs.totalBytes(), 24, "the bytes that stay")
        },
        Rule("logs are pruned by age, oldest first, in slices") { check in
            let id = try await check.add()
            let now = check.subject.now()
            let chunks = (0..<6).map { place -> LogChunk in
                let time = now + .seconds(100 * place - 600)
                return RuleCheck.chunk(id, 1, Int64(place * 2 + 1), bytes: 10, at: time)
            }
            let cursors = try await check.logs.append(chunks, dropping: [])
            let limit = now + .seconds(-250)
            let first = try await check.logs.prune(olderThan: limit, beyondBytes: nil, limit: 3)
            check.equal(first, LogPruneReport(chunks: 3, bytes: 30, hasMore: true), "the first slice")
            let second = try await check.logs.prune(olderThan: limit, beyondBytes: nil, limit: 3)
            check.equal(second, LogPruneReport(chunks: 1, bytes: 10, hasMore: false), "the second slice")
            check.equal(try await check.chunks(id).map(\.cursor), Array(cursors[4...]), "the chunks that stay")
        },
        Rule("logs are pruned by bytes, oldest first, until they fit") { check in
            let id = try await check.add()
            let cursors = try await check.logs.append((0..<6).map { RuleCheck.chunk(id, 1, $0 * 2 + 1, bytes: 10) }, dropping: [])
            check.equal(
                try await check.logs.prune(olderThan: nil, beyondBytes: 60, limit: 9), LogPruneReport(chunks: 0, bytes: 0, hasMore: false),
                "when they fit")
            check.equal(
                try await check.logs.prune(olderThan: nil, beyondBytes: 25, limit: 9), LogPruneReport(chunks: 4, bytes: 40, hasMore: false),
                "when they do not")
            check.equal(try await check.chunks(id).map(\.cursor), Array(cursors[4...]), "the chunks that stay")
            check.equal(
                try await check.logs.prune(olderThan: nil, beyondBytes: nil, limit: 9), LogPruneReport(chunks: 0, bytes: 0, hasMore: false),
                "without a limit")
        },
    ]
}
