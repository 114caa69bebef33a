// How a worker runs, on the command line.

import ArgumentParser
import Errand
import Logging

extension ProcessLogFormat: ExpressibleByArgument {}

/// A worker's settings.
struct WorkOptions: ParsableArguments {
    @Option(
        name: [.customShort("c"), .long],
        help: ArgumentHelp("Slots in all, 1 to 10000; default: errand.yaml, then 10.", valueName: "number"))
    var concurrency: Int?

    @Option(
        help: ArgumentHelp("The queues to serve, each with a cap of its own if it shall have one: a:4,b.", valueName: "list"),
        completion: .queues)
    var queues: String?

    @Option(
        help: ArgumentHelp(
            "Which queue gives the next job: weighted (by `queues set --weight`, the default) or strict (as they are named).",
            valueName: "order"),
        completion: .list(QueueOrder.allCases.map(\.rawValue)), transform: WordArgument.read)
    var order: QueueOrder?

    @Option(help: ArgumentHelp("Slots to keep free for urgent jobs, fewer than -c.", valueName: "number"))
    var spare: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("With --spare: how urgent they must be, this priority or a lower number; default -1.", valueName: "priority"),
        transform: { try NumberArgument.read($0, "a number from -100 to 100, such as -10") })
    var sparePriority: Int?

    @Flag(help: "End after one job, or at once when there is none to start.")
    var once = false

    @Flag(help: "End when nothing is available, running, or due within --idle-timeout.")
    var untilEmpty = false

    @Option(
        help: ArgumentHelp("With --until-empty: how far ahead to look; default 10s.", valueName: "duration"),
        transform: DurationArgument.read)
    var idleTimeout: Duration?

    @Option(
        help: ArgumentHelp("How long the worker's hold on its jobs lasts without renewal; default 30s.", valueName: "duration"),
        transform: DurationArgument.readPositive)
    var lease: Duration?

    @Option(
        help: ArgumentHelp("How long a shutdown waits for jobs before it cancels them; default 30s.", valueName: "duration"),
        transform: DurationArgument.read)
    var grace: Duration?

    @Option(
        help: ArgumentHelp(
            "At how many deaths of workers in a row, the culprits unknown, a job that ran is a suspect and runs alone; default 3, 0 for never.",
            valueName: "number"))
    var suspectAfter: Int?

    func validate() throws {
        if once, untilEmpty { throw ValidationError("Give either --once or --until-empty, not both.") }
        if idleTimeout != nil, !untilEmpty { throw ValidationError("--idle-timeout needs --until-empty.") }
        if let concurrency, !Limits.concurrency.contains(concurrency) {
            throw ValidationError("-c takes a number from 1 to 10000.")
        }
        if let lease, lease < .seconds(1) { throw ValidationError("--lease is 1s or more.") }
        if let suspectAfter, !(0...1000).contains(suspectAfter) { throw ValidationError("--suspect-after takes a number from 0 to 1000.") }
        if let spare, spare < 1 { throw ValidationError("--spare takes a number from 1 to one less than -c.") }
        if let sparePriority {
            if let problem = JobRules.priorityProblem(sparePriority) { throw ValidationError("--spare-priority: \(problem).") }
        }
        _ = try queues.map(WorkOptions.parse(queues:))
    }

    /// Puts what was given over `configuration`.
    /// - Throws: `ValidationError` for a list of queues that is none.
    func apply(to configuration: inout Worker.Configuration) throws {
        if let concurrency { configuration.concurrency = concurrency }
        if let queues { configuration.queues = try WorkOptions.parse(queues: queues) }
        if let order { configuration.queueOrder = order }
        if let slots = spare ?? configuration.spareSlots?.slots {
            let usual = configuration.spareSlots?.priority ?? SpareSlots(slots).priority
            configuration.spareSlots = SpareSlots(slots, priority: sparePriority ?? usual)
        } else if sparePriority != nil {
            throw Failure(.usage, "--spare-priority says more about spare slots: give --spare too, or \"spare\" in errand.yaml")
        }
        if let lease { configuration.lease = lease }
        if let grace { configuration.grace = grace }
        if let suspectAfter { configuration.suspectThreshold = suspectAfter == 0 ? nil : suspectAfter }
        if once { configuration.until = .once }
        if untilEmpty { configuration.until = .empty(idleTimeout: idleTimeout ?? .seconds(10)) }
    }

    /// Reads `a:4,b`.
    /// - Throws: `ValidationError`.
    static func parse(queues text: String) throws -> [(name: String, concurrency: Int?)] {
        var queues: [(name: String, concurrency: Int?)] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let fields = part.split(separator: ":", omittingEmptySubsequences: false)
            let name = String(fields[0])
            if let problem = JobRules.nameProblem(name, what: "queue") { throw ValidationError("--queues: \(problem)") }
            guard !queues.contains(where: { $0.name == name }) else { throw ValidationError("--queues names \(name) twice.") }
            switch fields.count {
            case 1: queues.append((name, nil))
            case 2:
                guard let limit = Int(fields[1]), Limits.concurrency.contains(limit) else {
                    throw ValidationError("--queues: \"\(part)\" needs a number from 1 to 10000 after the colon.")
                }
                queues.append((name, limit))
            default: throw ValidationError("--queues: \"\(part)\" is no queue: write a:4,b")
            }
        }
        return queues
    }
}
