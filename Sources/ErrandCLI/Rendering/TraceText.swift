// What a job caused, for a person: a line for each job, and its log below where that is asked for.

import Errand

/// Describes a tree of jobs.
struct TraceText {
    var style: TextStyle
    var glyphs: TextTree.Glyphs
    var now: Timestamp
    /// What was asked for: a job, or one of its executions.
    var asked: JobResolver.Target
    /// The log lines of executions, painted, with their times; `nil` shows none.
    var logs: [ExecutionID: ExecutionLines]?

    /// The lines of one execution's log.
    struct ExecutionLines {
        var lines: [(time: Timestamp, text: String)] = []
        /// How many more there are.
        var more = 0
    }

    /// The description, line by line.
    func lines(_ tree: CausedJobs, columns: Int?) -> [String] {
        let count = tree.jobCount
        var lines = ["\(style.bold("trace")) \(tree.traceID)  \(count) job\(count == 1 ? "" : "s")", ""]
        lines += branch(tree.root, of: tree).lines(glyphs, columns: columns) { style.paint($0, .gray) }
        if tree.leftOut > 0 {
            lines += [
                "", style.paint("\(tree.leftOut) more job\(tree.leftOut == 1 ? " is" : "s are") left out: --limit shows more", .yellow),
            ]
        }
        return lines
    }

    private func branch(_ id: JobID, of tree: CausedJobs) -> TextTree {
        guard let node = tree[id] else { return .line("") }
        var branch = TextTree(cells: cells(of: node, in: tree))
        if node.depth >= CausedJobs.deepest, !node.children.isEmpty {
            let count = tree.countBelow(id)
            let hint = tree.workflow.map { "errand jobs --workflow \($0.id)" } ?? "errand trace \(id)"
            branch.children = [.line(style.paint("\(count) more job\(count == 1 ? "" : "s") below: \(hint)".inOwnName, .yellow))]
            return branch
        }
        guard let logs, let job = node.job else {
            branch.children = node.children.map { self.branch($0, of: tree) }
            return branch
        }
        var homeless = node.children
        branch.children = job.executions.map { record in
            let children = homeless.filter { tree[$0]?.job?.parent == record.execution }
            homeless.removeAll(where: children.contains)
            return execution(record, logs[record.execution] ?? ExecutionLines(), children, of: tree)
        }
        branch.children += homeless.map { self.branch($0, of: tree) }
        return branch
    }

    /// An execution with its lines and the jobs that it enqueued, by time.
    private func execution(
        _ record: ExecutionRecord, _ log: ExecutionLines, _ children: [JobID], of tree: CausedJobs
    ) -> TextTree {
        var parts: [(time: Timestamp, part: TextTree)] = log.lines.map { ($0.time, .line($0.text)) }
        parts += children.map { (tree[$0]?.job?.summary.createdAt ?? record.startedAt, self.branch($0, of: tree)) }
        // Stable: lines of one moment keep the order in which they were written.
        let ordered = parts.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element.part)
        var branch = TextTree(cells: [.init(text: summary(of: record, isAlone: false), paint: painter(of: record.outcome))])
        branch.children = ordered
        if log.more > 0 {
            let rest = "\(log.more) more line\(log.more == 1 ? "" : "s"): errand logs \(record.execution)".inOwnName
            branch.children.append(.line(style.paint(rest, .yellow)))
        }
        return branch
    }

    // MARK: One job

    private func cells(of node: CausedJobs.Node, in tree: CausedJobs) -> [TextTree.Cell] {
        let style = style
        if node.id == tree.root, let workflow = tree.workflow {
            let state = WorkflowTable.state(of: workflow)
            return [
                .init(text: workflow.id.description, paint: { style.bold($0) }),
                .init(text: workflow.name.map { TerminalText.escaped($0) } ?? ""),
                .init(text: state, paint: { style.paint($0, TextStyle.color(of: workflow.state)) }),
                .init(text: WorkflowTable.progress(of: workflow)),
            ]
        }
        guard let job = node.job else {
            return [.init(text: node.id.description, paint: { style.paint($0, .gray) }), .init(text: "not on record any more")]
        }
        let isAsked = asked.job == node.id
        let state = job.summary.state
        return [
            .init(text: node.id.description, paint: { isAsked ? style.bold($0) : $0 }),
            .init(text: job.summary.name.map { "\(job.summary.kind) \($0)" } ?? job.summary.kind),
            .init(text: state.rawValue, paint: { style.paint($0, TextStyle.color(of: state)) }),
            .init(text: remarks(on: job, node, in: tree)),
        ]
    }

    private func remarks(on job: JobLineage, _ node: CausedJobs.Node, in tree: CausedJobs) -> String {
        var parts: [String] = []
        let history = history(of: job)
        if !history.isEmpty { parts.append(history) }
        if let after = after(node, in: tree) { parts.append(after) }
        if node.traceID != tree.traceID { parts.append("trace \(node.traceID)") }
        if asked.job == node.id { parts.append(glyphs.pointer + (asked.ordinal.map { " execution \($0)" } ?? "")) }
        // Last, since it gives way first where there is no room.
        if let label = job.summary.label { parts.append(TerminalText.escaped(label)) }
        return parts.joined(separator: "  ")
    }

    /// What else the job waits for, besides the one that it hangs on.
    private func after(_ node: CausedJobs.Node, in tree: CausedJobs) -> String? {
        let records = tree.dependencies[node.id] ?? []
        let names = records.compactMap { record -> String? in
            switch record.prerequisite {
            case .workflow(let id): record.name.map { TerminalText.escaped($0) } ?? id.description
            // The oldest that is on record is where it hangs.
            case .job(let id): record.name ?? id.description
            case .entry: nil
            }
        }
        guard records.count > 1 || records.contains(where: { if case .workflow = $0.prerequisite { true } else { false } }) else {
            return nil
        }
        let shown = names.prefix(4).joined(separator: ", ")
        return "after \(shown)\(names.count > 4 ? " and \(names.count - 4) more" : "")"
    }

    /// How often the job ran, how that ended, how long it took; when it starts, while it waits.
    private func history(of job: JobLineage) -> String {
        let state = job.summary.state
        var text: String
        switch job.executions.count {
        case 0: text = ""
        case 1: text = summary(of: job.executions[0], isAlone: true)
        case 2...4: text = job.executions.map { summary(of: $0, isAlone: false) }.joined(separator: glyphs.separator)
        default:
            text =
                "\(job.executions.count) executions\(glyphs.separator)"
                + summary(of: job.executions[job.executions.count - 1], isAlone: false)
        }
        if state == .scheduled || state == .retryable {
            text += (text.isEmpty ? "" : glyphs.separator) + "starts \(TextStyle.distance(of: job.summary.runAt, from: now))"
        }
        return text
    }

    private func summary(of record: ExecutionRecord, isAlone: Bool) -> String {
        let took = DurationText.format(max(.zero, (record.finishedAt ?? now) - record.startedAt))
        let outcome = record.outcome?.rawValue ?? "running"
        // The state of a job that ran once and completed says all that the outcome would.
        if isAlone, record.outcome == .completed || record.outcome == nil { return took }
        return isAlone ? "\(outcome) \(took)" : "#\(record.execution.ordinal) \(outcome) \(took)"
    }

    private func painter(of outcome: Outcome?) -> @Sendable (String) -> String {
        let style = style
        return { style.paint($0, JobText.color(of: outcome)) }
    }
}

extension String {
    /// A hint in the name of the program that runs.
    fileprivate var inOwnName: String { replacing("errand ", with: "\(Session.program) ") }
}
