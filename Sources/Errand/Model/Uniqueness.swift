// Which jobs may not stand beside each other, and what becomes of the one that comes second.

/// One job at a time for a key.
public struct Uniqueness: Sendable, Hashable, Codable {
    /// What is unique, with everything that belongs to its scope already in it: at most 512 bytes.
    public var key: String
    /// What an enqueue does that meets the key's owner; ``Conflict/reject`` by default.
    public var onConflict: Conflict
    /// How long the key stays taken after the enqueue, whatever becomes of the job; `nil`, the default: until the job has ended.
    public var period: Duration?

    /// What becomes of the job that comes second.
    @nonexhaustive public enum Conflict: Sendable, Hashable, Codable {
        /// It is not added; the enqueue names the owner.
        case reject
        /// Its payload and schedule take the place of the owner's, as long as that has not started; rejected after that.
        case replace
        /// The owner, as long as it has not started, waits for `delay` once more, though no longer than `maximumWait` after the first.
        case debounce(delay: Duration, maximumWait: Duration?)
        /// Beside an owner that runs one more may wait, and the latest payload is the one that counts.
        case keepLast
    }

    /// `key` at most once at a time.
    public init(key: String, onConflict: Conflict = .reject, period: Duration? = nil) {
        self.key = key
        self.onConflict = onConflict
        self.period = period
    }
}
