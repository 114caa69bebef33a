// Which jobs run one after another.

/// A row of jobs of one queue that run one at a time, in the order in which they were added.
///
/// A job has its turn until it has ended: through retries, snoozes, rescues and the death of workers. One that was delayed takes its place by
/// its age when it is due.
public struct JobSequence: Sendable, Hashable, Codable {
    /// What the jobs of the sequence share, within their queue: an account, for example; at most 512 bytes.
    public var key: String
    /// Whether the sequence stops when this job dies, until somebody retries or deletes it or resumes the sequence; false by default: the
    /// next one goes on.
    public var haltsOnDeath: Bool

    /// The sequence of `key`.
    public init(_ key: String, haltsOnDeath: Bool = false) {
        self.key = key
        self.haltsOnDeath = haltsOnDeath
    }

    private enum CodingKeys: String, CodingKey {
        case key
        case haltsOnDeath = "halts"
    }
}
