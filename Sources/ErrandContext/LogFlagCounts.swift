// How many records carry each flag.

/// How many log records carry each flag.
public struct LogFlagCounts: Sendable, Hashable {
    /// By flag; a flag that no record carries is absent.
    public private(set) var counts: [LogFlags: Int] = [:]

    /// No records.
    public init() {}

    /// How many records carry `flag`, a single one.
    public subscript(flag: LogFlags) -> Int {
        get { counts[flag, default: 0] }
        set { counts[flag] = newValue == 0 ? nil : newValue }
    }

    /// Whether no record carries any flag.
    public var isEmpty: Bool { counts.isEmpty }

    /// Counts one record with `flags`.
    package mutating func count(_ flags: LogFlags) {
        guard !flags.isEmpty else { return }
        for (flag, _) in LogFlags.names where flags.contains(flag) { self[flag] += 1 }
    }

    /// Adds what `other` counted.
    package mutating func add(_ other: LogFlagCounts) {
        for (flag, count) in other.counts { self[flag] += count }
    }
}
