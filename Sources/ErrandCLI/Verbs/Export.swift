// `errand export`: jobs with their history and logs as lines of text, for another store, an archive, or a spreadsheet.

import ArgumentParser
import Errand

struct Export: AsyncParsableCommand {
    // Computed, since the name is that of the program that runs.
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            abstract: "Write jobs with their executions, steps and logs to a file or standard output.",
            discussion: """
                JSON lines, one record each: the first says what the export is, then come the jobs, oldest first, each followed by its log \
                lines, and the last says that it is the last. `\(Session.program) import` makes the same jobs of them. Workers may go on; \
                what is added meanwhile is left out. A file is its owner's alone, since payloads are in it as they are stored: what is \
                encrypted stays so without --decrypt, and nothing is redacted without --redact.

                --format csv writes one kind of record with a heading, for spreadsheets and databases, without what errand.yaml has \
                redacted. It cannot be imported.

                Exit codes: 0 exported, 2 bad usage, 4 store unavailable or no room for the file, 5 the file exists, or another export writes it.
                """)
    }

    @OptionGroup var store: StoreOptions
    @OptionGroup var config: ConfigurationOptions
    @OptionGroup var selection: SelectorOptions

    @Option(
        help: ArgumentHelp(
            "What to write: jobs, executions, logs. JSON lines have executions within their jobs. Default: jobs,logs; with csv jobs, or another one of them.",
            valueName: "parts"), transform: ExportParts.read)
    var what: ExportParts?

    @Option(help: ArgumentHelp("jsonl or csv.", valueName: "format"), transform: WordArgument.read)
    var format: ExportFormat = .jsonl

    @Flag(help: "Go on with the file where an export was cut, up to the jobs that were there when it began; begin it if it is not there.")
    var resume = false

    @Flag(help: "Open what is encrypted with the keys that errand.yaml names.")
    var decrypt = false

    @Flag(help: "Take out what errand.yaml wants kept secret, as `show` does. Such an export cannot be imported.")
    var redact = false

    @Argument(help: ArgumentHelp("Where to; standard output without it, or for -.", valueName: "file"), completion: .file())
    var file: String?

    func run() async throws {
        let session = Session.current
        let path = try TransferPath.resolved(file, store: try store.resolved(in: session), in: session)
        try check(path: path)
        let security = try SecurityPlan(try config.load(in: session), in: session)
        try await store.withStore { store in
            guard store.transfer != nil else { throw Failure(.unavailable, "this store cannot be exported") }
            if let path, format == .jsonl {
                try await writeLines(of: store, to: path, security, session)
            } else if let path {
                try await writeTable(of: store, to: path, security, session)
            } else {
                try await writeOutput(of: store, security, session)
            }
        }
    }

    private func check(path: String?) throws {
        if resume {
            guard path != nil else { throw Failure(.usage, "--resume goes on with a file: name it") }
            guard format == .jsonl else {
                throw Failure(.usage, "--resume needs JSON lines, which say what they hold: write the CSV file again, or export JSON lines")
            }
        }
        if let scan = selection.scan, scan != 0 { throw Failure(.usage, "--scan has no meaning here: an export looks at every job") }
        try ExportParts.check(what, format)
    }

    // MARK: Where to

    private func writeOutput(of store: Store, _ security: SecurityPlan, _ session: Session) async throws {
        let header = try await newHeader(store, security, session)
        let output = session.output
        let isCSV = format == .csv
        var run = ExportRun(
            store: try shown(store, header, security), header: header, format: format,
            put: { line in
                guard isCSV else { return try output.object(line) }
                guard output.isTerminal else { return try output.write(line) }
                try output.line(TerminalText.escaped(String(decoding: line.dropLast(2), as: UTF8.self)))
            }, flush: { _ in try output.flush() })
        try await run.run()
        try output.flush()
        try conclude(run.counts, header, to: nil, session)
    }

    private func writeTable(of store: Store, to path: String, _ security: SecurityPlan, _ session: Session) async throws {
        let header = try await newHeader(store, security, session)
        let shown = try shown(store, header, security)
        // Under another name until it is whole: a table does not show that its end is missing.
        let file = try ExportFile("\(path).part", existing: .empty)
        var run = ExportRun(
            store: shown, header: header, format: format, put: { try file.write($0) },
            flush: { _ in try file.flush() })
        try await run.run()
        try file.finish()
        try file.name(path)
        try conclude(run.counts, header, to: path, session)
    }

    private func writeLines(of store: Store, to path: String, _ security: SecurityPlan, _ session: Session) async throws {
        // First, so that what is wrong with the options leaves no empty file behind.
        var header = try await newHeader(store, security, session)
        _ = try shown(store, header, security)
        let file = try ExportFile(path, existing: resume ? .keep : .refuse)
        let rest = resume ? try ExportRest(path, size: file.size) : nil
        if let begun = rest?.header {
            guard asked.isEmpty || asked == begun.asked else {
                let before = begun.asked.isEmpty ? "no options" : ShellText.line(begun.asked)
                throw Failure(.usage, "the export in \(path) was begun with \(before): give the same, or none")
            }
            header = begun
            guard rest?.isComplete == false else {
                return try session.talk.line("the export in \(path) is complete: nothing is left to do")
            }
        }
        if let rest { try file.cut(at: rest.end) }
        var run = ExportRun(
            store: try shown(store, header, security), header: header, format: format,
            put: { try file.write($0 + [UInt8(ascii: "\n")]) },
            flush: { counts in
                try file.flush()
                try showProgress(counts, session)
            })
        run.counts = rest?.counts ?? ExportCounts()
        try await run.run(behind: rest?.place, isBegun: rest?.header != nil)
        try file.finish()
        try conclude(run.counts, header, to: path, session)
    }

    // MARK: What

    private func newHeader(_ store: Store, _ security: SecurityPlan, _ session: Session) async throws -> ExportHeader {
        let parts = what?.parts ?? (format == .csv ? [.jobs] : [.jobs, .logs])
        var header = ExportHeader(at: session.clock.now(), parts: parts)
        header.isDecrypted = decrypt
        header.isRedacted = redact || format == .csv && security.redaction != nil
        header.asked = asked
        header.selector = try selection.selector(in: session)
        header.through = try await store.inspection.jobs(matching: JobSelector(), before: nil, limit: 1).jobs.first?.id
        if let cursor = selection.cursor {
            let below = try await JobResolver(inspection: store.inspection).target(cursor).job
            header.through = below.rawValue > 1 ? JobID(rawValue: below.rawValue - 1) : nil
        }
        if let limit = selection.limit, limit > 0, header.through != nil {
            // The newest so many: where they begin is all that is kept of them.
            let seen = try shown(store, header, security)
            let list = JobList(inspection: seen.inspection, selector: header.selector, limit: limit, cursor: header.through?.next)
            var oldest: JobID?
            try await list.forEachPage { oldest = $0.last?.id ?? oldest }
            if let oldest { header.after = JobID(rawValue: oldest.rawValue - 1) } else { header.through = nil }
        }
        return header
    }

    /// `store` as this export shows it.
    private func shown(_ store: Store, _ header: ExportHeader, _ security: SecurityPlan) throws -> Store {
        var store = store
        if header.isDecrypted {
            guard security.cipher != nil else {
                throw Failure(.usage, "--decrypt needs keys, and no errand.yaml names any: name the one that does with --config")
            }
            store = security.applied(to: store)
        }
        guard header.isRedacted else { return store }
        guard let redaction = security.redaction else {
            throw Failure(.usage, "--redact needs to know what is secret, and no errand.yaml says so: name the one that does with --config")
        }
        return store.redacted(by: redaction)
    }

    /// The options that choose what is exported, as they were typed.
    private var asked: [String] {
        var texts: [String] = []
        func add(_ name: String, _ values: [String]) { texts += values.map { "--\(name)=\($0)" } }
        add("what", what.map { [$0.text] } ?? [])
        if decrypt { texts.append("--decrypt") }
        if redact { texts.append("--redact") }
        add("queue", selection.queues)
        add("kind", selection.kinds)
        add("state", selection.states.map(\.rawValue))
        add("meta", selection.meta.map { "\($0.name)=\($0.value)" })
        add("tag", selection.tags)
        add("arg", selection.arguments.map { "\($0.path)=\($0.value)" })
        add("since", [selection.since].compactMap(\.self))
        add("until", [selection.until].compactMap(\.self))
        if selection.failed { texts.append("--failed") }
        add("limit", [selection.limit].compactMap { $0.map { "\($0)" } })
        add("cursor", [selection.cursor].compactMap(\.self))
        return texts
    }

    // MARK: Talk

    private func showProgress(_ counts: ExportCounts, _ session: Session) throws {
        guard session.talk.isTerminal else { return }
        try session.talk.write("\r\u{1B}[K\(ExportCounts.text(counts.jobs, "job"))".utf8)
        try session.talk.flush()
    }

    private func conclude(_ counts: ExportCounts, _ header: ExportHeader, to path: String?, _ session: Session) throws {
        let place = path.map { " to \(TerminalText.escaped($0))" } ?? ""
        try session.talk.line(
            "\(session.talk.isTerminal && path != nil ? "\r\u{1B}[K" : "")exported \(counts.text(of: header.parts))\(place)")
        if counts.running > 0, format == .jsonl {
            let jobs = counts.running == 1 ? "1 job was running: it is" : "\(counts.running) jobs were running: they are"
            try session.talk.line("\(jobs) available where the export is imported, and the execution here goes on")
        }
        for (key, jobs) in counts.sealed.sorted(by: { $0.key < $1.key }) {
            try session.talk.line("\(ExportCounts.text(jobs, "job")) stayed encrypted with the key \(key), which is not here")
        }
    }
}

extension JobID {
    /// The ID right above.
    fileprivate var next: JobID { rawValue == .max ? self : JobID(rawValue: rawValue + 1) }
}
