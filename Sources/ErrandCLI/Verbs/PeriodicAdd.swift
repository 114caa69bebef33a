// `errand periodic add`: sets a periodic job.

import ArgumentParser
import Errand
import ErrandHandlers

struct PeriodicAdd: AsyncParsableCommand {
    // Computed, since the name is that of the program that runs.
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "add",
            abstract: "Set a periodic job, or change the one of that name.",
            usage: """
                \(Session.program) periodic add <name> --cron <line> [--tz <zone>] <kind> [<payload>] [<options>]
                \(Session.program) periodic add <name> --every <duration> [<options>] -- <command> [<argument> ...]
                """,
            discussion: """
                Changing one keeps its next slot, unless its schedule is another. Each run carries `periodic` and `slot` in its meta. \
                `\(Session.program) periodic next --cron <line>` shows what a line means.

                Exit codes: 0 set, 2 bad usage, 4 store unavailable, 5 it comes from a file, and is to be changed there.
                """)
    }

    @OptionGroup var store: StoreOptions

    @Argument(help: ArgumentHelp("What it is known by: 1 to 64 of a-z 0-9 . _ -", valueName: "name"), completion: .periodicJobs)
    var name: String

    @Argument(help: ArgumentHelp("Picks the handler of its runs.", valueName: "kind"), completion: .kinds)
    var kind: String?

    @Argument(help: ArgumentHelp("JSON, @file, or - for standard input.", valueName: "payload"))
    var payload: String?

    @Argument(parsing: .postTerminator, help: ArgumentHelp("A command and its arguments, after --.", valueName: "command"))
    var command: [String] = []

    @OptionGroup var timing: TimingOptions

    @Option(
        help: ArgumentHelp(
            "What becomes of a run whose predecessor has not ended: allow (default), skip it, queue it (of several the newest), cancel the predecessor.",
            valueName: "policy"),
        completion: .list(PeriodicJob.Overlap.allCases.map(\.rawValue)))
    var overlap: String?

    @Option(
        help: ArgumentHelp(
            "What becomes of slots that no worker was there for: skip them, make up for the latest (default), or for all up to --catch-up.",
            valueName: "policy"),
        completion: .list(["skip", "latest", "all"]))
    var missed: String?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("With --missed all: for so many at most, 1 to 1000; default 100.", valueName: "number"),
        transform: { try NumberArgument.read($0, "a number from 1 to 1000") })
    var catchUp: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Start each run up to so much later, by chance; up to 1d.", valueName: "duration"),
        transform: DurationArgument.read)
    var jitter: Duration?

    @Option(help: ArgumentHelp("No slot before this time.", valueName: "time"))
    var starts: String?

    @Option(help: ArgumentHelp("No slot after this time.", valueName: "time"))
    var ends: String?

    @OptionGroup var settings: EnqueueSettings
    @OptionGroup var sharing: SharingOptions
    @OptionGroup var unique: UniqueOptions
    @OptionGroup var lifetime: LifetimeOptions
    @OptionGroup var config: ConfigurationOptions

    @Flag(help: "Store the payload unencrypted, also where the newest job is encrypted.")
    var inTheClear = false

    func validate() throws {
        if timing.timing == nil { throw ValidationError("Say when: --cron \"0 3 * * *\", or --every 10m.") }
        if kind == nil, command.isEmpty { throw ValidationError("What shall run? Give a kind, or a command after --.") }
        if kind != nil, !command.isEmpty { throw ValidationError("Give either a kind or a command after --, not both.") }
        if command.isEmpty, !settings.environment.isEmpty {
            throw ValidationError("--env is for commands after --: a job of a kind gets its input in the payload.")
        }
        if let overlap, PeriodicJob.Overlap(rawValue: overlap) == nil {
            throw ValidationError("--overlap is allow, skip, queue or cancel, not \"\(overlap)\".")
        }
        if let missed, !["skip", "latest", "all"].contains(missed) {
            throw ValidationError("--missed is skip, latest or all, not \"\(missed)\".")
        }
        if catchUp != nil, missed != "all" { throw ValidationError("--catch-up goes with --missed all.") }
    }

    func run() async throws {
        let session = Session.current
        let file = try config.load(in: session)
        let security = try SecurityPlan(file, in: session)
        let periodic = try periodic(file, session)
        try await store.withStore(creating: true) { store in
            if !inTheClear, let problem = try await security.clearPayloadProblem(in: store) { throw Failure(.usage, problem) }
            let queue = JobQueue(store: security.applied(to: store), clock: session.clock)
            if !inTheClear, let problem = security.periodicPayloadProblem(among: try await queue.periodicJobs()) {
                throw Failure(.usage, problem)
            }
            do {
                let result = try await queue.setPeriodic(periodic)
                try report(result, try await queue.periodicJob(name)?.next, periodic, session)
                try await PeriodicAdd.remarkOnWorkers(in: store, session)
            } catch let error as EnqueueError {
                switch error {
                case .invalid(let reason): throw Failure(.usage, reason)
                case .store(.refused(let reason)): throw Failure(.conflict, reason)
                default: throw error
                }
            }
        }
    }

    private func periodic(_ file: ErrandConfiguration?, _ session: Session) throws -> PeriodicJob {
        let now = session.clock.now()
        let form = EnqueueForm(
            settings: settings, start: nil, sharing: sharing, lifetime: lifetime, unique: unique, durability: nil, file: file,
            session: session)
        let input =
            try kind.map { NewJob(kind: $0, payload: try PayloadText.read(payload ?? "{}", session)) }
            ?? PlainCommand(argv: command, session: session, extra: settings.environment).job()
        var job = try form.begun(input)
        if overlap != nil, overlap != "allow", unique.unique == nil, unique.uniqueBy == nil { job.terms.uniqueness = nil }
        try form.complete(&job)
        guard let timing = timing.timing else { throw Failure(.usage, "say when: --cron or --every") }
        var periodic = PeriodicJob(name, timing, job)
        periodic.expires = job.terms.expiresAt.map { $0 - now }
        periodic.deadline = job.terms.deadline.map { $0 - now }
        (periodic.job.terms.expiresAt, periodic.job.terms.deadline) = (nil, nil)
        // Whoever sets it is not who enqueues its runs.
        periodic.job.trace = nil
        periodic.overlap = overlap.flatMap(PeriodicJob.Overlap.init) ?? .allow
        periodic.missed = missed == "skip" ? .skip : missed == "all" ? .all(upTo: catchUp ?? 100) : .latest
        periodic.jitter = jitter ?? .zero
        let times = TimeReading(now: now)
        periodic.startsAt = try starts.map { try times.future($0, option: "--starts") }
        periodic.endsAt = try ends.map { try times.future($0, option: "--ends") }
        // A program may set what is over, and go on; who types it has made a mistake.
        if let problem = PeriodicRules.problem(with: periodic, now: now) { throw Failure(.usage, "the periodic job \(name): \(problem)") }
        return periodic
    }

    private func report(_ result: PeriodicSetResult, _ next: Timestamp?, _ periodic: PeriodicJob, _ session: Session) throws {
        let word =
            switch result {
            case .added: "added"
            case .changed: "changed"
            case .unchanged: "unchanged"
            case .belongs: "not changed"
            }
        let schedule = try periodic.schedule()
        let when = next.map { "next \(PeriodicAdd.moment($0, schedule.zone, session))" } ?? "paused"
        try session.output.line("\(name) \(word): \(schedule), \(when)")
        try session.output.flush()
    }

    /// A slot by the clock that its schedule means.
    static func moment(_ slot: Timestamp, _ zone: ScheduleZone, _ session: Session) -> String {
        "\(zone.text(slot)) (\(TextStyle.distance(of: slot, from: session.clock.now())))"
    }

    /// Says to a person that nothing is enqueued as long as nobody works.
    static func remarkOnWorkers(in store: Store, _ session: Session) async throws {
        guard session.talk.isTerminal, try await store.inspection.stats().workers.isEmpty else { return }
        try session.talk.line("nothing is enqueued before a worker is there: start one with `\(Session.program) work`")
        try session.talk.flush()
    }
}
