// Lists of jobs for people and for pipes.

import Errand

/// Lays out jobs in columns.
struct JobTable {
    var style: TextStyle
    var now: Timestamp
    var isWide = false

    /// A table that fits into `columns`, with a heading: for a terminal. The last column gives way first.
    func terminal(_ jobs: [JobSummary], columns: Int) -> [String] {
        var heading = ["ID", "STATE", "KIND", "QUEUE", "ATTEMPT", "CREATED", "WHEN"]
        if isWide { heading += ["PRIORITY", "CRASHES", "KEY", "META", "TAGS"] }
        heading.append("LABEL")
        let rows = jobs.map { cells(of: $0) }
        var widths = heading.map { TerminalText.width(of: $0) }
        for row in rows {
            for (column, cell) in row.enumerated() { widths[column] = max(widths[column], TerminalText.width(of: cell)) }
        }
        fit(&widths, into: columns)
        let states = jobs.map(\.state)
        return [style.bold(line(heading, widths, state: nil))] + zip(rows, states).map { line($0, widths, state: $1) }
    }

    /// Tab-separated values, one job a line, without a heading: for pipes. Times are RFC 3339; nothing is cut.
    func plain(_ job: JobSummary) -> String {
        var values = [
            job.id.description, job.state.rawValue, job.kind, job.queue, "\(job.attempt)/\(job.maxAttempts)", job.createdAt.description,
            job.runAt.description, job.finishedAt?.description ?? "",
        ]
        if isWide {
            values += [
                String(job.priority), String(job.crashes), TerminalText.escaped(job.key ?? ""), meta(of: job),
                job.tags.joined(separator: " "),
            ]
        }
        values.append(TerminalText.escaped(job.label ?? ""))
        return values.joined(separator: "\t")
    }

    private func cells(of job: JobSummary) -> [String] {
        var cells = [
            job.id.description, job.state.rawValue, job.kind, job.queue, "\(job.attempt)/\(job.maxAttempts)",
            TextStyle.distance(of: job.createdAt, from: now), when(job),
        ]
        if isWide {
            cells += [
                String(job.priority), String(job.crashes), TerminalText.escaped(job.key ?? ""), meta(of: job),
                job.tags.joined(separator: " "),
            ]
        }
        cells.append(TerminalText.escaped(job.label ?? ""))
        return cells
    }

    /// What a person wants to know about the job's time: when it starts, or when it ended.
    private func when(_ job: JobSummary) -> String {
        switch job.state {
        case .scheduled, .retryable: "starts \(TextStyle.distance(of: job.runAt, from: now))"
        case .completed, .cancelled, .dead: "ended \(TextStyle.distance(of: job.finishedAt ?? job.runAt, from: now))"
        case .available: "due \(TextStyle.distance(of: job.runAt, from: now))\(job.isSuspect ? ", suspect" : "")"
        case .running: job.stuckSince.map { "stuck \(TextStyle.distance(of: $0, from: now))" } ?? (job.isSuspect ? "alone" : "")
        case .waiting, .blocked: ""
        }
    }

    private func meta(of job: JobSummary) -> String {
        TerminalText.escaped(job.meta.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " "))
    }

    /// Takes columns from the widest cells that hold free text until the line fits; IDs and states are never cut.
    private func fit(_ widths: inout [Int], into columns: Int) {
        let gaps = 2 * (widths.count - 1)
        // Label first, then tags, meta and key, kind and queue; 8 columns say enough to recognise a name.
        var order = [widths.count - 1]
        if isWide { order += [11, 10, 9] }
        order += [2, 3]
        for column in order {
            let excess = widths.reduce(0, +) + gaps - columns
            guard excess > 0 else { return }
            widths[column] = max(min(8, widths[column]), widths[column] - excess)
        }
    }

    private func line(_ cells: [String], _ widths: [Int], state: JobState?) -> String {
        var parts: [String] = []
        for (column, cell) in cells.enumerated() {
            let text = TerminalText.cut(cell, to: widths[column])
            let padding = String(repeating: " ", count: max(0, widths[column] - TerminalText.width(of: text)))
            let painted = column == 1 ? style.paint(text, state.flatMap(TextStyle.color(of:))) : text
            parts.append(column == cells.count - 1 ? painted : painted + padding)
        }
        var line = parts.joined(separator: "  ")
        while line.hasSuffix(" ") { line.removeLast() }
        return line
    }
}
