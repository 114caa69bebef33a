// In which order a worker serves its queues, and which of its slots it keeps for urgent work.

/// Which of a worker's queues gives the next job.
public enum QueueOrder: String, Sendable, Hashable, Codable, CaseIterable {
    /// The first one that has any, in the order in which they are named.
    case strict
    /// Each in proportion to its weight (`errand queues set --weight`, 1 unless it is set), as long as it has any.
    case weighted
}

/// Slots that are kept free for urgent jobs.
public struct SpareSlots: Sendable, Hashable {
    /// How many: at least 1, fewer than there are in all.
    public var slots: Int
    /// How urgent a job must be to get one: this priority, or a lower number; −1 by default.
    public var priority: Int

    /// `slots` for jobs of `priority` and lower numbers.
    public init(_ slots: Int, priority: Int = -1) {
        self.slots = slots
        self.priority = priority
    }
}
