// `errand trace`: what one job caused, from the root down.

import ArgumentParser
import Errand

struct Trace: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the tree of jobs that a job or workflow belongs to: what caused it, what it caused, what waits for what.",
        discussion: """
            One line for each job, below the job that caused it, or below the oldest of those that it waits for; the one that was asked for \
            is marked. --logs puts the log of each \
            execution below it, with the jobs that it enqueued at their time. --json prints one object per line, parents before \
            children; with --logs the log records of a job follow it.

            Exit codes: 0 shown, 2 bad usage or an ambiguous ID, 3 no such job or execution, 4 store unavailable.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigurationOptions

    @Flag(help: "Show the logs of the executions as well, by time.")
    var logs = false

    @Option(help: ArgumentHelp("Show at most so many jobs, 1 to 100000.", valueName: "number"))
    var limit = 1000

    @Flag(help: "Print text from jobs as it is, control characters included.")
    var raw = false

    @Argument(help: ArgumentHelp("A job, execution or workflow ID, unique prefix, suffix or key:K.", valueName: "id"), completion: .jobIDs)
    var id: String

    /// How many lines of one execution are shown.
    private static let lineLimit = 1000

    func validate() throws {
        if !(1...100_000).contains(limit) { throw ValidationError("--limit takes a number from 1 to 100000.") }
    }

    func run() async throws {
        let session = Session.current
        let security = try SecurityPlan(try config.load(in: session), in: session)
        try await store.withStore { store in
            let store = security.shown(store)
            let asked: JobResolver.Target
            let tree: CausedJobs
            if let workflow = try await WorkflowResolver(store: store).workflowIfAny(id) {
                asked = JobResolver.Target(job: JobID(rawValue: workflow.rawValue))
                tree = try await CausedJobs.read(workflow, limit: limit, in: store)
            } else {
                asked = try await JobResolver(inspection: store.inspection).target(id)
                tree = try await CausedJobs.read(around: asked.job, limit: limit, in: store)
            }
            try check(asked, in: tree)
            switch output.chosen {
            case .json: try await printJSON(tree, asked, store, session)
            case .ids: for node in tree.nodesInOrder where node.job != nil { try session.output.line(node.id.description) }
            case .table, .wide: try await printText(tree, asked, store, session)
            }
        }
    }

    private func check(_ asked: JobResolver.Target, in tree: CausedJobs) throws {
        guard let ordinal = asked.ordinal, let executions = tree[asked.job]?.job?.executions else { return }
        guard executions.contains(where: { $0.execution.ordinal == ordinal }) else {
            let known =
                executions.isEmpty ? "it has not run yet" : "it has \(executions.map(\.execution.description).joined(separator: ", "))"
            throw Failure(.notFound, "the job \(asked.job) has no execution \(ordinal): \(known)")
        }
    }

    private func printText(_ tree: CausedJobs, _ asked: JobResolver.Target, _ store: Store, _ session: Session) async throws {
        let style = output.style(for: session.output, in: session)
        var text = TraceText(
            style: style, glyphs: TextTree.Glyphs(for: session.output, environment: session.environment), now: session.clock.now(),
            asked: asked)
        if logs {
            var found: [ExecutionID: TraceText.ExecutionLines] = [:]
            let lines = LogText(style: style, hasTimestamps: true, isRaw: raw)
            for node in tree.nodesInOrder where node.job != nil {
                var cursor = JobLogCursor(logs: store.logs, job: node.id, ordinal: nil)
                try await cursor.readOn { chunk in
                    for record in LogFraming.records(in: chunk) {
                        var execution = found[ExecutionID(node.id, chunk.ordinal)] ?? TraceText.ExecutionLines()
                        if execution.lines.count < Trace.lineLimit {
                            execution.lines += lines.lines(record, in: chunk).map { (record.time, $0) }
                        } else {
                            execution.more += 1
                        }
                        found[ExecutionID(node.id, chunk.ordinal)] = execution
                    }
                }
            }
            text.logs = found
        }
        for line in text.lines(tree, columns: session.output.columns) { try session.output.line(line) }
    }

    private func printJSON(_ tree: CausedJobs, _ asked: JobResolver.Target, _ store: Store, _ session: Session) async throws {
        for node in tree.nodesInOrder {
            guard let job = node.job else { continue }
            let object = JobJSON.lineage(
                job, depth: node.depth, traceID: node.traceID, isAsked: node.id == asked.job, after: tree.dependencies[node.id] ?? [])
            try session.output.object(object)
            guard logs else { continue }
            var cursor = JobLogCursor(logs: store.logs, job: node.id, ordinal: nil)
            try await cursor.readOn { chunk in
                for record in LogFraming.records(in: chunk) { try session.output.object(record.jsonLine) }
            }
        }
        let shown = tree.nodesInOrder.count { $0.job != nil }
        let hidden = tree.leftOut + 1 + tree.countBelow(tree.root) - tree.nodesInOrder.count
        if hidden > 0 {
            try session.talk.line("\(shown) jobs are shown, \(hidden) more are left out: --limit shows more, deep ones by their own ID")
        }
    }
}
