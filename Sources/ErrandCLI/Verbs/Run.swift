// `errand run`: one job right here, for a debugger or to try a handler; nothing is left behind.

import ArgumentParser
import Errand
import ErrandContext
import ErrandHandlers
import FoundationEssentials
import Glibc
import Synchronization

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run one job in this process, without a store of yours: to try a handler, or under a debugger.",
        discussion: """
            The job has one attempt and no neighbours; its log goes to standard error as it is written, its result to standard output. \
            It runs in its own execution, with the environment that a worker gives it, on a store in a temporary directory that is \
            deleted afterwards.

            Exit codes: 0 completed, 1 failed or cancelled, 2 bad usage, or nothing here handles the kind.
            """)

    @OptionGroup var config: ConfigurationOptions
    @OptionGroup var sharing: SharingOptions

    @Option(
        parsing: .unconditional, help: ArgumentHelp("How long it may take; as long as it wants by default.", valueName: "duration"),
        transform: DurationArgument.readPositive)
    var timeout: Duration?

    @Option(
        help: ArgumentHelp("A value of your own, stamped on all that the job logs; may be repeated.", valueName: "name=value"),
        transform: NameValue.read)
    var meta: [NameValue] = []

    @Argument(help: ArgumentHelp("What handles the job.", valueName: "kind"), completion: .kinds)
    var kind: String?

    @Argument(help: ArgumentHelp("Its input: JSON, @file, or - for standard input; {} when it is left out.", valueName: "payload"))
    var payload: String?

    @Argument(parsing: .postTerminator, help: ArgumentHelp("A command and its arguments, after --.", valueName: "command"))
    var command: [String] = []

    func validate() throws {
        if kind == nil, command.isEmpty { throw ValidationError("What shall run? Give a kind, or a command after --.") }
        if kind != nil, !command.isEmpty { throw ValidationError("Give either a kind or a command after --, not both.") }
    }

    func run() async throws {
        let session = Session.current
        var job =
            try kind.map { NewJob(kind: $0, payload: try PayloadText.read(payload ?? "{}", session)) }
            ?? PlainCommand(argv: command, session: session, extra: []).job()
        let kind = job.kind
        (job.maxAttempts, job.timeout) = (1, timeout)
        for pair in meta { job.meta[pair.name] = pair.value }
        sharing.apply(to: &job)
        if let problem = JobRules.problem(with: job) { throw Failure(.usage, problem) }
        let file = try config.load(in: session)
        let security = try SecurityPlan(file, in: session)
        // The job's log is what was asked for, not the worker's.
        ProcessLogHandler.settings.withLock { $0.level = .warning }
        let directory = try Run.temporaryDirectory(session)
        defer { Run.remove(directory) }
        let plan = try WorkPlan(session: session, directory: directory, file: file, security: security, options: WorkOptions.parse([]))
        guard plan.handlers.contains(where: { $0.kind == kind }) else {
            let known = plan.handlers.map(\.kind).sorted().joined(separator: ", ")
            throw Failure(.usage, "nothing here handles the kind \"\(kind)\": it would be one of \(known)")
        }
        try await run(job, plan, security, directory, session)
    }

    private func run(_ job: NewJob, _ plan: WorkPlan, _ security: SecurityPlan, _ directory: String, _ session: Session) async throws {
        let opened = try await session.openStore(StoreRequest(directory: directory, createIfMissing: true, lockWait: .seconds(5)))
        do {
            let queue = JobQueue(store: security.applied(to: opened.store), clock: session.clock)
            let id = try await queue.enqueue([job])[0].id
            var configuration = plan.configuration
            (configuration.until, configuration.concurrency, configuration.retention) = (.once, 1, nil)
            (configuration.queues, configuration.spareSlots) = ([(job.queue, nil)], nil)
            let shown = security.shown(opened.store)
            let attention = Attention(to: [.log, .outcome], on: shown.doorbell, clock: session.clock)
            defer { attention.stop() }
            let hasLeft = Mutex(false)
            async let log: Void = follow(id, in: shown, attention, session) { hasLeft.withLock { $0 } }
            let worker = Worker(
                queue: queue, handlers: plan.handlers, configuration: configuration, reporters: [], hooks: session.hooks,
                middleware: session.middleware)
            let signal = try Run.endOnSignals(worker, directory)
            defer {
                hasLeft.withLock { $0 = true }
                attention.wake()
            }
            try await worker.run()
            hasLeft.withLock { $0 = true }
            attention.wake()
            try await log
            if let number = signal() { throw Failure(code: 128 + number) }
            try await conclude(id, in: shown, session)
            await opened.close()
        } catch {
            await opened.close()
            throw error
        }
    }

    /// SIGINT, SIGTERM and SIGHUP end the job, and what it has started; a second one ends this process at once. Gives the signal that came.
    private static func endOnSignals(_ worker: Worker, _ directory: String) throws -> @Sendable () -> Int32? {
        let came = Came()
        try SignalThread.start([SIGINT, SIGTERM, SIGHUP], onQuestion: worker.tellRunning) { number, count in
            came.number.withLock { $0 = number }
            guard count == 1 else {
                remove(directory)
                _exit(128 + number)
            }
            worker.cancel()
        }
        return { came.number.withLock { $0 } }
    }

    /// The signal that came.
    private final class Came: Sendable {
        let number = Mutex<Int32?>(nil)
    }

    /// Prints the log on standard error until the job has ended, or its worker has left, with or without an end of the job.
    private func follow(
        _ id: JobID, in store: Store, _ attention: Attention, _ session: Session, hasLeft: @Sendable () -> Bool
    ) async throws {
        let style = TextStyle(on: session.talk, in: session)
        var cursor = JobLogCursor(logs: store.logs, job: id, ordinal: nil)
        while true {
            // The state is read before the lines: lines are committed before the outcome, so what has ended is then complete.
            var hasEnded = hasLeft()
            if try await store.inspection.states(of: [id])[0]?.isFinal ?? true { hasEnded = true }
            try await cursor.readOn { chunk in
                for record in LogFraming.records(in: chunk) {
                    for line in LogText(style: style).lines(record, in: chunk) { try session.talk.line(line) }
                }
            }
            try session.talk.flush()
            if hasEnded || Task.isCancelled { return }
            await attention.wait()
        }
    }

    private func conclude(_ id: JobID, in store: Store, _ session: Session) async throws {
        guard let job = try await store.inspection.job(id) else { throw Failure(.failed, "the job is gone") }
        guard job.summary.state.isFinal else { throw Failure(.failed, "the job has not ended: it would run again") }
        guard job.summary.state == .completed else {
            let error = job.error.map { "\($0.type): \($0.message)" } ?? job.summary.reason ?? job.summary.state.rawValue
            throw Failure(.failed, session.inOwnName(error))
        }
        if let result = job.result {
            try session.output.object(JobJSON.onOneLine(result))
            try session.output.flush()
        }
    }

    private static func temporaryDirectory(_ session: Session) throws -> String {
        var template = Array("\(session.environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp")/errand-run-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Failure(.unavailable, "no temporary directory can be made: \(String(cString: strerror(errno)))")
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func remove(_ directory: String) {
        do {
            try FileManager.default.removeItem(atPath: directory)
        } catch {
            // Whoever cleans the temporary directory finds it.
        }
    }
}
