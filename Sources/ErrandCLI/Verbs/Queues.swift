// `errand queues`: what stands for queues, kinds, limit keys and sequences, and changing it for all workers.

import ArgumentParser
import Errand

struct Queues: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show, pause, resume, limit and order queues and kinds, for all workers of the store.",
        discussion: """
            What is set stays until it is changed, whoever starts or ends, and acts within a second. A worker's own caps (`work -c`, \
            `work --queues a:4`) hold beside it.
            """,
        subcommands: [QueuesList.self, QueuesPause.self, QueuesResume.self, QueuesSet.self], defaultSubcommand: QueuesList.self)
}

/// What a verb means: queues and kinds, or a limit key or sequence of each of the queues.
struct ScopeOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("Queues.", valueName: "queue"), completion: .queues)
    var queues: [String] = []

    @Option(
        name: .customLong("kind"), help: ArgumentHelp("A kind, in whichever queues; may be repeated.", valueName: "kind"),
        completion: .kinds)
    var kinds: [String] = []

    /// Them, or `part` of each queue.
    func scopes(_ part: Part? = nil) -> [LimitScope] {
        switch part {
        case nil: queues.map(LimitScope.queue) + kinds.map(LimitScope.kind)
        case .key(let name): queues.map { LimitScope.key(name, queue: $0) }
        case .sequence(let name): queues.map { LimitScope.sequence(name, queue: $0) }
        }
    }

    /// A part of a queue.
    enum Part {
        case key(String)
        case sequence(String)
    }

    func validate() throws {
        guard !scopes().isEmpty else { throw ValidationError("name at least one queue, or a kind with --kind.") }
        for scope in scopes() {
            if let problem = SettingRules.problem(with: .resume, of: scope) { throw ValidationError("\(problem).") }
        }
    }

    /// Makes `changes` of each, and says what stands.
    func apply(_ changes: [SettingChange], to part: Part? = nil, in store: StoreOptions, json: Bool) async throws {
        let scopes = scopes(part)
        for scope in scopes {
            for change in changes {
                if let problem = SettingRules.problem(with: change, of: scope) { throw Failure(.usage, problem) }
            }
        }
        let session = Session.current
        try await store.withStore(creating: true) { store in
            for scope in scopes { try await store.queues.change(scope, changes) }
            let settings = try await store.queues.settings().filter { scopes.contains($0.scope) }
            try QueueTable(style: TextStyle(on: session.output, in: session)).write(settings, asJSON: json, to: session.output)
        }
    }
}

struct QueuesList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List queues and kinds, with what runs and what is set.",
        discussion: "Exit codes: 0 listed, 2 bad usage, 4 store unavailable.")

    @OptionGroup var store: StoreOptions

    @Flag(name: .customLong("json"), help: "Print one JSON object per queue and kind.")
    var json = false

    func run() async throws {
        let session = Session.current
        try await store.withStore { store in
            let settings = try await store.queues.settings()
            try QueueTable(style: TextStyle(on: session.output, in: session)).write(settings, asJSON: json, to: session.output)
        }
    }
}

struct QueuesPause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Start no more jobs of queues or kinds, until they are resumed.",
        discussion: """
            Their jobs stay where they are, and new ones are taken in; those that run go on. \
            A worker with --until-empty does not wait for them.

            Exit codes: 0 paused, also when they were before, 2 bad usage, 4 store unavailable.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var scope: ScopeOptions

    @Flag(name: .customLong("json"), help: "Print one JSON object per queue and kind.")
    var json = false

    func run() async throws { try await scope.apply([.pause], in: store, json: json) }
}

struct QueuesResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Start jobs of paused queues or kinds, or of a halted sequence, again.",
        discussion: """
            A sequence that a death has halted goes on without the job that died; to go on with it, `\(Session.program) retry` the job.

            Exit codes: 0 resumed, also when they were not paused, 2 bad usage, 4 store unavailable.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var scope: ScopeOptions

    @Option(help: ArgumentHelp("This sequence of the queue, instead of the queue.", valueName: "text"))
    var sequence: String?

    @Flag(name: .customLong("json"), help: "Print one JSON object per queue and kind.")
    var json = false

    func validate() throws {
        if sequence != nil, !scope.kinds.isEmpty { throw ValidationError("--sequence is one of a queue: name the queue, and no --kind.") }
    }

    func run() async throws {
        try await scope.apply([.resume], to: sequence.map(ScopeOptions.Part.sequence), in: store, json: json)
    }
}

struct QueuesSet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Limit how many jobs of queues, kinds or limit keys run at once, and how often they start; order queues.",
        discussion: """
            A limit holds over all workers of the store. A lower one than runs at the moment ends nothing: nothing starts until there \
            is room. A rate spreads its starts evenly (10/s: one every 100 ms); its burst, 1 unless it is given, is how many may start at \
            once after a pause.

            --key-concurrency and --key-rate hold for each limit key of the queue by itself; with --limit-key, --concurrency, --rate and \
            --weight hold for that key alone, and come before them. In a fair queue the keys take turns, in proportion to their weights. \
            A queue's own weight counts where a worker serves several.

            Exit codes: 0 set, 2 bad usage, 4 store unavailable.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var scope: ScopeOptions

    @Option(help: ArgumentHelp("How many jobs may run at once, 1 to 1000000, or none for no limit.", valueName: "count"))
    var concurrency: String?

    @Option(help: ArgumentHelp("How often jobs may start, with a burst if it shall have one, or none: 10/s, 100/m,20.", valueName: "rate"))
    var rate: String?

    @Option(help: ArgumentHelp("How many jobs of each limit key of the queue may run at once, or none.", valueName: "count"))
    var keyConcurrency: String?

    @Option(help: ArgumentHelp("How often jobs of each limit key of the queue may start, or none.", valueName: "rate"))
    var keyRate: String?

    @Flag(inversion: .prefixedNo, help: "Whether the limit keys of the queue take turns, however many jobs each has waiting.")
    var fair: Bool?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How much of a worker the queue gets beside its others, 1 to 1000.", valueName: "number"),
        transform: { try NumberArgument.read($0, "a number from 1 to 1000") })
    var weight: Int?

    @Option(help: ArgumentHelp("Set --concurrency, --rate and --weight for this limit key of the queue alone.", valueName: "text"))
    var limitKey: String?

    @Flag(name: .customLong("json"), help: "Print one JSON object per queue and kind.")
    var json = false

    /// What the flags ask for.
    func changes() throws -> [SettingChange] {
        var changes: [SettingChange] = []
        if let concurrency {
            changes.append(
                .concurrency(try QueuesSet.unless(concurrency, "--concurrency") { try NumberArgument.read($0, "a number, or none") }))
        }
        if let rate { changes.append(.rate(try QueuesSet.unless(rate, "--rate", RateArgument.read))) }
        if let keyConcurrency {
            changes.append(
                .keyConcurrency(
                    try QueuesSet.unless(keyConcurrency, "--key-concurrency") { try NumberArgument.read($0, "a number, or none") }))
        }
        if let keyRate { changes.append(.keyRate(try QueuesSet.unless(keyRate, "--key-rate", RateArgument.read))) }
        if let fair { changes.append(.fair(fair)) }
        if let weight { changes.append(.weight(weight)) }
        guard !changes.isEmpty else {
            throw ValidationError("say what to set: --concurrency, --rate, --key-concurrency, --key-rate, --fair, --weight.")
        }
        return changes
    }

    /// What `read` makes of `text`; `nil` when it is "none".
    private static func unless<Value>(_ text: String, _ flag: String, _ read: (String) throws -> Value) throws -> Value? {
        do {
            return text == "none" ? nil : try read(text)
        } catch let error as ValidationError {
            throw ValidationError("\(flag) \"\(TerminalText.cut(text, to: 80))\": \(error.message).")
        }
    }

    func validate() throws {
        let part = limitKey.map(ScopeOptions.Part.key)
        if part != nil, !scope.kinds.isEmpty { throw ValidationError("--limit-key is one of a queue: name the queue, and no --kind.") }
        for change in try changes() {
            for scope in scope.scopes(part) {
                if let problem = SettingRules.problem(with: change, of: scope) { throw ValidationError("\(problem).") }
            }
        }
    }

    func run() async throws {
        try await scope.apply(try changes(), to: limitKey.map(ScopeOptions.Part.key), in: store, json: json)
    }
}
