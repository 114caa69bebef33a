// `errand enqueue`: adds a job and prints its ID.

import ArgumentParser
import Errand
import ErrandHandlers

struct Enqueue: AsyncParsableCommand {
    // Computed, since the name is that of the program that runs.
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            abstract: "Add a job and print its ID, alone, on standard output.",
            usage: """
                \(Session.program) enqueue <kind> [<payload>] [<options>]
                \(Session.program) enqueue [<options>] -- <command> [<argument> ...]
                \(Session.program) enqueue [<kind>] --batch <file> [<options>]
                """,
            discussion: """
                The payload is JSON: as text, from a file (@file) or from standard input (-); {} when it is left out. A plain command \
                runs in this directory with this PATH, HOME, USER, LANG and TZ, and is not repeated when it fails unless --max-attempts \
                says so.

                A batch is one JSON object a line, from a file or standard input (-): kind, payload, queue, priority, in, at, \
                max_attempts, timeout, key, meta, label, tags, limit_key, sequence, halt, unique, expires, deadline, name, after (a list of \
                IDs), if_failed, trace_parent, trace_state, baggage. What a line does not say is as the options say. Each commit takes up to 1000 lines; a line that cannot be added is told on \
                standard error with its number and does not keep others from it. Lines with keys may be added again.

                Attempts are fixed now: max_attempts of errand.yaml counts only if this command reads that file (--config, ERRAND_CONFIG \
                or ./errand.yaml); a worker's copy of it does not change them later. timeout, run, cwd and env of errand.yaml are the \
                worker's and need not be here.

                Exit codes: 0 added (or already there under the same --key), 1 with --wait: the job died or was cancelled, 2 bad usage or \
                payload, 4 store unavailable, 5 the --key belongs to a job with another kind or payload, or another job has the unique \
                key: its ID is printed, 6 some lines of a batch could not be added; with --exit-code the command's own code.
                """,
            aliases: ["add"])
    }

    @OptionGroup var store: StoreOptions
    @OptionGroup var settings: EnqueueSettings
    @OptionGroup var start: StartOptions
    @OptionGroup var dependencies: DependencyOptions
    @OptionGroup var sharing: SharingOptions
    @OptionGroup var unique: UniqueOptions
    @OptionGroup var lifetime: LifetimeOptions
    @OptionGroup var durability: DurabilityOptions
    @OptionGroup var reserve: ReserveOptions
    @OptionGroup var config: ConfigurationOptions

    @Option(
        help: ArgumentHelp("Add one job for each line of JSON in this file, or of standard input (-).", valueName: "file"),
        completion: .file())
    var batch: String?

    @Flag(help: "Store the payload unencrypted, also where the newest job is encrypted.")
    var inTheClear = false

    @Flag(help: "Return when the job has ended: exit 0 if it completed, otherwise 1.")
    var wait = false

    @Flag(help: "Print the job's log after its ID until it has ended; implies --wait.")
    var follow = false

    @Flag(help: "Return the command's own exit code; implies --wait.")
    var exitCode = false

    @Flag(name: .customLong("json"), help: "Print a JSON object: id, whether it was existing, and the result.")
    var json = false

    @Argument(help: ArgumentHelp("Picks the handler: 1 to 64 of a-z 0-9 . _ -", valueName: "kind"), completion: .kinds)
    var kind: String?

    @Argument(help: ArgumentHelp("JSON, @file, or - for standard input.", valueName: "payload"))
    var payload: String?

    @Argument(parsing: .postTerminator, help: ArgumentHelp("A command and its arguments, after --.", valueName: "command"))
    var command: [String] = []

    func validate() throws {
        if batch != nil {
            if !command.isEmpty || payload != nil {
                throw ValidationError("--batch brings its own payloads: leave the payload or command out.")
            }
            if !settings.environment.isEmpty { throw ValidationError("--env is for one command after --: a batch has payloads.") }
            if dependencies.name != nil { throw ValidationError("--name is for one job: give each line of the batch its own \"name\".") }
            if start.key != nil { throw ValidationError("--key names one job: give each line of the batch its own \"key\".") }
            if wait || follow || exitCode { throw ValidationError("--batch does not wait: `wait --tag` does, for jobs with a tag.") }
            return
        }
        if kind == nil, command.isEmpty { throw ValidationError("What shall run? Give a kind, or a command after --.") }
        if kind != nil, !command.isEmpty { throw ValidationError("Give either a kind or a command after --, not both.") }
        if command.first == "" { throw ValidationError("The command after -- is empty.") }
        if command.isEmpty, !settings.environment.isEmpty {
            throw ValidationError("--env is for commands after --: a job of a kind gets its input in the payload.")
        }
    }

    func run() async throws {
        let session = Session.current
        if let batch { return try await addBatch(batch, session) }
        let file = try config.load(in: session)
        let form = try form(file, session)
        var job = try form.begun(try newJob(session))
        try form.complete(&job)
        if let problem = JobRules.problem(with: job) {
            throw Failure(.usage, meantCommand(job, session).map { "\(problem)\n\($0)" } ?? problem)
        }
        let mayBeCommand = mayBeCommand(file, session)
        let security = try SecurityPlan(file, in: session)
        try await store.withStore(creating: true, reserve: try reserve.resolved(in: session)) { store in
            if !inTheClear, let problem = try await security.clearPayloadProblem(in: store) { throw Failure(.usage, problem) }
            let store = security.applied(to: store)
            try await EnqueueOrigin.current(in: store, session).apply(to: &job)
            try await dependencies.apply(to: &job, in: store, session)
            if let problem = JobRules.problem(with: job) { throw Failure(.usage, problem) }
            let result = try await JobQueue(store: store, clock: session.clock).enqueue([job])[0]
            try report(result, job: job, session)
            if mayBeCommand { try await remarkOnProgram(in: store, session) }
            if wait || follow || exitCode {
                try await awaitEnd(of: result.id, in: store, session)
            } else if session.talk.isTerminal {
                try await warn(about: job, in: store, session)
            }
        }
    }

    private func addBatch(_ path: String, _ session: Session) async throws {
        let file = try config.load(in: session)
        let security = try SecurityPlan(file, in: session)
        // What is wrong with the flags is said once, and not for each line.
        _ = try form(file, session).begun(NewJob(kind: kind ?? "", payload: []))
        let line = BatchLine(kind: kind ?? "", form: try form(file, session), times: TimeReading(now: session.clock.now()))
        let source = try session.openInput(path == "-" ? nil : path.hasPrefix("/") ? path : "\(session.directory)/\(path)")
        try await store.withStore(creating: true, reserve: try reserve.resolved(in: session)) { store in
            if !inTheClear, let problem = try await security.clearPayloadProblem(in: store) { throw Failure(.usage, problem) }
            let store = security.applied(to: store)
            let origin = try await EnqueueOrigin.current(in: store, session)
            var common = NewJob(kind: "", payload: [])
            try await dependencies.apply(to: &common, in: store, session)
            let (workflow, after) = (common.workflow, common.after)
            var intake = BatchIntake(queue: JobQueue(store: store, clock: session.clock), session: session, isJSON: json)
            intake.stamp = { job in
                origin.apply(to: &job)
                if let workflow { job.workflow = workflow }
                let known = Set(job.after.map(\.prerequisite))
                job.after += after.filter { !known.contains($0.prerequisite) }
            }
            try await intake.run(source, line)
        }
    }

    private func form(_ file: ErrandConfiguration?, _ session: Session) throws -> EnqueueForm {
        EnqueueForm(
            settings: settings, start: start, sharing: sharing, lifetime: lifetime, unique: unique,
            durability: try durability.resolved(in: session),
            file: file, session: session)
    }

    private func newJob(_ session: Session) throws -> NewJob {
        if let kind {
            return NewJob(kind: kind, payload: try readPayload(session))
        }
        return try PlainCommand(argv: command, session: session, extra: settings.environment).job()
    }

    /// What was meant by a kind that cannot be one, or a payload that is none, where that looks like a command.
    private func meantCommand(_ job: NewJob, _ session: Session) -> String? {
        guard let kind else { return nil }
        if JobRules.nameProblem(kind, what: "kind") != nil {
            return kind.contains(" ") ? ForgottenTerminator.hint(forLine: kind, session) : nil
        }
        guard let payload, JobRules.payloadProblem(job.payload) != nil, session.isProgram(kind) else { return nil }
        return ForgottenTerminator.hint(for: [kind, payload], session)
    }

    /// Whether the kind is a program's name that no handler of this program or of errand.yaml answers to.
    private func mayBeCommand(_ file: ErrandConfiguration?, _ session: Session) -> Bool {
        guard let kind, session.isProgram(kind), !session.handlers.contains(where: { $0.kind == kind }) else { return false }
        return file?.handlers[kind] == nil && file?.kinds[kind] == nil
    }

    /// Says how to run the program, unless a live worker handles the kind after all.
    private func remarkOnProgram(in store: Store, _ session: Session) async throws {
        guard let kind, try await !store.inspection.stats().workers.contains(where: { $0.description.kinds.contains(kind) }) else { return }
        let line = ForgottenTerminator.hint(for: [kind] + (payload.map { [$0] } ?? []), session)
        try session.talk.line("nothing known handles the kind \"\(kind)\", which is also a program here: \(line)")
        try session.talk.flush()
    }

    private func readPayload(_ session: Session) throws -> [UInt8] {
        try PayloadText.read(payload ?? "{}", session)
    }

    private func report(_ result: EnqueueResult, job: NewJob, _ session: Session) throws {
        let isExisting = if case .added = result { false } else { true }
        if json {
            let object = JSONWriter.versioned { writer in
                writer.member("id", result.id.description)
                writer.member("existing", isExisting)
                writer.member("result", result.word)
            }
            try session.output.object(object)
        } else {
            try session.output.line(result.id.description)
        }
        try session.output.flush()
        if case .conflict(let existing) = result {
            let conflict = EnqueueError.keyConflict(key: TerminalText.escaped(job.key ?? ""), existing: existing)
            throw Failure(.conflict, session.inOwnName(conflict.description))
        }
        if case .unique(let existing) = result {
            let key = job.terms.uniqueness?.key ?? ""
            let conflict = EnqueueError.uniqueConflict(key: TerminalText.escaped(key), existing: existing)
            throw Failure(.conflict, session.inOwnName(conflict.description))
        }
    }

    private func warn(about job: NewJob, in store: Store, _ session: Session) async throws {
        let workers = try await store.inspection.stats().workers
        // Nobody need be there yet for a job that waits for others.
        guard job.after.isEmpty else { return }
        let coverage = WorkerCoverage(workers: workers, settings: try await store.queues.settings())
        for problem in coverage.problems(queue: job.queue, kind: job.kind, sequence: job.terms.sequence?.key) {
            try session.talk.line("the job waits: \(TerminalText.escaped(problem))")
        }
    }

    private func awaitEnd(of job: JobID, in store: Store, _ session: Session) async throws {
        if follow {
            let text = LogText(style: TextStyle(on: session.output, in: session))
            let printer = LogPrinter(
                output: session.output, filter: LogFilter(), text: text, isJSON: false, readsFromStart: true, lastLines: nil)
            try await JobLogs(store: store, session: session).run(
                [JobLogs.Target(job: job, ordinal: nil, executions: 0)], printer, follow: true)
        } else {
            _ = try await JobWait(store: store, session: session).run([job], for: .finished) { _, _ in }
        }
        guard let detail = try await store.inspection.job(job) else {
            throw Failure(.notFound, "the job \(job) was deleted while waiting")
        }
        guard detail.summary.state != .completed else { return }
        let code = exitCode ? detail.error?.code.flatMap { Int32(exactly: $0) } ?? 1 : ExitStatus.failed.rawValue
        let message = follow ? "" : JobLogs.outcome(of: detail, ordinal: nil)
        // A command that failed never reads as success, whatever number was kept.
        throw Failure(code: (1...255).contains(code) ? code : 1, message)
    }
}
