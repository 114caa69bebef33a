// `errand errors`: what fails, grouped, with a job to look at for each.

import ArgumentParser
import Errand

struct Errors: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what fails: errors by kind, those together that differ in numbers, IDs and quoted text only.",
        discussion: """
            Looks at jobs that are dead or wait for another attempt, or at those selected, the newest 1000 unless --limit says otherwise. \
            In a pipe a line each, tab-separated: jobs, dead, kind, type, last time, newest job, message. \
            `errand jobs --failed` lists the jobs, `errand show ID` one of them.

            Exit codes: 0 shown, also when nothing has failed, 2 bad usage, 4 store unavailable.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var config: ConfigurationOptions
    @OptionGroup var selection: SelectorOptions

    @Flag(name: .customLong("json"), help: "Print one JSON object per group.")
    var json = false

    func run() async throws {
        let session = Session.current
        var selector = try selection.selector(in: session)
        if selector.states.isEmpty { selector.states = [.dead, .retryable] }
        let security = try SecurityPlan(try config.load(in: session), in: session)
        try await store.withStore { store in
            let store = security.shown(store)
            var groups = ErrorGroups()
            let list = try await selection.list(selector, in: store.inspection, limit: 1000)
            let rest = try await list.forEachPage { jobs in
                for job in jobs {
                    if let detail = try await store.inspection.job(job.id) { groups.add(detail) }
                }
            }
            try write(groups, session)
            if let rest {
                try session.talk.line("looked at the newest jobs only, down to \(rest.cursor): --limit 0 looks at all")
            }
        }
    }

    private func write(_ groups: ErrorGroups, _ session: Session) throws {
        let now = session.clock.now()
        if json {
            for group in groups.all { try session.output.object(Errors.object(group)) }
        } else if session.output.isTerminal {
            guard groups.jobs > 0 else { return try session.output.line("no job has failed") }
            let style = TextStyle(on: session.output, in: session)
            for group in groups.all {
                let dead = group.dead > 0 ? ", \(group.dead) dead" : ""
                let last = group.lastAt.map { ", last \(TextStyle.distance(of: $0, from: now))" } ?? ""
                try session.output.line(
                    "\(style.bold("\(group.jobs) \(group.key.kind)"))  \(style.paint(TerminalText.escaped(group.key.type), .red))\(dead)\(last)"
                )
                try session.output.line(
                    "    \(TerminalText.cut(TerminalText.escaped(group.message), to: (session.output.columns ?? 80) - 4))")
                try session.output.line("    next: `\(Session.program) show \(group.newest)`")
            }
        } else {
            for group in groups.all {
                let cells = [
                    "\(group.jobs)", "\(group.dead)", group.key.kind, group.key.type, group.lastAt.map { "\($0)" } ?? "",
                    "\(group.newest)", group.message,
                ]
                try session.output.line(cells.map { TerminalText.escaped($0) }.joined(separator: "\t"))
            }
        }
        try session.output.flush()
    }

    private static func object(_ group: ErrorGroup) -> [UInt8] {
        JSONWriter.versioned { writer in
            writer.member("jobs", group.jobs)
            writer.member("dead", group.dead)
            writer.member("kind", group.key.kind)
            writer.member("type", group.key.type)
            writer.member("fingerprint", group.key.fingerprint)
            writer.member("last_at", group.lastAt)
            writer.member("newest_job_id", group.newest.description)
            writer.member("message", group.message)
        }
    }
}
