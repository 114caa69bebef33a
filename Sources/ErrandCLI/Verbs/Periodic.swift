// `errand periodic`: jobs that are enqueued again and again.

import ArgumentParser
import Errand

struct Periodic: AsyncParsableCommand {
    // Computed, since the name is that of the program that runs.
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            abstract: "Set, show, pause and run jobs that are enqueued again and again.",
            discussion: """
                Whichever worker of the store leads enqueues them at their slots, each slot once; when it ends, another leads within \
                seconds. Those of errand.yaml (`periodic`) are set when a worker starts with that file, and removed when it starts with the \
                file and the file no longer names them.
                """,
            subcommands: [
                PeriodicList.self, PeriodicAdd.self, PeriodicRemove.self, PeriodicPause.self, PeriodicResume.self, PeriodicRun.self,
                PeriodicNext.self,
            ], defaultSubcommand: PeriodicList.self)
    }
}

struct PeriodicList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List periodic jobs: when they are due, what came of the last slot.",
        discussion: "Exit codes: 0 listed, 2 bad usage, 4 store unavailable.")

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigurationOptions

    func run() async throws {
        let session = Session.current
        let security = try SecurityPlan(try config.load(in: session), in: session)
        try await store.withStore { store in
            let entries = try await security.applied(to: store).periodic.periodicJobs()
            let jobs = entries.compactMap(\.last?.job)
            let states = zip(jobs, try await store.inspection.states(of: jobs)).reduce(into: [:]) { $0[$1.0] = $1.1 }
            let table = PeriodicTable(
                style: output.style(for: session.output, in: session), now: session.clock.now(), redaction: security.redaction,
                states: states)
            try table.write(entries, as: output.chosen, to: session.output)
        }
    }
}

/// The periodic jobs that a verb means.
struct PeriodicNames: ParsableArguments {
    @Argument(help: ArgumentHelp("Periodic jobs.", valueName: "name"), completion: .periodicJobs)
    var names: [String]

    /// Does `body` to each, and says what it did; those that are not there are told.
    /// - Throws: ``Failure`` with status 3 when none is there, 6 when some are not.
    func each(
        in store: Store, _ session: Session, _ body: (PeriodicEntry) async throws -> String
    ) async throws {
        let entries = try await store.periodic.periodicJobs()
        var missing: [String] = []
        for name in names {
            guard let entry = entries.first(where: { $0.periodic.name == name }) else {
                missing.append(name)
                continue
            }
            try session.output.line(TerminalText.escaped(try await body(entry)))
        }
        try session.output.flush()
        guard let first = missing.first else { return }
        let problem = PeriodicNames.unknown(first, among: entries)
        throw Failure(missing.count == names.count ? .notFound : .partial, problem)
    }

    /// What to say about a name that no periodic job has.
    static func unknown(_ name: String, among entries: [PeriodicEntry]) -> String {
        let near = VerbCheck.nearest(to: name, among: entries.map(\.periodic.name)).map { "did you mean \"\($0)\"?" }
        return
            "there is no periodic job \"\(TerminalText.escaped(TerminalText.cut(name, to: 80)))\": \(near ?? "`\(Session.program) periodic` lists them")"
    }
}

struct PeriodicRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Enqueue them no more. Jobs that they have enqueued stay.",
        discussion: "Exit codes: 0 removed, 2 bad usage, 3 no such periodic job, 4 store unavailable, 6 some of many were not there.")

    @OptionGroup var store: StoreOptions
    @OptionGroup var which: PeriodicNames

    func run() async throws {
        let session = Session.current
        try await store.withStore { store in
            try await which.each(in: store, session) { entry in
                _ = try await store.periodic.removePeriodic([entry.periodic.name])
                let again = entry.source.map { "; it comes back when a worker starts with \($0), as long as that names it" } ?? ""
                return "\(entry.periodic.name) removed\(again)"
            }
        }
    }
}

struct PeriodicPause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Enqueue them no more until they are resumed.",
        discussion: """
            Slots that pass meanwhile are not made up for. A pause outlives workers, and changes of errand.yaml as long as that names it.

            Exit codes: 0 paused, 2 bad usage, 3 no such periodic job, 4 store unavailable, 6 some of many were not there.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var which: PeriodicNames

    func run() async throws {
        let session = Session.current
        try await store.withStore { store in
            let queue = JobQueue(store: store, clock: session.clock)
            try await which.each(in: store, session) { entry in
                try await queue.pausePeriodic(entry.periodic.name)
                return "\(entry.periodic.name) paused"
            }
        }
    }
}

struct PeriodicResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Enqueue paused ones again, from their next slot on.",
        discussion: "Exit codes: 0 resumed, 2 bad usage, 3 no such periodic job, 4 store unavailable, 6 some of many were not there.")

    @OptionGroup var store: StoreOptions
    @OptionGroup var which: PeriodicNames

    func run() async throws {
        let session = Session.current
        try await store.withStore { store in
            let queue = JobQueue(store: store, clock: session.clock)
            try await which.each(in: store, session) { entry in
                try await queue.resumePeriodic(entry.periodic.name)
                let zone = try entry.periodic.schedule().zone
                let next = try await queue.periodicJob(entry.periodic.name)?.next.map { PeriodicAdd.moment($0, zone, session) }
                return "\(entry.periodic.name) resumed: \(next.map { "next \($0)" } ?? "but no slot comes any more")"
            }
        }
    }
}

struct PeriodicRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Enqueue one now, besides its slots, and print the job's ID.",
        discussion: """
            As at its slots: with `overlap: skip` not while its last run goes on. Its next slot stays what it is; a paused one stays paused.

            Exit codes: 0 enqueued, 2 bad usage, 3 no such periodic job, 4 store unavailable, 5 its last run has not ended: the ID is that \
            one's.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var config: ConfigurationOptions

    @Argument(help: ArgumentHelp("A periodic job.", valueName: "name"), completion: .periodicJobs)
    var name: String

    func run() async throws {
        let session = Session.current
        let security = try SecurityPlan(try config.load(in: session), in: session)
        try await store.withStore { store in
            let store = security.applied(to: store)
            let entry = try await JobQueue(store: store, clock: session.clock).periodicJob(name)
            guard let entry, let result = try await JobQueue(store: store, clock: session.clock).runPeriodic(name) else {
                throw Failure(.notFound, PeriodicNames.unknown(name, among: try await store.periodic.periodicJobs()))
            }
            try session.output.line(result.id.description)
            try session.output.flush()
            if case .unique(let owner) = result {
                throw Failure(
                    .conflict,
                    entry.periodic.overlap == .allow
                        ? "the job \(owner) has its unique key: nothing was enqueued"
                        : "its last run, \(owner), has not ended, and runs of \(name) do not overlap: nothing was enqueued")
            }
        }
    }
}
