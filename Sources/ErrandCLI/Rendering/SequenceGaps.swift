// Notices dropped lines: sequence numbers are gapless where nothing is missing.

import Errand

/// Follows the sequence numbers of executions.
struct SequenceGaps {
    /// The last number of each execution that has been read.
    private var last: [Key: Int64] = [:]
    /// Whether executions that were not seen before must begin at 1; not so for a reader who begins in the middle.
    let readsFromStart: Bool

    private struct Key: Hashable {
        var job: JobID?
        var ordinal: Int64
    }

    init(readsFromStart: Bool) { self.readsFromStart = readsFromStart }

    /// How many lines are missing before the record `sequence` of `chunk`.
    mutating func missing(before sequence: Int64, in chunk: LogChunk) -> Int64 {
        let key = Key(job: chunk.job, ordinal: chunk.ordinal)
        let expected = last[key].map { $0 + 1 } ?? (readsFromStart ? 1 : sequence)
        last[key] = max(sequence, last[key] ?? 0)
        return max(0, sequence - expected)
    }
}
