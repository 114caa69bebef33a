// When a writer moves its write-ahead log into the database: when idle, or when the log has grown large.

/// Decides about checkpoints; times are nanoseconds of any steady clock.
struct CheckpointPolicy {
    /// A log beyond this is emptied in the middle of the work: 32 MiB.
    static let largeBytes = 32 << 20
    /// A log beyond this is emptied when its writer ends: 1 MiB, which an opener reads in about a millisecond.
    static let smallBytes = 1 << 20
    /// So long after the last write the file counts as idle: 1 second.
    static let idle: Int64 = 1_000_000_000
    /// The log's size is looked at once in so many commits.
    private static let commitsBetweenLooks = 16

    private var lastCommit: Int64?
    private var notBefore: Int64 = 0
    private var commits = 0

    /// Something was written: the log is not empty.
    mutating func didCommit(at now: Int64) {
        lastCommit = now
        commits += 1
    }

    /// How long to sleep until an idle checkpoint is due; `nil` when the log is empty.
    func idleWait(now: Int64) -> Int64? {
        lastCommit.map { max(0, max($0 + CheckpointPolicy.idle, notBefore) - now) }
    }

    /// Whether it is time to look at the log's size.
    mutating func shouldLook(now: Int64) -> Bool {
        guard commits >= CheckpointPolicy.commitsBetweenLooks, now >= notBefore else { return false }
        commits = 0
        return true
    }

    /// A checkpoint was made; when a reader or another writer stood in its way, the next one is tried a second later.
    mutating func didCheckpoint(emptied: Bool, at now: Int64) {
        if emptied { lastCommit = nil } else { notBefore = now + CheckpointPolicy.idle }
    }
}
