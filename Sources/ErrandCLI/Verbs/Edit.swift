// `errand edit`: changes jobs that wait.

import ArgumentParser
import Errand

struct Edit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Change the payload, priority, queue, unique key or time of jobs that neither run nor are over.",
        discussion: """
            errand edit ID --priority -10 --set customer.id=7. A value that is JSON is taken as such, another one as text. A job that \
            is dead or cancelled is changed by `retry --set`.

            Exit codes: 0 all are changed, 1 answered no, 2 bad usage or --yes is missing, 3 no such job, 4 store unavailable, \
            5 the job's state, or the owner of the unique key, forbids it, 6 that is so for some of many.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var bulk: BulkOptions
    @OptionGroup var change: PayloadChange
    @OptionGroup var config: ConfigurationOptions

    @Option(help: ArgumentHelp("A new payload: JSON, @file, or - for standard input.", valueName: "payload"))
    var payload: String?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("A new priority, -100 to 100; lower runs first.", valueName: "number"),
        transform: { try NumberArgument.read($0, "a number from -100 to 100, such as -10 to run earlier") })
    var priority: Int?

    @Option(help: ArgumentHelp("The queue that they wait in from now on.", valueName: "queue"), completion: .queues)
    var toQueue: String?

    @Option(help: ArgumentHelp("The unique key that the job has from now on.", valueName: "key"))
    var unique: String?

    @Option(
        name: .customLong("in"), parsing: .unconditional, help: ArgumentHelp("Not before this long from now.", valueName: "duration"),
        transform: DurationArgument.read)
    var delay: Duration?

    @Option(help: ArgumentHelp("Not before this time; one in the past is at once.", valueName: "time"))
    var at: String?

    @Flag(name: .customLong("json"), help: "Print one JSON object per job.")
    var json = false

    func validate() throws {
        if delay != nil, at != nil { throw ValidationError("Give either --in or --at, not both.") }
        if payload == nil, change.set.isEmpty, priority == nil, toQueue == nil, unique == nil, delay == nil, at == nil {
            throw ValidationError("What shall change? Give --payload, --set, --priority, --to-queue, --unique, --in or --at.")
        }
        if payload == "-", bulk.ids.contains("-") { throw ValidationError("Standard input holds either the IDs or the payload, not both.") }
    }

    func run() async throws {
        let session = Session.current
        let edit = try edit(session)
        let security = try SecurityPlan(try config.load(in: session), in: session)
        try await store.withStore { store in
            let store = security.applied(to: store)
            let jobs = try await bulk.targets("edit", in: store, states: [.available, .scheduled, .retryable, .waiting], session: session)
            if bulk.dryRun { return try bulk.list(jobs, session) }
            var report = BulkReport(isJSON: json, output: session.output)
            for slice in jobs.slices(of: change.set.isEmpty ? 500 : 1) {
                var edit = edit
                if !change.set.isEmpty, let detail = try await store.inspection.job(slice[0]) {
                    edit = try change.applied(to: edit, of: detail)
                }
                for (job, result) in zip(slice, try await store.control.edit(slice, edit)) { try report.add(job, result, done: "edited") }
            }
            try report.conclude("edited")
        }
    }

    private func edit(_ session: Session) throws -> JobEdit {
        var edit = JobEdit()
        edit.payload = try payload.map { try PayloadText.read($0, session) }
        edit.priority = priority
        edit.queue = toQueue
        edit.uniqueKey = unique
        let now = session.clock.now()
        if let delay { edit.runAt = now + delay }
        if let at { edit.runAt = max(now, try TimeReading(now: now).future(at, option: "--at")) }
        if let problem = JobRules.problem(with: edit) { throw Failure(.usage, problem) }
        return edit
    }
}
