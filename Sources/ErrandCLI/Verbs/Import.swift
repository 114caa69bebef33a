// `errand import`: makes the jobs of an export here.

import ArgumentParser
import Errand

struct Import: AsyncParsableCommand {
    // Computed, since the name is that of the program that runs.
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            abstract: "Take in the jobs and logs that `\(Session.program) export` wrote.",
            discussion: """
                Jobs keep their IDs, their history and their places. Live ones may be run here at once: stop the workers of the store that \
                they come from, or both run them. One that ran when it was exported is available here, its execution interrupted. Jobs \
                that are here already are passed over, so that an import that was cut, or failed, is finished by the same command again.

                Exit codes: 0 everything is here, 2 nothing could be imported, 4 store unavailable, 6 some lines were refused or are missing.
                """)
    }

    @OptionGroup var store: StoreOptions
    @OptionGroup var config: ConfigurationOptions

    @Flag(name: .customLong("json"), help: "Print a JSON object.")
    var json = false

    @Argument(help: ArgumentHelp("The export, as JSON lines; - reads standard input.", valueName: "file"), completion: .file())
    var file: String

    func run() async throws {
        let session = Session.current
        let path = try TransferPath.resolved(file, store: try store.resolved(in: session), in: session)
        let source = try session.openInput(path)
        let security = try SecurityPlan(try config.load(in: session), in: session)
        try await store.withStore(creating: true) { store in
            let store = security.applied(to: store)
            guard let transfer = store.transfer else { throw Failure(.unavailable, "this store takes in no exports") }
            var run = ImportRun(store: store, transfer: transfer, session: session)
            try await run.run(source)
            try report(run, session)
        }
    }

    private func report(_ run: ImportRun, _ session: Session) throws {
        let counts = run.counts
        if json {
            let object = JSONWriter.versioned { writer in
                writer.member("jobs", counts.imported)
                writer.member("existing", counts.existing)
                writer.member("refused", counts.refused)
                writer.member("lines", counts.lines)
                writer.member("complete", run.isComplete)
            }
            try session.output.object(object)
        } else {
            try session.output.line(counts.text)
        }
        try session.output.flush()
        try remark(counts, session)
        let status: ExitStatus = counts.hasAny ? .partial : .usage
        if let line = run.tornLine {
            throw Failure(
                status,
                "line \(line) was cut off, so the export is not whole: finish it with `\(Session.program) export --resume`, and import it again"
            )
        }
        guard run.isComplete else {
            throw Failure(
                status,
                "the last line of the export is missing, and perhaps others: finish it with `\(Session.program) export --resume`, and import it again"
            )
        }
        guard counts.refused > 0 else { return }
        throw Failure(
            status, counts.hasAny ? "\(ExportCounts.text(counts.refused, "line")) could not be imported" : "no line could be imported")
    }

    private func remark(_ counts: ImportCounts, _ session: Session) throws {
        if counts.strayLines > 0 {
            try session.talk.line("\(ExportCounts.text(counts.strayLines, "log line")) passed over: their jobs are not here")
        }
        for (kind, records) in counts.unknown.sorted(by: { $0.key < $1.key }) {
            let shown = TerminalText.escaped(TerminalText.cut(kind, to: 40))
            try session.talk.line(
                "\(ExportCounts.text(records, "record")) passed over, of the kind \"\(shown)\", which this Errand does not know")
        }
    }
}
