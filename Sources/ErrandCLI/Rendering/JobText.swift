// One job in full, for a person.

import Errand

/// Describes a job: where it stands, what happened, what comes next, what to type.
struct JobText {
    var style: TextStyle
    var now: Timestamp
    /// Whether text from the job goes to the terminal as it is.
    var isRaw = false

    /// The description, line by line. `workers` are those that live, to tell whether anybody will run the job.
    func lines(
        _ job: JobDetail, steps: [JobStep] = [], after: [DependencyRecord] = [], coverage: WorkerCoverage
    ) -> [String] {
        let summary = job.summary
        var lines = ["\(style.bold("job"))       \(summary.id)  \(style.paint(summary.state.rawValue, TextStyle.color(of: summary.state)))"]
        func add(_ name: String, _ value: String?) {
            guard let value, !value.isEmpty else { return }
            lines.append(name + String(repeating: " ", count: max(1, 10 - name.count)) + value)
        }
        add("label", summary.label.map(safe))
        add("name", summary.name)
        add("kind", summary.kind)
        add("queue", "\(summary.queue), priority \(summary.priority)")
        add("key", summary.key.map(safe))
        add("meta", safe(summary.meta.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")))
        add("tags", summary.tags.joined(separator: " "))
        add("attempts", attempts(of: summary))
        add("limit key", job.terms.limitKey.map(safe))
        add("sequence", job.terms.sequence.map { safe($0.key) + ($0.haltsOnDeath ? ", which stops if this job dies" : "") })
        add("unique", job.terms.uniqueness.map { safe($0.key) })
        addLifetime(of: job, add)
        add("timeout", job.timeout.map { DurationText.format($0) })
        add("workflow", summary.workflow?.description)
        add("parent", job.parent?.description)
        add("trace", job.trace?.traceID)
        add("created", style.moment(summary.createdAt, now: now))
        add(summary.state.isFinal ? "was due" : "due", style.moment(summary.runAt, now: now))
        add("ended", summary.finishedAt.map { style.moment($0, now: now) })
        add("reason", summary.reason.map(safe))
        add("cancel", job.cancelRequestedAt.map { "requested \(style.moment($0, now: now))" })
        add(
            "stuck",
            summary.stuckSince.map { "\(style.moment($0, now: now)): it ignores that it was told to stop, and its slot is free for others" }
        )
        if summary.isSuspect {
            add("suspect", "its workers died several times while it ran and nobody knows why: it runs alone, suspects one at a time")
        }
        add("progress", job.progress.map { "\(ProgressText.words($0, isRaw: isRaw)) (\(TextStyle.distance(of: $0.at, from: now)))" })
        add("payload", value(job.payload))
        add("result", job.result.map(value))
        lines += self.after(after) + executions(of: job) + self.steps(steps)
        if let error = job.error { lines += ["", style.paint("error     ", .red) + indented("\(error.type): \(error.message)")] }
        lines += [""] + advice(for: job, after: after, coverage: coverage)
        return lines
    }

    /// When the job ends by itself, and whether it should have by now: without a worker nobody sees to it.
    private func addLifetime(of job: JobDetail, _ add: (String, String?) -> Void) {
        let waits = !job.summary.state.isFinal && job.summary.state != .running
        func text(_ time: Timestamp, _ fate: String) -> String {
            let isOverdue = waits && time <= now
            return style.moment(time, now: now) + (isOverdue ? ": overdue, \(fate) as soon as a worker looks" : "")
        }
        if job.executions.isEmpty { add("expires", job.terms.expiresAt.map { text($0, "cancelled") }) }
        add("deadline", job.terms.deadline.map { text($0, "dead") })
    }

    private func attempts(of job: JobSummary) -> String {
        let crashes = job.crashes > 0 ? ", \(job.crashes) crashed" : ""
        return "\(job.attempt) of \(job.maxAttempts)\(crashes)"
    }

    private func executions(of job: JobDetail) -> [String] {
        guard !job.executions.isEmpty else { return [] }
        return ["", style.bold("executions")]
            + job.executions.map { record in
                let outcome = record.outcome.map(\.rawValue) ?? "running"
                let end = record.finishedAt ?? now
                let took = record.finishedAt == nil ? "for" : "took"
                let worker = record.worker.map { " on worker \($0)" } ?? ""
                let error = record.error.map { ": " + indented("\($0.type): \($0.message)") } ?? ""
                return
                    "  \(record.execution)  attempt \(record.attempt)  \(style.paint(outcome, JobText.color(of: record.outcome)))  "
                    + "\(LocalTime.text(record.startedAt, utc: style.isUTC)), \(took) \(DurationText.format(max(.zero, end - record.startedAt)))\(worker)\(error)"
            }
    }

    /// So many of the things that a job waits for are named.
    private static let namedPrerequisites = 20

    private func after(_ records: [DependencyRecord]) -> [String] {
        guard !records.isEmpty else { return [] }
        var lines = ["", style.bold("after")]
        for record in records.prefix(JobText.namedPrerequisites) {
            let state = record.state.map { style.paint($0.rawValue, TextStyle.color(of: $0)) } ?? "not on record any more"
            let policy = record.ifFailed == .cascade ? "" : "  if it fails: \(record.ifFailed.rawValue)"
            lines.append("  \(record.prerequisite)\(record.name.map { "  \(safe($0))" } ?? "")  \(state)\(policy)")
        }
        if records.count > JobText.namedPrerequisites {
            lines.append("  and \(records.count - JobText.namedPrerequisites) more: `--json` shows all")
        }
        return lines
    }

    private func steps(_ steps: [JobStep]) -> [String] {
        guard !steps.isEmpty else { return [] }
        return ["", style.bold("steps")]
            + steps.map { step in
                let position = step.isCursor ? step.result.map { " at \(value($0))" } ?? "" : ""
                return
                    "  \(safe(step.name))\(position)  recorded by \(step.execution) \(TextStyle.distance(of: step.recordedAt, from: now))"
            }
    }

    static func color(of outcome: Outcome?) -> TextStyle.Color? {
        switch outcome {
        case .completed: .green
        case .failed, .timedOut, .crashed: .red
        case .snoozed, .interrupted, .lost, .cancelled: .yellow
        case nil: .cyan
        }
    }

    /// What happens next, and the command to type next.
    private func advice(for job: JobDetail, after: [DependencyRecord], coverage: WorkerCoverage) -> [String] {
        let summary = job.summary
        let hasRun = !job.executions.isEmpty
        let logs =
            hasRun
            ? "\(Session.program) logs \(job.executions[job.executions.count - 1].execution)" : "\(Session.program) logs -f \(summary.id)"
        switch summary.state {
        case .completed: return ["next: `\(logs)`"]
        case .dead where !hasRun && summary.reason?.hasPrefix(JobRules.refusal) == true:
            return ["next: enqueue it anew, mended; `\(Session.program) delete \(summary.id)` removes this record"]
        case .dead, .cancelled:
            // What never ran has no log: what it waited for tells more.
            guard hasRun || after.isEmpty else {
                return ["next: `\(Session.program) trace \(summary.id)`, then `\(Session.program) retry \(summary.id)`"]
            }
            return ["next: `\(logs)`, then `\(Session.program) retry \(summary.id)`"]
        case .running: return ["next: `\(Session.program) logs -f \(summary.id)`, `\(Session.program) cancel \(summary.id)`"]
        case .blocked:
            let open = after.filter(\.isOpen)
            let failed = open.filter { ($0.state?.isFinal ?? true) && $0.state != .completed }
            let rest = open.count - failed.count
            var lines = rest > 0 ? ["waits for \(rest) of the \(after.count) that it comes after"] : []
            lines += failed.map {
                style.paint(
                    "waits: \($0.prerequisite) is \($0.state?.rawValue ?? "gone"): retry that, or go on without it: `\(Session.program) promote --despite-dependencies \(summary.id)`",
                    .yellow)
            }
            return lines + ["next: `\(Session.program) trace \(summary.id)`, `\(Session.program) cancel \(summary.id)`"]
        case .retryable, .scheduled, .available, .waiting:
            var lines: [String] = []
            let problems = coverage.problems(queue: summary.queue, kind: summary.kind, sequence: job.terms.sequence?.key)
            lines += problems.map { style.paint("waits: \(TerminalText.escaped($0))", .yellow) }
            if !problems.isEmpty {
                // The time does not matter before that is mended.
            } else if summary.state == .retryable || summary.state == .scheduled {
                lines.append("starts \(style.moment(summary.runAt, now: now))")
            }
            return lines + ["next: `\(logs)`, `\(Session.program) cancel \(summary.id)`"]
        }
    }

    private func value(_ bytes: [UInt8]) -> String {
        if let sealed = SealedBytes(bytes) {
            return
                "encrypted with the key \(safe(sealed.keyID)): name it under \"encryption\" in errand.yaml (--config); where it is named, the bytes were changed"
        }
        let text = String(decoding: bytes, as: UTF8.self)
        if isRaw { return text }
        let safe = TerminalText.escaped(text)
        return safe.utf8.count <= 2000 ? safe : TerminalText.cut(safe, to: 2000) + " (\(bytes.count) bytes: `--json` shows all)"
    }

    private func safe(_ text: String) -> String { isRaw ? text : TerminalText.escaped(text) }

    /// Further lines of a message stand below its first.
    private func indented(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { safe(String($0)) }.joined(separator: "\n          ")
    }
}
