// One thing that the doctor looked at, and what it thinks of it.

/// A result of one check.
struct Finding: Hashable, Sendable {
    /// How grave it is.
    enum Level: String, Sendable {
        case ok
        case warning
        case failure
    }

    /// What was looked at: a word that scripts can rely on.
    var check: String
    /// What it means.
    var level: Level
    /// What was found and, where something is wrong, what to do.
    var message: String

    /// One line for people.
    func line(_ style: TextStyle) -> String {
        let color: TextStyle.Color =
            switch level {
            case .ok: .green
            case .warning: .yellow
            case .failure: .red
            }
        let word = level.rawValue + String(repeating: " ", count: 7 - level.rawValue.count)
        let name = check + String(repeating: " ", count: max(0, 11 - check.count))
        return "\(style.paint(word, color))  \(name)  \(TerminalText.escaped(message))"
    }

    /// One object of `doctor --json`.
    var json: [UInt8] {
        JSONWriter.object { writer in
            writer.member("check", check)
            writer.member("level", level.rawValue)
            writer.member("message", message)
        }
    }
}
