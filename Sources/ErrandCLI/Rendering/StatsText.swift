// The store at a glance, for people and for scripts.

import Errand

/// What was counted and how much room it takes, beside what stands.
struct StoreSizes {
    var metrics = StoreMetrics(times: [], outcomes: [])
    /// Bytes of log lines that are kept.
    var logBytes = 0
    /// What was set for queues and kinds.
    var settings: [QueueSettings] = []

    /// Whether there is nothing to say.
    var isEmpty: Bool { metrics.files.isEmpty && logBytes == 0 }
}

/// Lays out statistics.
struct StatsText {
    var style: TextStyle
    var now: Timestamp

    /// Lines for a person.
    func lines(_ stats: StoreStats, _ flags: LogFlagCounts, _ sizes: StoreSizes = StoreSizes()) -> [String] {
        var lines = jobs(stats)
        lines += [""] + workers(stats)
        let ended = lastHour(stats)
        if !ended.isEmpty { lines += ["", style.bold("last hour")] + ended }
        let times = self.times(sizes.metrics.times)
        if !times.isEmpty { lines += ["", style.bold("wait and run times since the store was made")] + times }
        if !sizes.isEmpty { lines += ["", style.bold("sizes")] + self.sizes(sizes) }
        let flagged = self.flagged(flags)
        if !flagged.isEmpty { lines += ["", style.bold("log lines with flags")] + flagged }
        let paused = sizes.settings.filter(\.isPaused).map { setting in
            "\(setting.scope.what) \(TerminalText.escaped(setting.scope.name)) is \({ if case .sequence = setting.scope { "halted" } else { "paused" } }())"
        }
        if !paused.isEmpty { lines += [""] + paused.map { style.paint($0, .yellow) } }
        let waiting = StatsText.uncovered(stats)
        if !waiting.isEmpty {
            lines += [""] + waiting.map { style.paint("\($0.jobs) of \($0.queue)/\($0.kind) wait: \($0.problem)", .yellow) }
        }
        return lines
    }

    /// Jobs that wait although nobody alive would run them.
    struct Uncovered: Hashable {
        var queue: String
        var kind: String
        var jobs: Int
        var problem: String
    }

    /// Queues and kinds with jobs to run that no live worker runs.
    static func uncovered(_ stats: StoreStats) -> [Uncovered] {
        struct Feed: Hashable {
            var queue: String
            var kind: String
        }
        let coverage = WorkerCoverage(workers: stats.workers)
        var jobs: [Feed: Int] = [:]
        for count in stats.counts where [.available, .retryable, .scheduled, .waiting].contains(count.state) {
            jobs[Feed(queue: count.queue, kind: count.kind), default: 0] += count.jobs
        }
        return jobs.sorted { ($0.key.queue, $0.key.kind) < ($1.key.queue, $1.key.kind) }.compactMap { feed, count in
            coverage.problem(queue: feed.queue, kind: feed.kind).map {
                Uncovered(queue: feed.queue, kind: feed.kind, jobs: count, problem: $0)
            }
        }
    }

    private func jobs(_ stats: StoreStats) -> [String] {
        guard !stats.counts.isEmpty else { return ["no jobs: add one with `\(Session.program) enqueue`"] }
        let counts = stats.counts.sorted { ($0.queue, $0.kind, order($0.state)) < ($1.queue, $1.kind, order($1.state)) }
        let rows = counts.map { count -> [String] in
            let oldest = stats.oldestAvailable.first { $0.queue == count.queue && $0.kind == count.kind && count.state == .available }
            return [
                count.queue, count.kind, count.state.rawValue, String(count.jobs),
                oldest.map { "oldest due \(TextStyle.distance(of: $0.since, from: now))" } ?? "",
            ]
        }
        return aligned([["QUEUE", "KIND", "STATE", "JOBS", ""]] + rows)
    }

    private func workers(_ stats: StoreStats) -> [String] {
        guard !stats.workers.isEmpty else { return ["no worker is alive: start one with `\(Session.program) work`"] }
        let rows = stats.workers.map { worker in
            [
                worker.id.description, "\(worker.running)/\(worker.slots)",
                TerminalText.escaped(
                    worker.description.queues.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(separator: ",")),
                TerminalText.escaped(worker.description.kinds.sorted().joined(separator: ",")),
                TerminalText.escaped("\(worker.description.host) pid \(worker.description.pid)"),
                "up \(DurationText.format(max(.zero, now - worker.description.startedAt)))",
            ]
        }
        return aligned([["WORKER", "RUNNING", "QUEUES", "KINDS", "HOST", ""]] + rows)
    }

    private func lastHour(_ stats: StoreStats) -> [String] {
        aligned(
            stats.lastHour.sorted { ($0.queue, $0.kind, $0.outcome.rawValue) < ($1.queue, $1.kind, $1.outcome.rawValue) }.map { count in
                let mean = count.executions > 0 ? count.runTime / count.executions : .zero
                return [count.queue, count.kind, count.outcome.rawValue, String(count.executions), "mean \(DurationText.format(mean))"]
            })
    }

    private func times(_ times: [TimeHistogram]) -> [String] {
        guard !times.isEmpty else { return [] }
        let rows = times.map { time in
            [time.queue, time.kind, time.what.rawValue]
                + [0.5, 0.95, 0.99].map { time.quantile($0).map { DurationText.format($0) } ?? "" }
        }
        return aligned([["QUEUE", "KIND", "", "p50", "p95", "p99"]] + rows)
    }

    private func sizes(_ sizes: StoreSizes) -> [String] {
        aligned(
            sizes.metrics.files.sorted { $0.key < $1.key }.map { [$0.key, ByteText.short($0.value)] }
                + [["log lines", ByteText.short(sizes.logBytes)]])
    }

    private func flagged(_ flags: LogFlagCounts) -> [String] {
        aligned(
            LogFlags.names.filter { flags[$0.flag] > 0 }.map { known in
                [known.name, String(flags[known.flag]), "`\(Session.program) logs --flag \(known.name)`"]
            })
    }

    private func order(_ state: JobState) -> Int { JobState.allCases.firstIndex(of: state) ?? 0 }

    private func aligned(_ rows: [[String]]) -> [String] { StatsText.aligned(rows) }

    /// Cells in columns.
    static func aligned(_ rows: [[String]]) -> [String] {
        guard let columns = rows.first?.count else { return [] }
        let widths = (0..<columns).map { column in rows.map { TerminalText.width(of: $0[column]) }.max() ?? 0 }
        return rows.map { row in
            var line = row.enumerated().map { column, cell in
                cell + String(repeating: " ", count: widths[column] - TerminalText.width(of: cell))
            }.joined(separator: "  ")
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
    }
}

/// Writes statistics as JSON.
enum StatsJSON {
    /// One object.
    static func object(_ stats: StoreStats, _ flags: LogFlagCounts, _ sizes: StoreSizes = StoreSizes()) -> [UInt8] {
        JSONWriter.versioned { writer in
            writer.member("jobs", raw: JSONWriter.array(stats.counts.map(count)))
            writer.member("workers", raw: JSONWriter.array(stats.workers.map(worker)))
            writer.member(
                "oldest_available",
                raw: JSONWriter.array(
                    stats.oldestAvailable.map { oldest in
                        JSONWriter.object {
                            $0.member("queue", oldest.queue)
                            $0.member("kind", oldest.kind)
                            $0.member("since", oldest.since)
                        }
                    }))
            writer.member("last_hour", raw: JSONWriter.array(stats.lastHour.map(outcome)))
            writer.member("times", raw: JSONWriter.array(sizes.metrics.times.map(time)))
            writer.member(
                "files",
                raw: JSONWriter.object { writer in
                    for (name, bytes) in sizes.metrics.files.sorted(by: { $0.key < $1.key }) { writer.member(name, bytes) }
                })
            writer.member("log_bytes", sizes.logBytes)
            writer.member(
                "log_flags",
                raw: JSONWriter.object { writer in
                    for known in LogFlags.names { writer.member(known.name, flags[known.flag]) }
                })
            writer.member(
                "without_worker",
                raw: JSONWriter.array(
                    StatsText.uncovered(stats).map { uncovered in
                        JSONWriter.object {
                            $0.member("queue", uncovered.queue)
                            $0.member("kind", uncovered.kind)
                            $0.member("jobs", uncovered.jobs)
                        }
                    }))
        }
    }

    private static func time(_ time: TimeHistogram) -> [UInt8] {
        JSONWriter.object { writer in
            writer.member("queue", time.queue)
            writer.member("kind", time.kind)
            writer.member("what", time.what.rawValue)
            writer.member("executions", time.counts.reduce(0, +))
            for (name, part) in [("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)] {
                writer.member(name, time.quantile(part).map { Int($0.wholeMicroseconds / 1000) })
            }
        }
    }

    private static func count(_ count: StoreStats.Count) -> [UInt8] {
        JSONWriter.object {
            $0.member("queue", count.queue)
            $0.member("kind", count.kind)
            $0.member("state", count.state.rawValue)
            $0.member("jobs", count.jobs)
        }
    }

    private static func worker(_ worker: StoreStats.WorkerStatus) -> [UInt8] {
        JSONWriter.object { members(of: worker, to: &$0) }
    }

    /// What scripts read of a worker.
    static func members(of worker: StoreStats.WorkerStatus, to writer: inout JSONWriter) {
        writer.member("worker", worker.id.description)
        writer.member("running", worker.running)
        writer.member("concurrency", worker.slots)
        writer.member(
            "queues",
            raw: JSONWriter.object { writer in
                for (queue, limit) in worker.description.queues.sorted(by: { $0.key < $1.key }) { writer.member(queue, limit) }
            })
        writer.member("kinds", raw: JSONWriter.array(worker.description.kinds.sorted().map(JSONWriter.string)))
        writer.member("host", worker.description.host)
        writer.member("pid", Int(worker.description.pid))
        writer.member("version", worker.description.version)
        writer.member("started_at", worker.description.startedAt)
        writer.member("heartbeat_age_ms", Int(worker.heartbeatAge.wholeMicroseconds / 1000))
        writer.member("quiet", worker.orders.isQuiet)
        writer.member("stopping", worker.orders.mustStop)
    }

    private static func outcome(_ count: StoreStats.OutcomeCount) -> [UInt8] {
        JSONWriter.object {
            $0.member("queue", count.queue)
            $0.member("kind", count.kind)
            $0.member("outcome", count.outcome.rawValue)
            $0.member("executions", count.executions)
            $0.member("run_time_ms", Int(count.runTime.wholeMicroseconds / 1000))
        }
    }
}
