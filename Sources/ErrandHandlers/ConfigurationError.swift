// What is wrong in a configuration file, each with its place, so that an editor can jump there.

/// Why a configuration cannot be used; lists everything that was found, in the order of the file.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was found; at least one.
    public let problems: [ConfigurationProblem]
    /// What could be read all the same, to look for what else is wrong; `nil` when the file is no YAML at all.
    public let readable: ErrandConfiguration?

    init(problems: [ConfigurationProblem], readable: ErrandConfiguration? = nil) {
        self.problems = problems
        self.readable = readable
    }

    /// One problem a line, each `file:line:column: what is wrong`.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// One thing that is wrong in a configuration file.
public struct ConfigurationProblem: Hashable, Sendable, CustomStringConvertible {
    /// The file as it was named.
    public let file: String
    /// The line, from 1; 0 when it is about the file as a whole.
    public let line: Int
    /// The column, from 1, in characters; 0 when it is about the file as a whole.
    public let column: Int
    /// What is wrong, and what to do.
    public let message: String

    /// `file:line:column: message`.
    public var description: String { line > 0 ? "\(file):\(line):\(column): \(message)" : "\(file): \(message)" }
}
