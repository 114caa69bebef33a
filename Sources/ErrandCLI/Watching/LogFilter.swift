// Which log records a reader wants.

import Errand
import Logging

/// Decides about one record at a time.
struct LogFilter {
    /// The lowest level.
    var level: Logger.Level = .trace
    /// At least one of these flags; empty asks for none.
    var flags: LogFlags = []
    /// Written then or later.
    var since: Timestamp?
    /// Written before.
    var until: Timestamp?
    /// What the message must contain.
    var pattern: Pattern?

    /// A text or regular expression in the message.
    enum Pattern {
        case text(String, ignoresCase: Bool)
        case expression(Regex<AnyRegexOutput>)

        /// Reads `--grep` with its modifiers.
        /// - Throws: ``Failure`` with status 2 when the expression is none.
        init(_ text: String, isExpression: Bool, ignoresCase: Bool) throws {
            guard isExpression else {
                self = .text(ignoresCase ? text.lowercased() : text, ignoresCase: ignoresCase)
                return
            }
            do {
                self = .expression(try Regex(text).ignoresCase(ignoresCase))
            } catch {
                throw Failure(.usage, "--grep: \"\(TerminalText.escaped(text))\" is no regular expression: \(error)")
            }
        }

        fileprivate func matches(_ message: String) -> Bool {
            switch self {
            case .text(let text, let ignoresCase): text.isEmpty || (ignoresCase ? message.lowercased() : message).contains(text)
            case .expression(let expression): message.contains(expression)
            }
        }
    }

    /// Whether only lines are wanted that tell of a lost or mistaken execution.
    var wantsOnlyLeaks: Bool { !flags.isEmpty && flags.isSubset(of: .leaks) }

    /// Whether the reader wants `record`.
    func accepts(_ record: LogRecord) -> Bool {
        guard record.level >= level, flags.isEmpty || !flags.isDisjoint(with: record.flags) else { return false }
        if let since, record.time < since { return false }
        if let until, record.time >= until { return false }
        return pattern?.matches(record.message) ?? true
    }
}
