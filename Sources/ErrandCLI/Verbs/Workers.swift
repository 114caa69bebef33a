// `errand workers`: the live workers, and what they are told.

import ArgumentParser
import Errand

struct Workers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List live workers, and tell them what to do, from any process.",
        discussion: """
            quiet: take nothing new. resume: take jobs again. scale: have so many slots. stop: leave once what runs has ended, or the \
            worker's grace is over. A verb returns when the workers have heard (stop: have left), or --wait is over. What a worker was \
            told goes with it: it starts anew without.

            Exit codes: 0 done, 2 bad usage, 3 no such worker, 4 store or worker unavailable, also when --wait was over first.
            """,
        subcommands: [
            ListWorkers.self, ShowWorker.self, QuietWorkers.self, ResumeWorkers.self, StopWorkers.self, ScaleWorkers.self,
        ], defaultSubcommand: ListWorkers.self)
}

struct ListWorkers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List live workers: running and slots, what they were told, their last heartbeat, version and host.")

    @OptionGroup var store: StoreOptions

    @Flag(name: .customLong("json"), help: "Print one JSON object per worker.")
    var json = false

    func run() async throws {
        let session = Session.current
        try await store.withStore { store in
            let workers = try await store.inspection.stats().workers
            guard !workers.isEmpty else {
                return try session.talk.line("no worker is alive: start one with `\(Session.program) work`")
            }
            if json {
                for worker in workers { try session.output.object(WorkerText.json(worker, executions: nil)) }
            } else {
                for line in WorkerText.table(workers, now: session.clock.now(), hasHeading: session.output.isTerminal) {
                    try session.output.line(line)
                }
            }
        }
    }
}

struct ShowWorker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one live worker and what it runs.")

    @OptionGroup var store: StoreOptions

    @Flag(name: .customLong("json"), help: "Print a JSON object.")
    var json = false

    @Argument(help: ArgumentHelp("A worker's ID or a unique prefix.", valueName: "worker"), completion: .workers)
    var worker: String

    func run() async throws {
        let session = Session.current
        try await store.withStore { store in
            let worker = try await WorkerChoice.find([worker], in: store)[0]
            let executions = try await store.inspection.executions(heldBy: worker.id)
            if json { return try session.output.object(WorkerText.json(worker, executions: executions)) }
            for line in WorkerText.lines(worker, executions: executions, now: session.clock.now()) { try session.output.line(line) }
        }
    }
}

struct QuietWorkers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "quiet", abstract: "Let workers take nothing new.")
    @OptionGroup var choice: WorkerChoice

    func run() async throws { try await choice.tell(.quiet, done: "quiet") }
}

struct ResumeWorkers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "resume", abstract: "Let quiet workers take jobs again.")
    @OptionGroup var choice: WorkerChoice

    func run() async throws { try await choice.tell(.resume, done: "resumed") }
}

struct StopWorkers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Let workers leave once what they run has ended, or their grace is over.")
    @OptionGroup var choice: WorkerChoice

    func run() async throws { try await choice.tell(.stop, done: "stopped") }
}

struct ScaleWorkers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "scale", abstract: "Give workers more slots or fewer.")

    @OptionGroup var choice: WorkerChoice

    @Option(
        name: [.customShort("c"), .customLong("concurrency")], parsing: .unconditional,
        help: ArgumentHelp("How many jobs run at once, 1 to 10000.", valueName: "number"),
        transform: { try NumberArgument.read($0, "a number of slots from 1 to 10000, such as 20") })
    var slots: Int

    func validate() throws {
        guard Limits.concurrency.contains(slots) else {
            throw ValidationError(
                "-c \(slots) is outside of \(Limits.concurrency.lowerBound) … \(Limits.concurrency.upperBound); `workers quiet` takes nothing new."
            )
        }
    }

    func run() async throws { try await choice.tell(.scale(slots: slots), done: slots == 1 ? "has 1 slot" : "has \(slots) slots") }
}
