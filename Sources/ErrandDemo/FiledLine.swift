// A line (or an error report) beside the execution under which it was filed.

import ErrandContext

/// What was written, by whom, and under whom it was filed.
struct FiledLine: Sendable {
    /// What it says, without the execution that it begins with.
    let text: String
    /// The execution that wrote it: the first word of every message of this demo. `nil` when the message has no such word.
    let writer: ExecutionID?
    /// Where a reader of the logs finds it.
    let filedUnder: ExecutionID?
    /// What Errand remarked about it.
    let flags: LogFlags

    init(message: String, filedUnder: ExecutionID?, flags: LogFlags = []) {
        let words = message.split(separator: " ", maxSplits: 1)
        writer = words.first.flatMap { ExecutionID(String($0)) }
        text = words.count == 2 ? String(words[1]) : message
        self.filedUnder = filedUnder
        self.flags = flags
    }

    /// Whether it is filed under anyone but its writer.
    var isWrong: Bool { writer == nil || filedUnder != writer }
}
