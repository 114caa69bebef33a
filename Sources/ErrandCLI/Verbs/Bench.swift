// `errand bench`: what this Errand does on this machine and this disk.

import ArgumentParser
import Errand
import ErrandBench
import Glibc

struct BenchCommand: AsyncParsableCommand {
    // Computed, since the name is that of the program that runs.
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "bench",
            abstract: "Measure what Errand does on this machine and this disk.",
            discussion: """
                Without names it makes all measurements, in about two minutes; each line of the result begins with the arguments that repeat \
                just that one. Stores are made in a directory of their own and removed again; no other store is touched.

                \(Bench.all.map { "\($0.name): \($0.summary)\n  Options: \(BenchCommand.options(of: $0)).\n" }.joined(separator: "\n"))
                Exit codes: 0 measured, 1 something could not be measured, 2 bad usage, 4 store unavailable or no room.
                """)
    }

    @Argument(help: ArgumentHelp("What to measure; everything by default.", valueName: "measurement"), completion: .list(names))
    var measurements: [String] = []

    @Option(help: ArgumentHelp("How many jobs.", valueName: "n"))
    var jobs: Int?

    @Option(help: ArgumentHelp("How many slots the worker has.", valueName: "n"))
    var concurrency: Int?

    @Option(help: ArgumentHelp("How many callers enqueue at a time.", valueName: "n"))
    var callers: Int?

    @Option(help: ArgumentHelp("How many jobs go together, into one enqueue or one claim.", valueName: "n"))
    var batch: Int?

    @Option(help: ArgumentHelp("How many lines each job logs.", valueName: "n"))
    var lines: Int?

    @Option(help: ArgumentHelp("How large payloads are.", valueName: "bytes"))
    var payload: Int?

    @Option(help: ArgumentHelp("How many processes work on one store.", valueName: "n"))
    var processes: Int?

    @Option(help: ArgumentHelp("How many other jobs the store holds.", valueName: "n"))
    var stored: Int?

    @Option(help: ArgumentHelp("How long to look: at an idle worker, or at processes that enqueue.", valueName: "n"))
    var seconds: Int?

    @Option(
        help: ArgumentHelp("What acknowledgements survive: full, the default, or normal.", valueName: "full|normal"),
        transform: DurabilityOptions.read)
    var durability: Durability?

    @Option(
        name: .customLong("in"),
        help: ArgumentHelp(
            "On which disk: where stores are made and removed again. The current directory by default.", valueName: "directory"),
        completion: .directory)
    var directory: String?

    @Flag(name: .customLong("json"), help: "Print a JSON object: machine facts and all figures.")
    var json = false

    /// What a process does that a measurement starts.
    @Option(name: .customLong("child"), help: .hidden)
    var child: ChildRole?

    @Option(name: .customLong("store"), help: .hidden)
    var childStore: String?

    /// What can be measured.
    private static let names = Bench.all.map { type in type.name }

    private var given: [BenchParameter: Int] {
        [
            .jobs: jobs, .concurrency: concurrency, .callers: callers, .batch: batch, .lines: lines, .payload: payload, .stored: stored,
            .seconds: seconds, .processes: processes,
        ].compactMapValues(\.self)
    }

    func validate() throws {
        for name in measurements where !Bench.all.contains(where: { $0.name == name }) {
            let near = VerbCheck.nearest(to: name, among: BenchCommand.names)
            let hint = near.map { "did you mean \"\($0)\"?" } ?? "there are \(BenchCommand.names.joined(separator: ", "))"
            throw ValidationError("there is no measurement \"\(name)\": \(hint)")
        }
        for (parameter, value) in given where !parameter.range.contains(value) {
            throw ValidationError(
                "--\(parameter.rawValue) is \(value): give \(parameter.range.lowerBound) to \(parameter.range.upperBound)")
        }
        let chosen = Bench.all.filter { measurements.isEmpty || measurements.contains($0.name) }
        for parameter in given.keys where !chosen.contains(where: { $0.usual.contains { $0.key == parameter } }) {
            throw ValidationError(
                "--\(parameter.rawValue) changes nothing about \(measurements.joined(separator: " and ")): see `\(Session.program) help bench`"
            )
        }
    }

    func run() async throws {
        let session = Session.current
        if let child, let childStore { return try await child.serve(childStore, seconds: seconds ?? 0, durability: durability ?? .full) }
        try SignalThread.start([SIGINT, SIGTERM, SIGHUP], onQuestion: {}) { number, _ in
            Bench.abandon()
            _exit(128 + number)
        }
        var settings = BenchSettings(directory: path(in: session))
        settings.durability = durability
        settings.given = given
        let facts = MachineFacts(directory: settings.directory)
        try warn(about: facts, session)
        if !json { try session.output.line(TerminalText.escaped(facts.line) + "\n") }
        var figures: [[UInt8]] = []
        try await Bench.run(measurements, settings) { figure in
            if json {
                figures.append(BenchJSON.object(figure))
            } else {
                try session.output.line(BenchText.line(figure))
                // One by one as they come: all of it takes minutes.
                try session.output.flush()
            }
        }
        if json { try session.output.object(BenchJSON.object(facts, figures)) }
    }

    private func path(in session: Session) -> String {
        guard let directory, !directory.isEmpty else { return session.directory }
        return directory.hasPrefix("/") ? directory : "\(session.directory)/\(directory)"
    }

    private func warn(about facts: MachineFacts, _ session: Session) throws {
        if facts.isDebugBuild { try session.talk.line("\(session.program): this is a debug build: its figures say nothing about Errand") }
        if facts.isInMemory {
            try session.talk.line(
                "\(session.program): \(facts.fileSystem) lies in memory: there is no disk to wait for; choose one with --in")
        }
        try session.talk.flush()
    }

    private static func options(of type: any Measurement.Type) -> String {
        let parameters = type.usual.map { "--\($0.key.rawValue) (\($0.value.map(String.init).joined(separator: ", ")))" }
        return (parameters + (type.hasDurability ? ["--durability"] : [])).joined(separator: ", ")
    }
}

extension ChildRole: ExpressibleByArgument {}
