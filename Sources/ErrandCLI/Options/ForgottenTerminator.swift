// Finds the command in `enqueue ls -l`, which was meant to be `enqueue -- ls -l`.

import Errand

/// A command line of `enqueue` that may lack its `--`.
struct ForgottenTerminator {
    /// Everything behind the verb.
    let words: [String]
    let session: Session

    /// Flags of `enqueue` that take no value; other options are followed by one.
    private static let flags: Set = ["--wait", "--follow", "--exit-code", "--json"]

    /// The remark for a line that did not parse, or `nil` when no word of it is a program or a `--` stands there.
    var hint: String? {
        guard !words.contains("--"), let index = words.indices.first(where: { isValue(at: $0) && isProgram(words[$0]) }) else { return nil }
        return ForgottenTerminator.hint(for: words[index...], session)
    }

    /// The remark about a `command` line.
    static func hint(for command: some Sequence<String>, _ session: Session) -> String {
        "to run a command, put -- before it: `\(session.program) enqueue -- \(ShellText.line(command))`"
    }

    /// The remark about a kind that holds spaces, as a whole command line in quotes does.
    static func hint(forLine line: String, _ session: Session) -> String {
        let words = line.split(separator: " ")
        // What a shell would do with these only a shell knows.
        let needsShell = line.contains { "\"'\\$`|&;<>()*?[]#~!{}\n".contains($0) }
        return hint(for: needsShell ? ["sh", "-c", line] : words.map(String.init), session)
    }

    private func isValue(at index: Int) -> Bool {
        guard !words[index].hasPrefix("-") else { return false }
        guard index > 0, words[index - 1].hasPrefix("--") else { return true }
        return words[index - 1].contains("=") || ForgottenTerminator.flags.contains(words[index - 1])
    }

    private func isProgram(_ word: String) -> Bool { session.isProgram(word) }
}

extension Session {
    /// Whether `name` is a program on this environment's PATH.
    func isProgram(_ name: String) -> Bool { findProgram(name, environment["PATH"]) }
}
