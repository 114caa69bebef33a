// Log records as lines for people.

import Errand
import Logging

/// Renders records as text, and says where lines are missing.
struct LogText {
    var style: TextStyle
    /// Whether each line begins with its execution ID.
    var hasPrefix = false
    /// Whether each line says when it was written.
    var hasTimestamps = false
    /// Whether text goes to the terminal as it is.
    var isRaw = false

    /// The lines of one record: more than one when its message has line breaks.
    func lines(_ record: LogRecord, in chunk: LogChunk) -> [String] {
        let start = prefix(LogText.name(of: record.identity, in: chunk)) + time(record.time)
        let message = isRaw ? [Substring(record.message)] : record.message.split(separator: "\n", omittingEmptySubsequences: false)
        let tail = metadata(of: record) + flags(of: record)
        return message.enumerated().map { index, text in
            let safe = isRaw ? String(text) : TerminalText.escaped(String(text), keepingTabs: true)
            let head = index == 0 ? mark(of: record) : "    "
            return start + head + paint(safe, record) + (index == message.count - 1 ? tail : "")
        }
    }

    /// The line that stands where `count` lines of an execution are missing.
    func gap(_ count: Int64, in identity: LogIdentity, of chunk: LogChunk) -> String {
        prefix(LogText.name(of: identity, in: chunk)) + style.paint("… \(count) line\(count == 1 ? "" : "s") dropped …", .yellow)
    }

    /// Whose records these are: the execution, or the worker whose lines belong to none.
    static func name(of identity: LogIdentity, in chunk: LogChunk) -> String {
        if let id = identity.executionID { return id.description }
        if let job = chunk.job { return ExecutionID(job, chunk.ordinal).description }
        return chunk.ordinal > 0 && chunk.ordinal < 1 << 39 ? "worker:\(WorkerID(rawValue: chunk.ordinal))" : "worker:\(chunk.ordinal)"
    }

    private func prefix(_ name: String) -> String { hasPrefix ? style.stable(name) + " " : "" }

    private func time(_ time: Timestamp) -> String {
        hasTimestamps ? style.paint(LocalTime.textWithMilliseconds(time, utc: style.isUTC), .gray) + " " : ""
    }

    /// Where a line comes from: nothing for a command's output, the level for a logger's line.
    private func mark(of record: LogRecord) -> String {
        switch record.stream {
        case .stdout, .stderr: ""
        case .log: style.paint("[\(record.level.rawValue)]", LogText.color(of: record.level)) + " "
        case .system: style.paint("[errand]", .magenta) + " "
        }
    }

    private func paint(_ text: String, _ record: LogRecord) -> String {
        style.paint(text, record.stream == .stderr || record.level >= .error ? LogText.color(of: max(record.level, .warning)) : nil)
    }

    private static func color(of level: Logger.Level) -> TextStyle.Color {
        switch level {
        case .trace, .debug: .gray
        case .info, .notice: .green
        case .warning: .yellow
        case .error, .critical: .red
        }
    }

    private func metadata(of record: LogRecord) -> String {
        guard let members = JSONMembers(object: record.metadata[...]), !members.names.isEmpty else { return "" }
        let pairs = members.names.map { name in
            let raw = members.raw(name) ?? []
            let value = JSONMembers.text(of: raw).flatMap { $0.contains(where: { $0 == " " || $0 == "\"" }) || $0.isEmpty ? nil : $0 }
            return "\(name)=\(value ?? String(decoding: raw, as: UTF8.self))"
        }
        let text = pairs.joined(separator: " ")
        return " " + style.paint(isRaw ? text : TerminalText.escaped(text), .gray)
    }

    private func flags(of record: LogRecord) -> String {
        record.flags.isEmpty ? "" : " " + style.paint("{\(record.flags.setNames.joined(separator: ","))}", .yellow)
    }
}
