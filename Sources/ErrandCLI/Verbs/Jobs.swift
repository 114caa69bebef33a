// `errand jobs`: lists jobs.

import ArgumentParser
import Errand

struct Jobs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List jobs, newest first.",
        discussion: """
            On a terminal a table of the newest 50; in a pipe every job, tab-separated without a heading: ID, state, kind, queue, \
            attempt, created, due, ended, label. --output wide adds priority, crashes, key, meta and tags. --json prints one object per line.

            Exit codes: 0 listed, 2 bad usage, 3 a named job does not exist, 4 store unavailable.
            """,
        aliases: ["ls", "status"])

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigurationOptions
    @OptionGroup var selection: SelectorOptions

    @Argument(
        help: ArgumentHelp("IDs, unique prefixes, suffixes or key:K; \"-\" reads them from standard input.", valueName: "id"),
        completion: .jobIDs)
    var ids: [String] = []

    func run() async throws {
        let session = Session.current
        var selector = try selection.selector(in: session)
        let security = try SecurityPlan(try config.load(in: session), in: session)
        try await store.withStore { store in
            let store = security.shown(store)
            let resolver = JobResolver(inspection: store.inspection)
            if !ids.isEmpty {
                selector.ids = try await resolver.jobs(ids)
                // An empty list of IDs would select every job.
                guard !selector.ids.isEmpty else { return try session.talk.line("standard input names no job") }
            }
            let isTable = session.output.isTerminal && (output.chosen == .table || output.chosen == .wide)
            let list = try await selection.list(selector, in: store.inspection, limit: isTable ? 50 : nil)
            let rest = isTable ? try await printTable(list, session) : try await printLines(list, session)
            if let remark = rest?.remark("jobs …") {
                try session.talk.line(remark)
            } else if let rest, isTable {
                try session.talk.line("more: `\(Session.program) jobs --cursor \(rest.cursor)`, or all with `--limit 0`")
            }
        }
    }

    private func printTable(_ list: JobList, _ session: Session) async throws -> JobList.Rest? {
        var jobs: [JobSummary] = []
        let rest = try await list.forEachPage { jobs += $0 }
        guard !jobs.isEmpty else {
            try sayNone(session)
            return nil
        }
        let table = JobTable(
            style: output.style(for: session.output, in: session), now: session.clock.now(), isWide: output.chosen == .wide)
        for line in table.terminal(jobs, columns: session.output.columns ?? 80) { try session.output.line(line) }
        return rest
    }

    private func printLines(_ list: JobList, _ session: Session) async throws -> JobList.Rest? {
        let table = JobTable(style: TextStyle(), now: session.clock.now(), isWide: output.chosen == .wide)
        var isEmpty = true
        let rest = try await list.forEachPage { jobs in
            for job in jobs {
                isEmpty = false
                switch output.chosen {
                case .json: try session.output.object(JobJSON.summary(job))
                case .ids: try session.output.line(job.id.description)
                case .table, .wide: try session.output.line(table.plain(job))
                }
            }
        }
        if isEmpty { try sayNone(session) }
        return rest
    }

    private func sayNone(_ session: Session) throws {
        let isAll = selection.isEmpty && ids.isEmpty && selection.cursor == nil
        try session.talk.line(isAll ? "no jobs: add one with `\(Session.program) enqueue`" : "no job matches")
    }
}
