// What an enqueuer may say about a job, on the command line.

import ArgumentParser
import Errand

/// Queue, priority, attempts and the caller's own values.
struct EnqueueSettings: ParsableArguments {
    @Option(help: "The line that the job waits in; default: the kind's in errand.yaml, then \"default\".", completion: .queues)
    var queue: String?

    // Values that begin with a minus sign are values, here and below: they get a refusal that says why.
    @Option(
        parsing: .unconditional, help: ArgumentHelp("-100 to 100; lower runs first; default 0.", valueName: "number"),
        transform: { try NumberArgument.read($0, "a number from -100 to 100, such as -10 to run earlier") })
    var priority: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "How many attempts may count. Default: max_attempts of the kind in the errand.yaml that this command reads, then 5; for a command 1.",
            valueName: "number"),
        transform: { try NumberArgument.read($0, "a number from 1 to 1000, such as 3") })
    var maxAttempts: Int?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("How long one execution may take.", valueName: "duration"),
        transform: DurationArgument.readPositive)
    var timeout: Duration?

    @Option(
        help: ArgumentHelp("A value of your own, stamped on all that the job logs and reports; may be repeated.", valueName: "name=value"),
        transform: NameValue.read)
    var meta: [NameValue] = []

    @Option(
        name: .customLong("tag"),
        help: ArgumentHelp("A word that the job is found by: 1 to 64 of a-z 0-9 . _ - : ; may be repeated, up to 16.", valueName: "tag"))
    var tags: [String] = []

    @Option(help: ArgumentHelp("A line for people; a command's is its command line.", valueName: "text"))
    var label: String?

    @Option(
        name: .customLong("env"), help: ArgumentHelp("A variable of the command's environment; may be repeated.", valueName: "name=value"),
        transform: NameValue.read)
    var environment: [NameValue] = []

    func validate() throws {
        if let pair = environment.first(where: { pair in environment.filter { $0.name == pair.name }.count > 1 }) {
            throw ValidationError("--env \(pair.name) is given twice.")
        }
        if let pair = meta.first(where: { pair in meta.filter { $0.name == pair.name }.count > 1 }) {
            throw ValidationError("--meta \(pair.name) is given twice.")
        }
    }

    /// `base` with these settings.
    func job(_ base: NewJob, in session: Session) -> NewJob {
        var job = base
        if let queue { job.queue = queue }
        if let priority { job.priority = priority }
        if let maxAttempts { job.maxAttempts = maxAttempts }
        if let timeout { job.timeout = timeout }
        for pair in meta { job.meta[pair.name] = pair.value }
        job.terms.tags = Set(job.terms.tags).union(tags).sorted()
        if let label { job.label = label }
        if let parent = session.environment["TRACEPARENT"] {
            job.trace = TraceContext(
                traceParent: parent, traceState: session.environment["TRACESTATE"], baggage: session.environment["BAGGAGE"])
        }
        return job
    }
}
