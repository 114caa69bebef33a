// The log of all jobs together: from the beginning, its last lines, or what comes from now on.

import Errand

/// Reads the log of a whole store for one command.
struct StoreLogs {
    let store: Store
    let session: Session
    /// Whether only flagged lines are wanted: then only the chunks that hold some are read.
    let isLeaky: Bool

    /// Prints with printers that `printer` makes (told whether they read from the very beginning) until the end, or for ever when
    /// `follow`. `skipsHistory` begins with what comes from now on.
    /// - Throws: `JobStoreError`, ``Output/Closed``.
    func run(follow: Bool, lines: Int?, skipsHistory: Bool, printer: (_ readsFromStart: Bool) -> LogPrinter) async throws {
        let attention = Attention(to: [.log], on: store.doorbell, clock: session.clock)
        defer { attention.stop() }
        let newest = try await store.logs.newestCursor()
        var cursor = StoreLogCursor(logs: store.logs, isLeaky: isLeaky, after: newest)
        var current = printer(false)
        if let lines {
            (cursor, current) = try await lastLines(lines, before: newest, printer)
        } else if !skipsHistory {
            cursor = StoreLogCursor(logs: store.logs, isLeaky: isLeaky, after: 0)
            current = printer(true)
        }
        try current.printTail()
        try await cursor.readOn { try current.print($0) }
        try session.output.flush()
        if !follow, current.accepted == 0 {
            try session.talk.line(isLeaky ? "no such lines" : "no log lines: none were written, or they were pruned")
        }
        while follow {
            await attention.wait()
            try await cursor.readOn { try current.print($0) }
            try session.output.flush()
        }
    }

    /// Looks back further and further until `count` lines are found, so that the end of a long log costs little.
    private func lastLines(_ count: Int, before newest: Int64, _ printer: (Bool) -> LogPrinter) async throws -> (StoreLogCursor, LogPrinter)
    {
        var span = Int64(max(64, count))
        while true {
            let start = max(0, newest - span)
            var cursor = StoreLogCursor(logs: store.logs, isLeaky: isLeaky, after: start)
            var current = printer(start == 0)
            try await cursor.readOn(upTo: newest) { try current.print($0) }
            if current.accepted >= count || start == 0 { return (cursor, current) }
            span *= 4
        }
    }
}
