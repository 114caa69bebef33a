// Workflows for people, pipes and scripts.

import Errand

/// Lays out workflows.
struct WorkflowTable {
    var style: TextStyle
    var now: Timestamp

    /// Writes a table on a terminal, tab-separated values into a pipe, JSON lines, or IDs.
    func write(_ workflows: [WorkflowStatus], as format: OutputFormat, to output: Output) throws {
        switch format {
        case .json: for workflow in workflows { try output.object(WorkflowTable.object(workflow)) }
        case .ids: for workflow in workflows { try output.line(workflow.id.description) }
        case .table, .wide:
            if output.isTerminal {
                for line in lines(workflows) { try output.line(line) }
            } else {
                for workflow in workflows { try output.line(plain(workflow)) }
            }
        }
    }

    private func lines(_ workflows: [WorkflowStatus]) -> [String] {
        guard !workflows.isEmpty else { return ["no workflows: `\(Session.program) workflow start <file>` starts one"] }
        let heading = ["WORKFLOW", "STATE", "ENDED", "DEAD", "CANCELLED", "STARTED", "NAME"]
        let rows = workflows.map { workflow in
            [
                workflow.id.description, WorkflowTable.state(of: workflow), "\(workflow.total - workflow.live) of \(workflow.total)",
                "\(workflow.dead)", "\(workflow.cancelled)", TextStyle.distance(of: workflow.startedAt, from: now),
                TerminalText.escaped(workflow.name ?? ""),
            ]
        }
        let table = TableLines.lines(heading: heading, rows: rows)
        return [style.bold(table.heading)]
            + zip(table.rows, workflows).map { line, workflow in style.paint(line, TextStyle.color(of: workflow.state)) }
    }

    /// The word for where it stands: `running` ones that take jobs until they are closed are `open`; `failed` ones have ended, and not
    /// all of their jobs have completed.
    static func state(of workflow: WorkflowStatus) -> String {
        switch workflow.state {
        case .completed: "completed"
        case .dead: "failed"
        default: workflow.isOpen ? "open" : "running"
        }
    }

    /// How far it is, in words.
    static func progress(of workflow: WorkflowStatus) -> String {
        let failed = [(workflow.dead, "dead"), (workflow.cancelled, "cancelled")].filter { $0.0 > 0 }.map { ", \($0.0) \($0.1)" }.joined()
        return "\(workflow.completed) of \(workflow.total) completed\(failed)"
    }

    private func plain(_ workflow: WorkflowStatus) -> String {
        [
            workflow.id.description, WorkflowTable.state(of: workflow), "\(workflow.total)", "\(workflow.completed)", "\(workflow.dead)",
            "\(workflow.cancelled)", workflow.startedAt.description, workflow.endedAt?.description ?? "",
            TerminalText.escaped(workflow.name ?? ""),
        ].joined(separator: "\t")
    }

    /// One workflow, version 1.
    static func object(_ workflow: WorkflowStatus) -> [UInt8] {
        JSONWriter.versioned { writer in
            writer.member("id", workflow.id.description)
            writer.member("name", workflow.name)
            writer.member("key", workflow.key)
            writer.member("state", state(of: workflow))
            writer.member("total", workflow.total)
            writer.member("live", workflow.live)
            writer.member("completed", workflow.completed)
            writer.member("dead", workflow.dead)
            writer.member("cancelled", workflow.cancelled)
            writer.member("started_at", workflow.startedAt)
            writer.member("ended_at", workflow.endedAt)
        }
    }
}
