// `errand workflow start`: a graph of jobs from a file, added in one commit.

import ArgumentParser
import Errand
import ErrandHandlers

struct WorkflowStart: AsyncParsableCommand {
    // Computed, since the name is that of the program that runs.
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "start",
            abstract: "Add the jobs of a file, all or none, and print the workflow's ID.",
            usage: """
                \(Session.program) workflow start <file> [<options>]
                \(Session.program) workflow start --open [--name <text>]
                """,
            discussion: """
                The file is YAML or JSON: `name`, `key`, `jobs` (a name for each job), `on_success` and `on_completed` (a job each, after all \
                others). A job is a `kind` with a `payload`, or a command to `run`; `after` names the jobs that must complete first (or IDs in \
                the store), `if_failed` says what becomes of it otherwise: cascade, ignore, hold. What else it may say is what a line of \
                `enqueue --batch` may.

                --open lets it take further jobs until it is closed: `enqueue --workflow`, then `workflow close`; without a file it starts \
                without any.

                Exit codes: 0 started (or there already under the same key), 2 bad usage, or something is wrong in the file, 4 store \
                unavailable, 5 the key belongs to a workflow with other jobs.
                """)
    }

    @OptionGroup var store: StoreOptions
    @OptionGroup var reserve: ReserveOptions
    @OptionGroup var durability: DurabilityOptions
    @OptionGroup var config: ConfigurationOptions

    @Flag(help: "Let it take jobs until it is closed.")
    var open = false

    @Option(help: ArgumentHelp("A line for people, before the file's.", valueName: "text"))
    var name: String?

    @Option(help: ArgumentHelp("Idempotency key, before the file's: the same key gives the same workflow.", valueName: "text"))
    var key: String?

    @Flag(help: "Store payloads unencrypted, also where the newest job is encrypted.")
    var inTheClear = false

    @Flag(name: .customLong("json"), help: "Print a JSON object: id, whether it was existing, the jobs by name.")
    var json = false

    @Argument(help: ArgumentHelp("YAML or JSON, or - for standard input.", valueName: "file"), completion: .file())
    var file: String?

    func validate() throws {
        if file == nil, !open { throw ValidationError("Which jobs? Give a file, or --open for jobs that follow.") }
    }

    func run() async throws {
        let session = Session.current
        let configuration = try config.load(in: session)
        let security = try SecurityPlan(configuration, in: session)
        let read = try file.map { try readFile($0, session) }
        try await store.withStore(creating: true, reserve: try reserve.resolved(in: session)) { store in
            if !inTheClear, let problem = try await security.clearPayloadProblem(in: store) { throw Failure(.usage, problem) }
            let store = security.applied(to: store)
            var workflow = Workflow(name ?? read?.name, key: key ?? read?.key)
            workflow.isOpen = open
            let entries = WorkflowEntries(
                form: EnqueueForm(
                    settings: try EnqueueSettings.parse([]), start: nil, sharing: try SharingOptions.parse([]),
                    lifetime: try LifetimeOptions.parse([]), unique: try UniqueOptions.parse([]),
                    durability: try durability.resolved(in: session), file: configuration, session: session),
                origin: try await EnqueueOrigin.current(in: store, session), store: store)
            if let read { try await entries.add(read, to: &workflow) }
            let started: StartedWorkflow
            do {
                started = try await JobQueue(store: store, clock: session.clock).start(workflow)
            } catch let error as EnqueueError {
                guard case .invalid(let reason) = error else { throw error }
                throw Failure(.usage, file.map { "\($0): \(reason)" } ?? reason)
            }
            try report(started, session)
            if session.talk.isTerminal, !started.isExisting, try await store.inspection.stats().workers.isEmpty {
                try session.output.flush()
                try session.talk.line("its jobs wait: no worker is alive: start one with `\(Session.program) work`")
            }
        }
    }

    private func readFile(_ path: String, _ session: Session) throws -> WorkflowFile {
        let bytes: [UInt8]
        let name: String
        if path == "-" {
            name = "standard input"
            bytes = session.readInput(WorkflowFile.sizeLimit + 1)
        } else {
            name = path
            do {
                bytes = try session.readFile(path.hasPrefix("/") ? path : "\(session.directory)/\(path)", WorkflowFile.sizeLimit + 1)
            } catch {
                throw Failure(.usage, "\(TerminalText.escaped(path)): \(error)")
            }
        }
        guard bytes.count <= WorkflowFile.sizeLimit else {
            throw Failure(.usage, "\(name) has more than 16 MiB: start an open workflow, and add the jobs with `enqueue --batch`")
        }
        do throws(ConfigurationError) {
            return try WorkflowFile.read(bytes, file: name, keys: BatchLine.names)
        } catch {
            throw Failure(.usage, error.description)
        }
    }

    private func report(_ started: StartedWorkflow, _ session: Session) throws {
        guard json else { return try session.output.line(started.id.description) }
        let object = JSONWriter.versioned { writer in
            writer.member("id", started.id.description)
            writer.member("existing", started.isExisting)
            writer.member("jobs", started.jobs.mapValues(\.description))
            writer.member("followers", raw: JSONWriter.array(started.followers.map { JSONWriter.string($0.description) }))
        }
        try session.output.object(object)
    }
}

/// Makes jobs of the entries of a file.
private struct WorkflowEntries {
    let form: EnqueueForm
    let origin: EnqueueOrigin
    let store: Store

    /// Adds all entries of `file`.
    /// - Throws: ``Failure`` with the place of what is wrong.
    func add(_ file: WorkflowFile, to workflow: inout Workflow) async throws {
        let names = Set(file.jobs.map(\.name))
        for entry in file.jobs {
            var job = try job(entry)
            for text in entry.after where !names.contains(text) {
                job.after.append(Dependency(try await prerequisite(text, of: entry, names), ifFailed: entry.ifFailed))
            }
            workflow.add(entry.name, job, after: entry.after.filter(names.contains), ifFailed: entry.ifFailed)
        }
        for entry in file.onSuccess { workflow.follow(try job(entry), ifFailed: .cascade) }
        for entry in file.onCompleted { workflow.follow(try job(entry), ifFailed: .ignore) }
    }

    private func prerequisite(_ text: String, of entry: WorkflowFile.Entry, _ names: Set<String>) async throws -> Prerequisite {
        let near = VerbCheck.nearest(to: text, among: names.sorted()).map { ", did you mean \"\($0)\"?" } ?? ""
        do {
            // What looks like a name is one: a job's ID would rather be copied than typed.
            guard near.isEmpty || JobID(text) != nil || WorkflowID(text) != nil else { throw Failure(.usage, "") }
            return try await WorkflowResolver(store: store).prerequisite(text)
        } catch let failure as Failure {
            throw Failure(
                .usage,
                "\(entry.place): \"\(entry.name)\" waits for \"\(TerminalText.escaped(text))\", which is neither a job of the file nor one in the store\(near)\(failure.description.isEmpty ? "" : ": \(failure.description)")"
            )
        }
    }

    private func job(_ entry: WorkflowFile.Entry) throws -> NewJob {
        let line = BatchLine(
            kind: entry.command == nil ? "" : CommandPayload.kind, form: form, times: TimeReading(now: form.session.clock.now()))
        do throws(BatchLine.Problem) {
            var job = try line.job(entry.line, command: entry.command)
            origin.apply(to: &job)
            return job
        } catch {
            throw Failure(.usage, "\(entry.place): \"\(entry.name)\": \(error.text)")
        }
    }
}
