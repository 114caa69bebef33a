// Metrics in the text format that Prometheus reads (https://prometheus.io/docs/instrumenting/exposition_formats/).

import Errand
import ErrandContext

/// Lays out metrics. Names end in their unit, counters in `_total`, as Prometheus wants it.
struct PrometheusText {
    private var lines: [String] = []

    /// The whole page.
    static func page(_ stats: StoreStats, _ metrics: StoreMetrics, _ settings: [QueueSettings], logBytes: Int, now: Timestamp) -> [String] {
        var page = PrometheusText()
        page.family("errand_jobs", "gauge", "Jobs by queue, kind and state.")
        for count in stats.counts.sorted(by: { ($0.queue, $0.kind, $0.state.rawValue) < ($1.queue, $1.kind, $1.state.rawValue) }) {
            page.sample("errand_jobs", [("queue", count.queue), ("kind", count.kind), ("state", count.state.rawValue)], "\(count.jobs)")
        }
        page.family("errand_oldest_available_seconds", "gauge", "How long the oldest available job has been due.")
        for oldest in stats.oldestAvailable {
            page.sample(
                "errand_oldest_available_seconds", [("queue", oldest.queue), ("kind", oldest.kind)],
                seconds(max(.zero, now - oldest.since)))
        }
        page.workers(stats.workers)
        page.queues(settings)
        page.family("errand_executions_total", "counter", "Executions that have ended, by outcome.")
        for total in metrics.outcomes {
            page.sample(
                "errand_executions_total", [("queue", total.queue), ("kind", total.kind), ("outcome", total.outcome.rawValue)],
                "\(total.executions)")
        }
        page.histograms(metrics.times)
        page.family("errand_log_bytes", "gauge", "Bytes of log lines that are kept.")
        page.sample("errand_log_bytes", [], "\(logBytes)")
        page.family("errand_file_bytes", "gauge", "Sizes of the store's files.")
        for (name, bytes) in metrics.files.sorted(by: { $0.key < $1.key }) {
            page.sample("errand_file_bytes", [("file", name)], "\(bytes)")
        }
        return page.lines
    }

    private mutating func workers(_ workers: [StoreStats.WorkerStatus]) {
        family("errand_workers", "gauge", "Workers that are alive.")
        sample("errand_workers", [], "\(workers.count)")
        for (name, help, value) in [
            ("errand_worker_slots", "Slots of a worker.", \StoreStats.WorkerStatus.slots),
            ("errand_worker_running", "Executions that a worker holds; by its slots: its saturation.", \.running),
        ] {
            family(name, "gauge", help)
            for worker in workers {
                sample(name, [("worker", worker.id.description), ("host", worker.description.host)], "\(worker[keyPath: value])")
            }
        }
    }

    private mutating func queues(_ settings: [QueueSettings]) {
        family("errand_paused", "gauge", "1 while a queue or kind is paused, or a sequence halted.")
        for setting in settings where setting.isPaused { sample("errand_paused", PrometheusText.labels(of: setting.scope), "1") }
        family("errand_concurrency_limit", "gauge", "How many jobs of a queue, kind or limit key may run at once.")
        for setting in settings {
            if let limit = setting.concurrency { sample("errand_concurrency_limit", PrometheusText.labels(of: setting.scope), "\(limit)") }
        }
    }

    private static func labels(of scope: LimitScope) -> [(String, String)] {
        switch scope {
        case .queue(let name): [("queue", name)]
        case .kind(let name): [("kind", name)]
        case .key(let name, let queue): [("queue", queue), ("limit_key", name)]
        case .sequence(let name, let queue): [("queue", queue), ("sequence", name)]
        }
    }

    private mutating func histograms(_ times: [TimeHistogram]) {
        for (what, name, help) in [
            (TimeHistogram.What.wait, "errand_wait_seconds", "From when a job was due to the start of its first execution."),
            (.run, "errand_run_seconds", "From the start of an execution to its end."),
        ] {
            family(name, "histogram", help)
            for histogram in times where histogram.what == what {
                let labels = [("queue", histogram.queue), ("kind", histogram.kind)]
                var total = 0
                for (bound, count) in zip(TimeHistogram.bounds.map(PrometheusText.seconds) + ["+Inf"], histogram.counts) {
                    total += count
                    sample(name + "_bucket", labels + [("le", bound)], "\(total)")
                }
                sample(name + "_sum", labels, PrometheusText.seconds(histogram.sum))
                sample(name + "_count", labels, "\(total)")
            }
        }
    }

    private mutating func family(_ name: String, _ type: String, _ help: String) {
        lines += ["# HELP \(name) \(help)", "# TYPE \(name) \(type)"]
    }

    private mutating func sample(_ name: String, _ labels: [(String, String)], _ value: String) {
        let text = labels.map { "\($0.0)=\"\(PrometheusText.escaped($0.1))\"" }.joined(separator: ",")
        lines.append(labels.isEmpty ? "\(name) \(value)" : "\(name){\(text)} \(value)")
    }

    /// A label's value: backslash, quotation mark and line feed are escaped, other control characters left out.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            case _ where character.value < 0x20 || character.value == 0x7F: break
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }

    /// Seconds without a superfluous zero.
    private static func seconds(_ duration: Duration) -> String {
        let microseconds = duration.wholeMicroseconds
        guard microseconds % 1_000_000 != 0 else { return "\(microseconds / 1_000_000)" }
        let digits = String(microseconds % 1_000_000 + 1_000_000).dropFirst()
        let fraction = digits.reversed().drop { $0 == "0" }.reversed()
        return "\(microseconds / 1_000_000).\(String(fraction))"
    }
}
