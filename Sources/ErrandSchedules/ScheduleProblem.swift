// Why a text is no schedule: one sentence for the person who wrote it.

/// Why a schedule or a time zone was refused.
public struct ScheduleProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, what is allowed, and what to write instead; one line, without a full stop.
    public let description: String

    init(_ description: String) { self.description = description }

    /// A wrong text may be anything, so only its beginning is repeated, without what would break the line.
    static func shown(_ text: some StringProtocol) -> String {
        let line = text.unicodeScalars.prefix(40).map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) }
        return "\"" + String(line) + (text.unicodeScalars.dropFirst(40).isEmpty ? "" : "…") + "\""
    }
}
