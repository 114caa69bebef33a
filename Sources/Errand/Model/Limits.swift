// The maxima that Errand promises (documented in the guide "Limits"); each has a test at the maximum and one past it.

/// What Errand accepts at most.
public enum Limits {
    /// A job's payload: 1 MiB.
    public static let payloadBytes = 1 << 20
    /// A job's result: 256 KiB.
    public static let resultBytes = 256 << 10
    /// How deep JSON may nest: 64.
    public static let jsonDepth = 64
    /// A log line's message: 16 KiB; the rest of a longer one is cut and flagged.
    public static let logLineBytes = 16 << 10
    /// The metadata of a log line: 64 members; further ones are left out, and the line is flagged.
    public static let logMetadataMembers = MetadataWriter.membersLimit
    /// The metadata of a log line: 32 KiB of JSON in all; members beyond it are left out, and the line is flagged.
    public static let logMetadataBytes = MetadataWriter.bytesLimit
    /// The log of one execution: 10 MiB, the first half of it and the last.
    public static let logBytesPerExecution = 10 << 20
    /// An error's message: 16 KiB.
    public static let errorMessageBytes = 16 << 10
    /// An idempotency key: 512 bytes.
    public static let keyBytes = 512
    /// A unique key, however it came about: 512 bytes.
    public static let uniqueKeyBytes = 512
    /// The fields of a payload that a job is unique by: 16.
    public static let uniqueFields = 16
    /// A label: 200 bytes.
    public static let labelBytes = 200
    /// The caller's `meta`: 32 entries, 8 KiB in all.
    public static let metaEntries = 32
    /// The caller's `meta`: 32 entries, 8 KiB in all.
    public static let metaBytes = 8 << 10
    /// A job's tags: 16, each of 64 characters at most.
    public static let tags = 16
    /// A message about progress: 500 bytes; the rest is cut.
    public static let progressMessageBytes = ExecutionContext.progressMessageBytes
    /// How many events a store keeps at most, the newest: 250,000.
    public static let events = 250_000
    /// How long a store keeps an event at most: 7 days.
    public static let eventAge = Duration.seconds(7 * 86_400)
    /// Priorities: −100 … 100, lower runs first.
    public static let priorities = -100...100
    /// Attempts of a job: 1 … 1,000.
    public static let attempts = 1...1000
    /// Delays, timeouts and other durations that a job may ask for: up to ten years. A longer snooze or backoff is cut to that.
    public static let longestDuration = Duration.seconds(10 * 366 * 86_400)
    /// Slots of one worker: 1 … 10,000.
    public static let concurrency = 1...10_000
}
