// How far a job is, for people: words for lists, and a bar on a terminal.

import Errand
import ErrandContext

/// Describes progress.
enum ProgressText {
    /// `40% resizing`; text from the job is escaped unless `isRaw`.
    static func words(_ progress: JobProgress, isRaw: Bool = false) -> String {
        let fraction = progress.fraction.map { "\(percent($0))%" }
        let message = progress.message.map { isRaw ? $0 : TerminalText.escaped($0) }
        return [fraction, message].compactMap(\.self).joined(separator: " ")
    }

    /// `[########            ]  40% resizing`, at most `columns` wide; without a fraction the words alone.
    static func bar(_ progress: JobProgress, name: String, columns: Int) -> String {
        var text = name + " "
        if let fraction = progress.fraction {
            let width = max(10, min(30, columns - name.count - 30))
            let filled = Int(fraction * Double(width))
            let number = "\(percent(fraction))%"
            text += "[" + String(repeating: "#", count: filled) + String(repeating: " ", count: width - filled) + "] "
            text += String(repeating: " ", count: 4 - number.count) + number + " "
        }
        if let message = progress.message { text += TerminalText.escaped(message) }
        return TerminalText.cut(text, to: max(1, columns - 1))
    }

    /// As JSON.
    static func json(_ progress: JobProgress) -> [UInt8] {
        JSONWriter.object { writer in
            writer.member("execution_id", progress.execution.description)
            writer.member("fraction", raw: progress.fraction.map { Array("\($0)".utf8) })
            writer.member("message", progress.message)
            writer.member("at", progress.at)
        }
    }

    /// Never 100 before it is.
    private static func percent(_ fraction: Double) -> Int { Int(fraction * 100) }
}

/// The line at the bottom of a terminal that shows how far a job is; nothing at all where nobody looks.
struct ProgressLine {
    private let talk: Output
    private var shown: String?

    /// A line on `talk`.
    init(on talk: Output) { self.talk = talk }

    /// Whether there is anybody to show it to.
    var isVisible: Bool { talk.isTerminal }

    /// Shows how far `job` is; nothing, when it has not said.
    mutating func show(_ progress: JobProgress?) throws {
        guard talk.isTerminal else { return }
        let text = progress.map { ProgressText.bar($0, name: $0.execution.job.description, columns: talk.columns ?? 80) }
        guard text != shown else { return }
        try clear()
        guard let text else { return }
        try talk.write(Array(text.utf8))
        try talk.flush()
        shown = text
    }

    /// Makes room for other lines.
    mutating func clear() throws {
        guard shown != nil else { return }
        shown = nil
        try talk.write(Array("\r\u{1B}[K".utf8))
        try talk.flush()
    }
}
