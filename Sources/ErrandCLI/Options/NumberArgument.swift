// Whole numbers on the command line.

import ArgumentParser

/// Reads numbers for flags.
enum NumberArgument {
    /// Reads a whole number; its range is checked where it is used.
    /// - Throws: `ValidationError` that says what to write: `usage`.
    static func read(_ text: String, _ usage: String) throws -> Int {
        guard let number = Int(text) else { throw ValidationError("that is no whole number: write \(usage)") }
        return number
    }
}
