// The process's own log: lines that belong to no execution, on standard error, each in one write.

import Errand
import ErrandContext
import Glibc
package import Logging
package import Synchronization

/// How the process's own log looks.
package enum ProcessLogFormat: String, Sendable, CaseIterable {
    /// For people: time, level, message, metadata.
    case text
    /// One JSON object per line.
    case json
}

/// Writes lines to standard error, with one write(2) per line, so that lines of several threads never mix.
package struct ProcessLogHandler: LogHandler {
    /// What the whole process's handlers share.
    package struct Settings: Sendable {
        /// How lines look.
        package var format = ProcessLogFormat.text
        /// The lowest level that is written.
        package var level = Logger.Level.info
        /// What is taken out of every line; `nil` is nothing.
        package var redaction: Redaction?
    }

    /// The settings of all handlers of this kind, also of those that exist already.
    package static let settings = Mutex(Settings())

    /// The lowest level that this handler lets through; ``Settings/level`` applies as well.
    package var logLevel: Logger.Level = .trace
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let now: @Sendable () -> Timestamp
    private let put: @Sendable ([UInt8]) -> Void

    /// A handler for `label`.
    package init(
        label: String, now: @escaping @Sendable () -> Timestamp = { SystemClock.shared.now() },
        put: @escaping @Sendable ([UInt8]) -> Void = { _ = writeFully($0, to: STDERR_FILENO) }
    ) {
        self.label = label
        self.now = now
        self.put = put
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let settings = ProcessLogHandler.settings.withLock { $0 }
        guard event.level >= settings.level else { return }
        var members = metadataProvider?.get() ?? [:]
        members.merge(metadata) { _, nearer in nearer }
        if let call = event.metadata { members.merge(call) { _, nearer in nearer } }
        if let error = event.error { members["error"] = "\(error)" }
        let sorted = members.sorted { $0.key < $1.key }
        var line = settings.format == .json ? json(event, sorted) : text(event, sorted)
        // The whole line: names and values stand in it as they will be read.
        if let redaction = settings.redaction, redaction.redact(&line, quotesMark: settings.format == .json),
            line.last != UInt8(ascii: "\n")
        {
            line.append(UInt8(ascii: "\n"))
        }
        put(line)
    }

    private func text(_ event: LogEvent, _ members: [(key: String, value: Logger.MetadataValue)]) -> [UInt8] {
        var line = "\(LocalTime.textWithMilliseconds(now(), utc: false)) \(event.level.rawValue) "
        line += TerminalText.escaped(event.message.description, keepingTabs: true)
        for (key, value) in members {
            let text = value.description
            let needsQuotes = text.isEmpty || text.contains { $0 == " " || $0 == "\"" || $0 == "=" }
            line += " \(TerminalText.escaped(key))="
            // JSON leaves C1 and bidirectional controls as they are: a terminal must not get them.
            line += TerminalText.escaped(needsQuotes ? String(decoding: JSONWriter.string(text), as: UTF8.self) : text)
        }
        return Array("\(line)\n".utf8)
    }

    func json(_ event: LogEvent, _ members: [(key: String, value: Logger.MetadataValue)]) -> [UInt8] {
        let object = JSONWriter.versioned { writer in
            writer.member("ts", now())
            writer.member("level", event.level.rawValue)
            writer.member("message", event.message.description)
            writer.member("logger", label)
            writer.member(
                "metadata",
                raw: JSONWriter.object { writer in
                    for (key, value) in members { writer.member(key, raw: ProcessLogHandler.json(value)) }
                })
        }
        return TerminalText.escaped(json: object) + [UInt8(ascii: "\n")]
    }

    private static func json(_ value: Logger.MetadataValue) -> [UInt8] {
        switch value {
        case .string(let text): JSONWriter.string(text)
        case .stringConvertible(let convertible): JSONWriter.string(convertible.description)
        case .array(let values): JSONWriter.array(values.map(json))
        case .dictionary(let members):
            JSONWriter.object { writer in
                for (key, value) in members.sorted(by: { $0.key < $1.key }) { writer.member(key, raw: json(value)) }
            }
        @unknown default: JSONWriter.string(value.description)
        }
    }
}
