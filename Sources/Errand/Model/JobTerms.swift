// On which terms a job is run: what it shares with others, how long it is worth running, what it is found by.

/// What a job says about how it may be run, beyond when and in which line; kept with it. Empty by default.
public struct JobTerms: Sendable, Hashable, Codable {
    /// Words that the job is found by: at most 16, each 1 to 64 characters of `a-z 0-9 . _ -` and `:`; sorted, without repetitions.
    public var tags: [String] = []
    /// With whom the job shares limits (a tenant, for example): jobs of one queue with the same key. At most 512 bytes.
    public var limitKey: String?
    /// Which jobs it runs after; `nil`, the default, waits for none.
    public var sequence: JobSequence?
    /// Which jobs it may not stand beside; `nil`, the default, stands beside all.
    public var uniqueness: Uniqueness?
    /// When it is cancelled, with the reason `expired`, unless it has started.
    public var expiresAt: Timestamp?
    /// When it must have ended, across all attempts: what runs then is stopped, and what waits is dead with the reason `deadline`.
    public var deadline: Timestamp?
    /// What those call it that wait for it, and whoever looks at its workflow: 1 to 64 of `a-z 0-9 . _ -`.
    public var name: String?

    /// No terms.
    public init() {}

    /// Whether there are none.
    public var isEmpty: Bool {
        tags.isEmpty && limitKey == nil && sequence == nil && uniqueness == nil && expiresAt == nil && deadline == nil && name == nil
    }

    private enum CodingKeys: String, CodingKey {
        case tags
        case limitKey = "limit_key"
        case sequence
        case uniqueness = "unique"
        case expiresAt = "expires_at"
        case deadline
        case name
    }

    /// Reads what ``encode(to:)`` has written; what is missing is as by default.
    /// - Throws: `DecodingError`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        tags = try container.decodeIfPresent([String].self, forKey: .tags) ?? []
        limitKey = try container.decodeIfPresent(String.self, forKey: .limitKey)
        sequence = try container.decodeIfPresent(JobSequence.self, forKey: .sequence)
        uniqueness = try container.decodeIfPresent(Uniqueness.self, forKey: .uniqueness)
        expiresAt = try container.decodeIfPresent(Timestamp.self, forKey: .expiresAt)
        deadline = try container.decodeIfPresent(Timestamp.self, forKey: .deadline)
        name = try container.decodeIfPresent(String.self, forKey: .name)
    }

    /// Writes what is not as by default.
    /// - Throws: `EncodingError`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        if !tags.isEmpty { try container.encode(tags, forKey: .tags) }
        try container.encodeIfPresent(limitKey, forKey: .limitKey)
        try container.encodeIfPresent(sequence, forKey: .sequence)
        try container.encodeIfPresent(uniqueness, forKey: .uniqueness)
        try container.encodeIfPresent(expiresAt, forKey: .expiresAt)
        try container.encodeIfPresent(deadline, forKey: .deadline)
        try container.encodeIfPresent(name, forKey: .name)
    }
}
