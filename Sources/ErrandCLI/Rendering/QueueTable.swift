// What stands for queues and kinds, for people, pipes and scripts.

import Errand

/// Lays out settings.
struct QueueTable {
    var style: TextStyle

    /// Writes a table on a terminal, tab-separated values into a pipe, or JSON lines.
    func write(_ settings: [QueueSettings], asJSON: Bool, to output: Output) throws {
        if asJSON {
            for settings in settings { try output.object(QueueTable.object(settings)) }
        } else if output.isTerminal {
            for line in lines(settings) { try output.line(line) }
        } else {
            for settings in settings { try output.line(cells(of: settings).joined(separator: "\t")) }
        }
    }

    private func lines(_ settings: [QueueSettings]) -> [String] {
        guard !settings.isEmpty else { return ["no queues: they exist by use, add a job with `\(Session.program) enqueue`"] }
        let heading = ["", "NAME", "STATE", "RUNNING", "CONCURRENCY", "RATE"]
        let rows = settings.map { cells(of: $0) }
        let widths = heading.indices.map { column in
            ([heading] + rows).map { TerminalText.width(of: $0[column]) }.max() ?? 0
        }
        return [style.bold(line(heading, widths))]
            + zip(rows, settings).map { row, settings in settings.isPaused ? style.paint(line(row, widths), .yellow) : line(row, widths) }
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var line = zip(cells, widths).map { $0 + String(repeating: " ", count: max(0, $1 - TerminalText.width(of: $0))) }
            .joined(separator: "  ")
        while line.hasSuffix(" ") { line.removeLast() }
        return line
    }

    private func cells(of settings: QueueSettings) -> [String] {
        [
            QueueTable.what(settings.scope), settings.scope.name, settings.isPaused ? "paused" : "open", String(settings.running),
            settings.concurrency.map(String.init) ?? "none", settings.rate.map(RateArgument.format) ?? "none",
        ]
    }

    private static func what(_ scope: LimitScope) -> String {
        switch scope {
        case .queue: "queue"
        case .kind: "kind"
        }
    }

    private static func object(_ settings: QueueSettings) -> [UInt8] {
        JSONWriter.versioned { writer in
            writer.member(what(settings.scope), settings.scope.name)
            writer.member("paused", settings.isPaused)
            writer.member("running", settings.running)
            writer.member("concurrency", settings.concurrency)
            writer.member("rate", settings.rate.map(RateArgument.format))
        }
    }
}
