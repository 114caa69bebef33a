// What stands for queues, kinds, limit keys and sequences, for people, pipes and scripts.

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
        let heading = ["", "NAME", "STATE", "RUNNING", "CONCURRENCY", "RATE", "PER KEY", "ORDER"]
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
            settings.scope.what, QueueTable.name(settings.scope), QueueTable.state(settings), String(settings.running),
            settings.concurrency.map(String.init) ?? "none", settings.rate.map(RateText.format) ?? "none",
            QueueTable.perKey(settings), QueueTable.order(settings),
        ]
    }

    /// A part of a queue stands behind its queue.
    private static func name(_ scope: LimitScope) -> String {
        switch scope {
        case .queue(let name), .kind(let name): name
        case .key(let name, let queue), .sequence(let name, let queue): "\(queue)/\(TerminalText.escaped(name))"
        }
    }

    private static func state(_ settings: QueueSettings) -> String {
        if case .sequence = settings.scope { return settings.isPaused ? "halted" : "open" }
        return settings.isPaused ? "paused" : "open"
    }

    private static func perKey(_ settings: QueueSettings) -> String {
        let parts = [settings.keyConcurrency.map(String.init), settings.keyRate.map(RateText.format)].compactMap(\.self)
        return parts.isEmpty ? "none" : parts.joined(separator: " ")
    }

    private static func order(_ settings: QueueSettings) -> String {
        let parts = [settings.isFair ? "fair" : nil, settings.weight == 1 ? nil : "weight \(settings.weight)"].compactMap(\.self)
        return parts.isEmpty ? "usual" : parts.joined(separator: ", ")
    }

    private static func object(_ settings: QueueSettings) -> [UInt8] {
        JSONWriter.versioned { writer in
            switch settings.scope {
            case .queue(let name): writer.member("queue", name)
            case .kind(let name): writer.member("kind", name)
            case .key(let name, let queue):
                writer.member("queue", queue)
                writer.member("limit_key", name)
            case .sequence(let name, let queue):
                writer.member("queue", queue)
                writer.member("sequence", name)
                writer.member("halted", settings.isPaused)
                return
            }
            writer.member("paused", settings.isPaused)
            writer.member("running", settings.running)
            writer.member("concurrency", settings.concurrency)
            writer.member("rate", settings.rate.map(RateText.format))
            if case .queue = settings.scope {
                writer.member("key_concurrency", settings.keyConcurrency)
                writer.member("key_rate", settings.keyRate.map(RateText.format))
                writer.member("fair", settings.isFair)
            }
            if case .kind = settings.scope { return }
            writer.member("weight", settings.weight)
        }
    }
}
