// How much an export holds, in numbers and in words.

import Errand

/// What was exported.
struct ExportCounts: Hashable {
    var jobs = 0
    var executions = 0
    var lines = 0
    /// Jobs that ran at that moment.
    var running = 0
    /// Jobs that should have been opened and could not be, by the key that they need.
    var sealed: [String: Int] = [:]

    /// Such as `2 jobs and 40 log lines`.
    func text(of parts: Set<ExportHeader.Part>) -> String {
        var words: [String] = []
        if parts.contains(.jobs) { words.append(ExportCounts.text(jobs, "job")) }
        if parts.contains(.executions), !parts.contains(.jobs) { words.append(ExportCounts.text(executions, "execution")) }
        if parts.contains(.logs) { words.append(ExportCounts.text(lines, "log line")) }
        return words.joined(separator: " and ")
    }

    static func text(_ count: Int, _ word: String) -> String { "\(count) \(word)\(count == 1 ? "" : "s")" }
}
