// Periodic jobs for people, pipes and scripts.

import Errand

/// Lays out periodic jobs.
struct PeriodicTable {
    var style: TextStyle
    var now: Timestamp
    var redaction: Redaction?
    /// Where the jobs of the last slots stand.
    var states: [JobID: JobState] = [:]

    /// Writes a table on a terminal, tab-separated values into a pipe, JSON lines, or names.
    func write(_ entries: [PeriodicEntry], as format: OutputFormat, to output: Output) throws {
        switch format {
        case .json: for entry in entries { try output.object(object(entry)) }
        case .ids: for entry in entries { try output.line(entry.periodic.name) }
        case .table, .wide:
            if output.isTerminal {
                for line in lines(entries, isWide: format == .wide) { try output.line(line) }
            } else {
                for entry in entries { try output.line(plain(entry)) }
            }
        }
    }

    /// A table with a heading, for a terminal.
    private func lines(_ entries: [PeriodicEntry], isWide: Bool) -> [String] {
        guard !entries.isEmpty else {
            return ["no periodic jobs: `\(Session.program) periodic add`, or `periodic` in errand.yaml, sets them"]
        }
        var heading = ["NAME", "RUNS", "NEXT", "LAST", "SCHEDULE"]
        if isWide { heading += ["OVERLAP", "MISSED", "FROM"] }
        let rows = entries.map { cells(of: $0, isWide: isWide) }
        let table = TableLines.lines(heading: heading, rows: rows)
        return [style.bold(table.heading)]
            + zip(table.rows, entries).map { line, entry in entry.isPaused ? style.paint(line, .yellow) : line }
    }

    private func cells(of entry: PeriodicEntry, isWide: Bool) -> [String] {
        var cells = [
            entry.periodic.name, entry.periodic.job.kind,
            entry.next.map { TextStyle.distance(of: $0, from: now) } ?? state(entry),
            last(entry), schedule(entry),
        ]
        if isWide {
            cells += [
                entry.periodic.overlap.rawValue, entry.periodic.missed.word,
                TerminalText.escaped(entry.source ?? "command line or program"),
            ]
        }
        return cells
    }

    private func state(_ entry: PeriodicEntry) -> String { entry.isPaused ? "paused" : entry.next == nil ? "over" : "active" }

    private func last(_ entry: PeriodicEntry) -> String {
        guard let last = entry.last else { return "never" }
        let when = TextStyle.distance(of: last.at, from: now)
        let state = states[last.job].map { " \($0.rawValue)" } ?? ""
        return last.wasSkipped ? "\(when), skipped: \(last.job) had not ended" : "\(when): \(last.job)\(state)"
    }

    /// The schedule in plain language; what cannot be read on this machine as it was written.
    private func schedule(_ entry: PeriodicEntry) -> String {
        if let problem = entry.problem { return TerminalText.escaped("cannot be read: \(problem)") }
        do throws(ScheduleProblem) {
            return try entry.periodic.schedule().description
        } catch {
            return TerminalText.escaped("\(written(entry).joined(separator: " ")) (cannot be read here: \(error))")
        }
    }

    private func written(_ entry: PeriodicEntry) -> [String] {
        switch entry.periodic.timing {
        case .cron(let line, let zone): [line, zone]
        case .every(let interval): ["every", DurationText.format(interval)]
        @unknown default: []
        }
    }

    /// One line of tab-separated values.
    private func plain(_ entry: PeriodicEntry) -> String {
        [
            entry.periodic.name, state(entry), entry.periodic.job.kind, entry.next?.description ?? "", entry.last?.slot.description ?? "",
            entry.last?.job.description ?? "",
            entry.last.map { $0.wasSkipped ? "skipped" : states[$0.job]?.rawValue ?? "deleted" } ?? "", schedule(entry),
            TerminalText.escaped(entry.source ?? ""),
        ].joined(separator: "\t")
    }

    private func object(_ entry: PeriodicEntry) -> [UInt8] {
        let periodic = entry.periodic
        if let problem = entry.problem {
            return JSONWriter.versioned { writer in
                writer.member("name", periodic.name)
                writer.member("state", state(entry))
                writer.member("problem", problem)
            }
        }
        let hiding = SealedBytes(periodic.job.payload) == nil ? redaction?.learning(from: periodic.job.payload) : redaction
        return JSONWriter.versioned { writer in
            writer.member("name", periodic.name)
            switch periodic.timing {
            case .cron(let line, let zone):
                writer.member("cron", line)
                writer.member("tz", zone)
            case .every(let interval): writer.member("every_ms", Int(interval.wholeMicroseconds / 1000))
            @unknown default: break
            }
            writer.member("schedule", schedule(entry))
            writer.member("state", state(entry))
            writer.member("next_at", entry.next)
            writer.member("last", raw: entry.last.map(PeriodicTable.last))
            writer.member("overlap", periodic.overlap.rawValue)
            writer.member("missed", periodic.missed.word)
            if case .all(let limit) = periodic.missed { writer.member("catch_up", limit) }
            writer.member("jitter_ms", Int(periodic.jitter.wholeMicroseconds / 1000))
            writer.member("starts_at", periodic.startsAt)
            writer.member("ends_at", periodic.endsAt)
            writer.member("expires_ms", periodic.expires.map { Int($0.wholeMicroseconds / 1000) })
            writer.member("deadline_ms", periodic.deadline.map { Int($0.wholeMicroseconds / 1000) })
            writer.member("kind", periodic.job.kind)
            writer.member("queue", periodic.job.queue)
            writer.member("priority", periodic.job.priority)
            writer.member("max_attempts", periodic.job.maxAttempts)
            writer.member("timeout_ms", periodic.job.timeout.map { Int($0.wholeMicroseconds / 1000) })
            writer.member("limit_key", periodic.job.terms.limitKey.map { hiding?.redacted($0) ?? $0 })
            writer.member("sequence", periodic.job.terms.sequence?.key)
            if let sequence = periodic.job.terms.sequence { writer.member("halt", sequence.haltsOnDeath) }
            writer.member("meta", hiding?.redacted(periodic.job.meta) ?? periodic.job.meta)
            writer.member("tags", raw: JSONWriter.array(periodic.job.terms.tags.map(JSONWriter.string)))
            writer.member("label", periodic.job.label.map { hiding?.redacted($0) ?? $0 })
            let isSealed = SealedBytes(periodic.job.payload) != nil
            JobJSON.add(
                "payload", isSealed ? periodic.job.payload : hiding?.redacted(json: periodic.job.payload) ?? periodic.job.payload,
                to: &writer)
            writer.member("source", entry.source)
        }
    }

    private static func last(_ last: PeriodicEntry.Fired) -> [UInt8] {
        JSONWriter.object { writer in
            writer.member("slot", last.slot)
            writer.member("at", last.at)
            writer.member("job", last.job.description)
            writer.member("skipped", last.wasSkipped)
        }
    }
}
