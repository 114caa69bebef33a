// Which jobs may not stand beside each other, and how long.

/// One job at a time for a key, across all processes on the store.
///
/// ```swift
/// struct Sync: Job {
///     static let kind = "sync"
///     var account: Int
///     var uniqueness: Uniqueness? { Uniqueness(key: "\(account)", onConflict: .keepLast) }
/// }
/// ```
public struct Uniqueness: Sendable, Hashable {
    /// What is unique within ``scope``: at most 512 bytes. Worked out when the job is enqueued where there are ``fields``.
    public var key: String
    /// Places in the payload whose values are the key, such as `account.id`: at most 16. A missing one counts as `null`, numbers as they
    /// are spelt; a payload that has none of them is refused. Empty by default.
    public var fields: [String]
    /// Within what the key is unique; ``Scope/kind`` by default.
    public var scope: Scope
    /// Until when a job has its key; ``Until/ended`` by default.
    public var until: Until
    /// What an enqueue does that meets the key's owner; ``Conflict/reject`` by default.
    public var onConflict: Conflict
    /// A job that completes sooner than this after its enqueue keeps the key until then; ten years at most. One that is cancelled or dies
    /// frees it at once. `nil`, the default: no longer than ``until`` says.
    public var period: Duration?

    /// Within what a key is unique.
    public enum Scope: String, Sendable, Hashable, Codable, CaseIterable {
        /// Among the jobs of one kind, in all queues.
        case kind
        /// Among the jobs of one queue, of all kinds.
        case queue
        /// Among the jobs of one kind in one queue.
        case kindAndQueue = "kind_and_queue"
        /// Among all jobs.
        case store
    }

    /// Until when a job has its key.
    public enum Until: String, Sendable, Hashable, Codable, CaseIterable {
        /// Until it has ended: attempts, retries and rescues included.
        case ended
        /// Until it starts for the first time: one may wait while others run.
        case started
    }

    /// What becomes of the job that comes second. "Not started" means that no execution of the owner is on record.
    @nonexhaustive public enum Conflict: Sendable, Hashable {
        /// It is not added; the enqueue names the owner.
        case reject
        /// It takes the owner's place, under the owner's ID, as long as that has not started; rejected after that. Without a start time of
        /// its own it keeps the owner's place in the line.
        case replace
        /// It takes the owner's place, under the owner's ID, and waits for `delay` from now, though no longer than `maximumWait` after the
        /// first; rejected once the owner has started. The first waits for `delay` too.
        case debounce(delay: Duration, maximumWait: Duration?)
        /// It takes the owner's place as long as that has not started. After that one job waits behind the owner (state `waiting`) and is
        /// placed when the owner has ended; later ones take the place of the one that waits.
        case keepLast
    }

    /// `key` at most once at a time.
    public init(
        key: String, scope: Scope = .kind, until: Until = .ended, onConflict: Conflict = .reject, period: Duration? = nil
    ) {
        (self.key, self.fields) = (key, [])
        (self.scope, self.until, self.onConflict, self.period) = (scope, until, onConflict, period)
    }

    /// The values at `fields` of the payload at most once at a time.
    public init(
        by fields: [String], scope: Scope = .kind, until: Until = .ended, onConflict: Conflict = .reject, period: Duration? = nil
    ) {
        (self.key, self.fields) = ("", fields)
        (self.scope, self.until, self.onConflict, self.period) = (scope, until, onConflict, period)
    }

    /// What a store keeps the key under: two jobs are in each other's way exactly if these bytes are the same.
    package func mark(kind: String, queue: String) -> [UInt8] {
        let (ofKind, ofQueue) =
            switch scope {
            case .kind: (kind, "")
            case .queue: ("", queue)
            case .kindAndQueue: (kind, queue)
            case .store: ("", "")
            }
        // None of the parts holds a NUL byte.
        return Array([scope.rawValue, ofKind, ofQueue, fields.isEmpty ? "key" : "fields", key].joined(separator: "\0").utf8)
    }
}

extension Uniqueness: Codable {
    private enum CodingKeys: String, CodingKey {
        case key
        case fields = "by"
        case scope
        case until
        case conflict = "on_conflict"
        case delay = "delay_us"
        case maximumWait = "max_us"
        case period = "period_us"
    }

    /// Reads what ``encode(to:)`` has written.
    /// - Throws: `DecodingError`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func duration(_ key: CodingKeys) throws -> Duration? {
            try container.decodeIfPresent(Int64.self, forKey: key).map { .microseconds($0) }
        }
        let word = try container.decode(String.self, forKey: .conflict)
        let conflict: Conflict =
            switch word {
            case "reject": .reject
            case "replace": .replace
            case "debounce": .debounce(delay: try duration(.delay) ?? .zero, maximumWait: try duration(.maximumWait))
            case "keep_last": .keepLast
            default:
                throw DecodingError.dataCorruptedError(forKey: .conflict, in: container, debugDescription: "\"\(word)\" is unknown")
            }
        self.init(
            key: try container.decode(String.self, forKey: .key),
            scope: try container.decodeIfPresent(Scope.self, forKey: .scope) ?? .kind,
            until: try container.decodeIfPresent(Until.self, forKey: .until) ?? .ended, onConflict: conflict, period: try duration(.period))
        fields = try container.decodeIfPresent([String].self, forKey: .fields) ?? []
    }

    /// Writes it; durations in whole microseconds.
    /// - Throws: `EncodingError`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(key, forKey: .key)
        if !fields.isEmpty { try container.encode(fields, forKey: .fields) }
        if scope != .kind { try container.encode(scope, forKey: .scope) }
        if until != .ended { try container.encode(until, forKey: .until) }
        try container.encode(onConflict.word, forKey: .conflict)
        if case .debounce(let delay, let maximumWait) = onConflict {
            try container.encode(delay.wholeMicroseconds, forKey: .delay)
            try container.encodeIfPresent(maximumWait?.wholeMicroseconds, forKey: .maximumWait)
        }
        try container.encodeIfPresent(period?.wholeMicroseconds, forKey: .period)
    }
}

extension Uniqueness.Conflict {
    /// The word for it in JSON.
    package var word: String {
        switch self {
        case .reject: "reject"
        case .replace: "replace"
        case .debounce: "debounce"
        case .keepLast: "keep_last"
        }
    }
}
