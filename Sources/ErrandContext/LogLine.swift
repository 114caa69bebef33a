// How one log record looks as text: the JSON members that follow an execution's fragment.

import Logging

/// Renders records. The members of a record are written once, when it is emitted; a reader puts the execution's fragment before
/// them, so that identity costs nothing per line.
package enum LogLine {
    /// Appends one record and a newline; the message is cut at `limit` bytes.
    static func append(
        to bytes: inout [UInt8], time: Timestamp, level: Logger.Level, sequence: Int64, stream: LogStream, flags: inout LogFlags,
        label: String?, limit: Int, message: String, redaction: Redaction?, members: LineMembers
    ) {
        JSONText.append(raw: "\"ts\":\"", to: &bytes)
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: Timestamp.textLength))
        bytes.withUnsafeMutableBufferPointer { time.write(into: UnsafeMutableBufferPointer(rebasing: $0[start...])) }
        JSONText.append(raw: "\",\"level\":\"", to: &bytes)
        bytes.append(contentsOf: level.rawValue.utf8)
        JSONText.append(raw: "\",\"message\":", to: &bytes)
        // Before it is cut: half a secret is still one.
        var message = redaction?.redacted(message) ?? message
        if let redaction, flags.contains(.truncated) { message = redaction.withoutCutSecret(message) }
        if JSONText.append(message, to: &bytes, limit: limit) { flags.insert(.truncated) }
        JSONText.append(raw: ",\"seq\":", to: &bytes)
        JSONText.append(sequence, to: &bytes)
        JSONText.append(raw: ",\"stream\":\"", to: &bytes)
        bytes.append(contentsOf: stream.rawValue.utf8)
        JSONText.append(raw: "\",\"flags\":[", to: &bytes)
        let flagsStart = bytes.count
        if !flags.isEmpty { append(flags.setNames, to: &bytes) }
        let flagsEnd = bytes.count
        bytes.append(UInt8(ascii: "]"))
        if let label, !label.isEmpty {
            JSONText.append(raw: ",\"logger\":", to: &bytes)
            JSONText.append(label, to: &bytes)
        }
        JSONText.append(raw: ",\"metadata\":{", to: &bytes)
        guard !members.isEmpty else {
            JSONText.append(raw: "}\n", to: &bytes)
            return
        }
        var writer = MetadataWriter(bytes: bytes, redaction: redaction)
        bytes = []
        members.write(to: &writer)
        bytes = writer.bytes
        JSONText.append(raw: "}\n", to: &bytes)
        guard writer.isCut, !flags.contains(.truncated) else { return }
        flags.insert(.truncated)
        var names: [UInt8] = []
        append(flags.setNames, to: &names)
        bytes.replaceSubrange(flagsStart..<flagsEnd, with: names)
    }

    /// Appends a record that was rendered elsewhere (without its newline) under another number, and a newline. Returns false, and appends
    /// nothing, when it is no record.
    static func append(_ line: ArraySlice<UInt8>, numbered number: Int64, to bytes: inout [UInt8]) -> Bool {
        // Within a text every quote is escaped, so these bytes stand nowhere before the number.
        let start = line.indices.first { line[$0] == mark[0] && line[$0...].starts(with: mark) }
        guard let start else { return false }
        let rest = line[(start + mark.count)...].drop { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        bytes.append(contentsOf: line[..<(start + mark.count)])
        JSONText.append(number, to: &bytes)
        bytes.append(contentsOf: rest)
        bytes.append(UInt8(ascii: "\n"))
        return true
    }

    /// Between a record's message and its number.
    private static let mark = Array("\",\"seq\":".utf8)

    private static func append(_ names: [String], to bytes: inout [UInt8]) {
        for (index, name) in names.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            JSONText.append(name, to: &bytes)
        }
    }
}

/// What a line's metadata object says: what Errand knows about the line, then what its writer said.
struct LineMembers {
    /// The execution that was current instead of the line's owner.
    var crossing: ExecutionID?
    /// How many lines before this one were dropped.
    var dropped = 0
    /// How many milliseconds after the end of its execution it was written.
    var late: Int64?
    /// Where in the code.
    var site: String?
    var metadata: Logger.Metadata

    var isEmpty: Bool { metadata.isEmpty && crossing == nil && dropped == 0 && late == nil && site == nil }

    fileprivate func write(to writer: inout MetadataWriter) {
        if let crossing { writer.member("ambient_execution_id", text: crossing.description) }
        if dropped > 0 { writer.member("dropped_lines", number: Int64(dropped)) }
        if let late { writer.member("late_ms", number: late) }
        if let site { writer.member("site", text: site) }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { writer.member(key, value: value) }
    }
}

/// Appends the members of a metadata object, each name once.
package struct MetadataWriter {
    fileprivate(set) var bytes: [UInt8]
    private let redaction: Redaction?
    private var isFirst = true
    /// Names of Errand's own members, which come first: a caller's member of the same name is left out.
    private var own: [String] = []

    /// Whether members were left out because there were too many, or too much in them.
    fileprivate private(set) var isCut = false
    private var members = 0
    private let limit: Int

    fileprivate init(bytes: [UInt8], redaction: Redaction?) {
        self.bytes = bytes
        self.redaction = redaction
        limit = bytes.count + MetadataWriter.bytesLimit
    }

    /// How many members of its callers a line may have: 64.
    package static let membersLimit = 64
    /// How many bytes of JSON all members of a line may have: 32 KiB.
    package static let bytesLimit = 32 << 10

    /// Errand's own member; not more than once for a name.
    fileprivate mutating func member(_ name: String, number: Int64) {
        own.append(name)
        key(name)
        JSONText.append(number, to: &bytes)
    }

    /// Errand's own member; not more than once for a name.
    fileprivate mutating func member(_ name: String, text: String) {
        own.append(name)
        key(name)
        JSONText.append(text, to: &bytes, limit: MetadataWriter.valueLimit)
    }

    /// A caller's member; the caller writes each name once, after all of Errand's own.
    fileprivate mutating func member(_ name: String, value: Logger.MetadataValue) {
        guard !own.contains(name) else { return }
        guard members < MetadataWriter.membersLimit else {
            isCut = true
            return
        }
        let (start, wasFirst) = (bytes.count, isFirst)
        key(name)
        append(value, named: name, depth: 0)
        if bytes.count <= limit {
            members += 1
        } else {
            // A smaller one may still find room.
            bytes.removeSubrange(start...)
            (isFirst, isCut) = (wasFirst, true)
        }
    }

    /// The longest text value: 16 KiB.
    private static let valueLimit = 16 << 10
    /// How deep metadata may nest; what is deeper is written as its description.
    private static let depthLimit = 16

    private mutating func key(_ name: String) {
        if isFirst { isFirst = false } else { bytes.append(UInt8(ascii: ",")) }
        JSONText.append(name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func append(_ value: Logger.MetadataValue, named name: String?, depth: Int) {
        if let redaction, let name, redaction.hides(name) {
            JSONText.append(Redaction.mark, to: &bytes)
            return
        }
        switch value {
        case .dictionary(let members) where depth < MetadataWriter.depthLimit:
            bytes.append(UInt8(ascii: "{"))
            for (index, (name, value)) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                JSONText.append(name, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                append(value, named: name, depth: depth + 1)
            }
            bytes.append(UInt8(ascii: "}"))
        case .array(let values) where depth < MetadataWriter.depthLimit:
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(value, named: nil, depth: depth + 1)
            }
            bytes.append(UInt8(ascii: "]"))
        case .string(let text): append(text)
        default: append(value.description)
        }
    }

    private mutating func append(_ text: String) {
        JSONText.append(redaction?.redacted(text) ?? text, to: &bytes, limit: MetadataWriter.valueLimit)
    }
}
