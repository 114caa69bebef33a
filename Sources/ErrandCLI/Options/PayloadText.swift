// A payload on the command line: as text, from a file or from standard input.

import Errand

/// Reads payloads.
enum PayloadText {
    /// The bytes that `text` stands for: `-` is standard input, `@file` a file, relative to the session's directory.
    /// - Throws: ``Failure`` with status 2 for a file that cannot be read.
    static func read(_ text: String, _ session: Session) throws -> [UInt8] {
        // One byte past the limit is enough for the rules to refuse it.
        let limit = Limits.payloadBytes + 1
        if text == "-" { return session.readInput(limit) }
        guard text.hasPrefix("@") else { return Array(text.utf8) }
        let path = String(text.dropFirst())
        return try session.readFile(path.hasPrefix("/") ? path : "\(session.directory)/\(path)", limit)
    }
}
