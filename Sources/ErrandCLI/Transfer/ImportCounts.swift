// What became of the records of an import, in numbers and in words.

import Errand

/// What an import has done.
struct ImportCounts: Hashable {
    var imported = 0
    /// Jobs that were there before.
    var existing = 0
    /// Lines that were refused.
    var refused = 0
    /// Log lines that came in.
    var lines = 0
    /// Log lines that were there before.
    var knownLines = 0
    /// Log lines of jobs that are not there.
    var strayLines = 0
    /// Records of kinds that this Errand does not know.
    var unknown: [String: Int] = [:]

    /// Whether anything of the input is in the store.
    var hasAny: Bool { imported + existing + lines + knownLines > 0 }

    /// Such as `2 jobs and 40 log lines imported, 3 jobs were there before`.
    var text: String {
        var text = "\(ExportCounts.text(imported, "job")) and \(ExportCounts.text(lines, "log line")) imported"
        if existing > 0 { text += ", \(ExportCounts.text(existing, "job")) \(existing == 1 ? "was" : "were") there before" }
        if refused > 0 { text += ", \(ExportCounts.text(refused, "line")) refused" }
        return text
    }
}
