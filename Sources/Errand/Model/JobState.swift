// Where a job stands, and what became of one execution.

/// Where a job stands. A job is in exactly one state.
public enum JobState: String, Sendable, Codable, CaseIterable {
    /// May start now.
    case available
    /// Starts at its time.
    case scheduled
    /// A worker holds it.
    case running
    /// Waits for its next attempt after a failed one.
    case retryable
    /// Held back by the limit or sequence of its key, or behind the job that has its unique key.
    case waiting
    /// Held back by jobs that it depends on.
    case blocked
    /// Ended well.
    case completed
    /// Ended because somebody asked for it.
    case cancelled
    /// Ended after its last attempt; kept, and can be retried.
    case dead

    /// Whether nothing more happens by itself.
    public var isFinal: Bool { self == .completed || self == .cancelled || self == .dead }
}

/// What became of one execution.
public enum Outcome: String, Sendable, Codable, CaseIterable {
    /// The handler returned.
    case completed
    /// The handler threw.
    case failed
    /// The handler did not end within its timeout.
    case timedOut = "timed_out"
    /// The handler asked to run later; the attempt is refunded.
    case snoozed
    /// Ended because somebody asked for it.
    case cancelled
    /// Cut by a shutdown or by its worker's death; the attempt is refunded.
    case interrupted
    /// The execution that took its process down; the attempt is refunded, since crashes are counted apart.
    case crashed
    /// Its lease expired while its process lived; the attempt is refunded.
    case lost

    /// Whether the execution does not count as an attempt.
    public var isRefunded: Bool { self == .snoozed || self == .interrupted || self == .lost || self == .crashed }

    /// Whether a job that waits after such an execution is `retryable` (something went wrong) rather than `scheduled`.
    package var isRetried: Bool { !isRefunded || self == .crashed }
}
