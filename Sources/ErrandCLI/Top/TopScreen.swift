// `errand top` as lines of text, so many as fit.

import Errand
import ErrandContext

/// Lays out one look.
struct TopScreen {
    let style: TextStyle
    let columns: Int
    /// The height of the screen; `nil` is as many as there are.
    let rows: Int?
    /// Where the store is.
    let store: String

    /// Lines above the list, and the one below it.
    private static let frame = 6

    /// How many rows of a list or log are seen.
    var height: Int { max(1, (rows ?? 1_000_000) - TopScreen.frame) }

    /// The screen, from top to bottom; never wider than it, nor higher.
    func lines(_ state: TopState, _ look: TopLook) -> [String] {
        var lines = [heading(look), counts(look), activity(look), ""]
        if state.log != nil {
            lines += [logHeading(state, look)] + logLines(state, look)
        } else {
            lines += list(state, look)
        }
        if let rows {
            lines = Array(lines.prefix(rows - 1))
            lines += Array(repeating: "", count: max(0, rows - 1 - lines.count))
        }
        return lines + [help(state)]
    }

    // MARK: Above

    private func heading(_ look: TopLook) -> String {
        let time = TerminalText.cut(LocalTime.text(look.now, utc: style.isUTC), to: columns)
        guard columns > time.count + 20 else { return time }
        let name = cut("\(Session.program) top  \(TerminalText.escaped(store))", to: columns - time.count - 2)
        return style.bold(name) + String(repeating: " ", count: max(2, columns - TerminalText.width(of: name) - time.count)) + time
    }

    private func counts(_ look: TopLook) -> String {
        var counts: [JobState: Int] = [:]
        for count in look.stats.counts { counts[count.state, default: 0] += count.jobs }
        let parts = JobState.allCases.compactMap { state in
            counts[state].map { (text: "\($0) \(state.rawValue)", color: TextStyle.color(of: state)) }
        }
        return parts.isEmpty ? "no jobs" : joined(parts)
    }

    private func activity(_ look: TopLook) -> String {
        let workers = look.stats.workers
        var parts: [(text: String, color: TextStyle.Color?)] = []
        if let ended = look.ended { parts.append(("\(TopScreen.rate(ended)) ended/s", nil)) }
        if let failed = look.failed, failed > 0 { parts.append(("\(TopScreen.rate(failed)) failed/s", .red)) }
        if workers.isEmpty {
            parts.append(("no worker is alive", .yellow))
        } else {
            let (running, slots) = (workers.reduce(0) { $0 + $1.running }, workers.reduce(0) { $0 + $1.slots })
            parts.append(("\(running) of \(slots) slots on \(workers.count) \(workers.count == 1 ? "worker" : "workers")", nil))
        }
        if let oldest = look.stats.oldestAvailable.map(\.since).min() {
            parts.append(("oldest waits \(DurationText.format(max(.zero, look.now - oldest)))", nil))
        }
        return joined(parts)
    }

    /// Parts with points between, as many as fit.
    private func joined(_ parts: [(text: String, color: TextStyle.Color?)]) -> String {
        var line = ""
        var width = 0
        for part in parts {
            let needed = TerminalText.width(of: part.text) + (line.isEmpty ? 0 : 3)
            guard width + needed <= columns else { break }
            line += (line.isEmpty ? "" : " · ") + style.paint(part.text, part.color)
            width += needed
        }
        return line
    }

    // MARK: Lists

    private func list(_ state: TopState, _ look: TopLook) -> [String] {
        let cells = cells(of: state.list, look)
        guard cells.count > 1 else { return [tabs(state), "", cut(empty(state), to: columns)] }
        let aligned = StatsText.aligned(cells)
        let chosen = state.index(in: look)
        // The list stands one line lower than a log: below its heading.
        let seen = max(1, height - 1)
        let first = min(max(0, chosen - seen / 2), max(0, aligned.count - 1 - seen))
        let rows = aligned.dropFirst().enumerated().dropFirst(first).prefix(seen).map { index, row in
            index == chosen ? style.bold(cut("> " + row, to: columns)) : cut("  " + row, to: columns)
        }
        return [tabs(state), style.bold(cut("  " + aligned[0], to: columns))] + rows
    }

    private func tabs(_ state: TopState) -> String {
        let names = TopState.List.allCases.map { list in
            (list, list == .jobs ? state.queue.map { "jobs of \($0)" } ?? "jobs" : list.rawValue)
        }
        let isFitting = names.reduce(0) { $0 + $1.1.count + 3 } <= columns + 1
        return names.filter { isFitting || $0.0 == state.list }.map { list, name in
            list == state.list ? style.bold(cut("[\(name)]", to: columns)) : " \(name) "
        }.joined(separator: " ")
    }

    private func empty(_ state: TopState) -> String {
        switch state.list {
        case .jobs: "  no jobs: add one with `\(Session.program) enqueue`"
        case .queues: "  no queue has jobs or workers"
        case .errors: "  nothing has failed"
        case .workers: "  no worker is alive: start one with `\(Session.program) work`"
        }
    }

    private func cells(of list: TopState.List, _ look: TopLook) -> [[String]] {
        switch list {
        case .jobs: [["ID", "STATE", "KIND", "QUEUE", "ATTEMPT", "TIME", ""]] + look.jobs.map { cells(of: $0, look.now) }
        case .queues:
            [["QUEUE", "WAITING", "RUNNING", "LIMIT", "RATE", "OLDEST", "WAIT p50", "p95", "RUN p50", "p95", ""]]
                + look.queues.map { cells(of: $0, look.now) }
        case .errors:
            [["JOBS", "DEAD", "KIND", "LAST", "ERROR"]]
                + look.errors.map { group in
                    [
                        "\(group.jobs)", "\(group.dead)", group.key.kind,
                        group.lastAt.map { TextStyle.distance(of: $0, from: look.now) } ?? "",
                        TerminalText.escaped("\(group.key.type): \(group.message)"),
                    ]
                }
        case .workers:
            [["WORKER", "RUNNING", "QUEUES", "HOST", "UP", ""]] + look.stats.workers.map { cells(of: $0, look.now) }
        }
    }

    private func cells(of job: TopLook.Job, _ now: Timestamp) -> [String] {
        let summary = job.summary
        let time: String
        if let startedAt = job.startedAt {
            time = "runs \(DurationText.format(max(.zero, now - startedAt)))"
        } else if let finishedAt = summary.finishedAt {
            time = "ended \(TextStyle.distance(of: finishedAt, from: now))"
        } else if summary.state == .blocked || summary.state == .waiting {
            time = ""
        } else {
            time = "due \(TextStyle.distance(of: summary.runAt, from: now))"
        }
        let words = summary.stuckSince == nil ? job.progress.map { ProgressText.words($0) } : "stuck: it ignores that it was cancelled"
        return [
            summary.id.description, summary.state.rawValue, summary.kind, summary.queue, "\(summary.attempt)/\(summary.maxAttempts)", time,
            words ?? TerminalText.escaped(summary.label ?? summary.reason ?? ""),
        ]
    }

    private func cells(of queue: TopLook.Queue, _ now: Timestamp) -> [String] {
        func time(_ histogram: TimeHistogram?, _ part: Double) -> String {
            histogram?.quantile(part).map { DurationText.format($0) } ?? ""
        }
        return [
            queue.name, "\(queue.waiting)", "\(queue.running)", queue.limit.map { "\($0)" } ?? "", queue.rate.map(RateText.format) ?? "",
            queue.oldest.map { DurationText.format(max(.zero, now - $0)) } ?? "", time(queue.wait, 0.5), time(queue.wait, 0.95),
            time(queue.run, 0.5), time(queue.run, 0.95), queue.isPaused ? "paused" : "",
        ]
    }

    private func cells(of worker: StoreStats.WorkerStatus, _ now: Timestamp) -> [String] {
        let queues = worker.description.queues.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(separator: ",")
        return [
            worker.id.description, "\(worker.running)/\(worker.slots)", TerminalText.escaped(queues),
            TerminalText.escaped("\(worker.description.host) pid \(worker.description.pid)"),
            DurationText.format(max(.zero, now - worker.description.startedAt)),
            worker.orders.mustStop ? "stopping" : worker.orders.isQuiet ? "quiet" : "",
        ]
    }

    // MARK: Logs

    private func logHeading(_ state: TopState, _ look: TopLook) -> String {
        guard let job = look.opened else { return "the job is gone" }
        var text = "\(job.summary.id)  \(job.summary.kind)  \(job.summary.state.rawValue)"
        if let progress = job.progress, !job.summary.state.isFinal { text += "  \(ProgressText.words(progress))" }
        if let error = job.error { text += "  \(TerminalText.escaped("\(error.type): \(error.message)"))" }
        return style.bold(cut(text, to: columns))
    }

    private func logLines(_ state: TopState, _ look: TopLook) -> [String] {
        guard !look.log.isEmpty else { return ["", "  no lines yet"] }
        return look.log.dropLast(state.scroll).suffix(height).map { TopScreen.cutColored($0, to: columns) }
    }

    /// A line with colours in it, cut to `columns`; colours end with it.
    static func cutColored(_ line: String, to columns: Int) -> String {
        var result = ""
        var width = 0
        var isInSequence = false
        for character in line {
            if character == "\u{1B}" { isInSequence = true }
            if isInSequence {
                result.append(character)
                if character.isLetter { isInSequence = false }
                continue
            }
            let next = TerminalText.width(of: String(character))
            guard width + next <= columns else { return line.contains("\u{1B}") ? result + "\u{1B}[0m" : result }
            result.append(character)
            width += next
        }
        return result
    }

    // MARK: Below

    private func help(_ state: TopState) -> String {
        let text =
            state.log != nil
            ? "↑ ↓ PgUp PgDn scroll · End follows · Esc back · q quit"
            : "↑ ↓ choose · Enter \(state.list == .queues ? "its jobs" : "its log") · Tab next list · q quit"
        return style.paint(cut(text, to: columns), .gray)
    }

    private func cut(_ text: String, to columns: Int) -> String { TerminalText.cut(text, to: max(1, columns)) }

    private static func rate(_ value: Double) -> String {
        value >= 10 ? "\(Int(value.rounded()))" : "\(Int(value * 10) / 10).\(Int(value * 10) % 10)"
    }
}
