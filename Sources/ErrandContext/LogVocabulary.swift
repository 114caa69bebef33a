// What a log record is made of, besides its text: where it came from and what is unusual about it.

/// Where a log record came from.
public enum LogStream: String, Sendable, Codable, CaseIterable {
    /// A swift-log call in the execution.
    case log
    /// A line of a command's standard output, or one that the execution's own code printed there (``OutputCapture``).
    case stdout
    /// A line of a command's standard error, or one that the execution's own code printed there.
    case stderr
    /// Errand's own remark about the execution, such as a mark of a crash or of dropped lines.
    case system
}

/// What is unusual about a log record; an empty set for almost all.
public struct LogFlags: OptionSet, Sendable, Hashable {
    /// The bits, as they are stored.
    public let rawValue: Int64
    /// Flags from their stored bits.
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// Written after its execution had ended; the record says how many milliseconds late in its metadata (`late_ms`).
    public static let afterEnd = LogFlags(rawValue: 1)
    /// Written through a logger that belongs to one execution while another one was current: filed under the logger's execution,
    /// with the other in its metadata (`ambient_execution_id`).
    public static let crossed = LogFlags(rawValue: 2)
    /// Written through a logger that belongs to an execution where no execution was current.
    public static let ambientLost = LogFlags(rawValue: 4)
    /// Written by code that belongs to no execution, while jobs were in flight or up to five seconds after the last one: a copy of a line
    /// of the process's own log, kept under the worker.
    public static let unattributed = LogFlags(rawValue: 8)
    /// Longer than the limit of a line, and cut there.
    public static let truncated = LogFlags(rawValue: 16)
    /// Lines before this one are missing: they were dropped because the disk, or the memory for lines that wait for it, was full. The
    /// record says how many in its metadata (`dropped_lines`), and counts of this flag count those lines.
    public static let dropped = LogFlags(rawValue: 32)

    /// The flags that tell of a lost or mistaken execution: all but ``truncated`` and ``dropped``.
    public static let leaks: LogFlags = [.afterEnd, .crossed, .ambientLost, .unattributed]

    /// Every flag with the name that people and JSON use.
    public static let names: [(flag: LogFlags, name: String)] = [
        (.afterEnd, "after_end"), (.crossed, "crossed"), (.ambientLost, "ambient_lost"),
        (.unattributed, "unattributed"), (.truncated, "truncated"), (.dropped, "dropped"),
    ]

    /// The names of the flags that are set, in the order of ``names``.
    public var setNames: [String] { LogFlags.names.filter { contains($0.flag) }.map(\.name) }
}
