// How log records lie in a chunk: the execution's identity once, then one line per record (format 1).

/// The bytes of a log chunk, format 1: the first line holds the identity of the execution as JSON members without braces, every
/// further line one record's own members, as `LogLine` writes them. A whole record is `{` identity `,` line `}`.
public enum LogFraming {
    /// The number of this layout, as stores keep it beside the bytes.
    public static let format = 1

    /// Puts `lines` (each ended by a newline) behind `fragment`, which holds no newline.
    public static func frame(fragment: [UInt8], lines: [UInt8]) -> [UInt8] {
        var body: [UInt8] = []
        body.reserveCapacity(fragment.count + 1 + lines.count)
        body.append(contentsOf: fragment)
        body.append(newline)
        body.append(contentsOf: lines)
        return body
    }

    /// The records of `chunk` in their order. A line that a damaged chunk cut or garbled is left out, so that its sequence number is
    /// missing; a chunk whose identity cannot be read gives none.
    public static func records(in chunk: LogChunk) -> [LogRecord] {
        guard let end = chunk.body.firstIndex(of: newline), let identity = LogIdentity(members: chunk.body[..<end]) else { return [] }
        return chunk.body[(end + 1)...]
            .split(separator: newline, omittingEmptySubsequences: true)
            .compactMap { LogRecord(identity: identity, line: $0) }
    }

    /// Records that were never put into a chunk: `lines` without their newlines, behind the identity in `fragment`.
    package static func records(lines: [[UInt8]], fragment: [UInt8]) -> [LogRecord] {
        guard !lines.isEmpty, let identity = LogIdentity(members: fragment[...]) else { return [] }
        return lines.compactMap { LogRecord(identity: identity, line: $0[...]) }
    }

    private static let newline = UInt8(ascii: "\n")
}
