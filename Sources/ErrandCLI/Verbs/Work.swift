// `errand work`: the worker, in the foreground or under a service manager.

import ArgumentParser
import Errand
import ErrandContext
import ErrandHandlers
import Glibc
import Logging
import Synchronization
import Tracing

struct Work: AsyncParsableCommand {
    // Computed, since the name is that of the program that runs.
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            abstract: "Run jobs, until it is stopped or there is nothing left to do.",
            discussion: """
                SIGINT and SIGTERM drain: nothing new starts, what runs has --grace to end, then it is cancelled and its attempt refunded. \
                A second signal stops hard. SIGUSR1 lists in its log what is in flight. Under systemd it tells READY, STOPPING and WATCHDOG.

                What jobs log and print goes to their own logs (`\(Session.program) logs`), the worker's own log to standard error. \
                A Swift handler that crashes ends the worker, unless it has a process of its own; its job is marked as the culprit, all \
                others run again at no cost. With --supervise the worker is started again: at once, and after each further end that \
                comes soon after a random wait of up to 1s, doubling to 30s, for as long as it takes. It is given up when it was never ready \
                in five starts, and not started again after exit codes 0, 2 and 74 or once it was told to stop; the exit code is the \
                worker's last.

                Of errand.yaml the worker reads all but what `kinds` says about new jobs and max_attempts, which are read by \
                `\(Session.program) enqueue` and fixed in the job: jobs that were enqueued where that file is not have 5 attempts. Limits over all workers that \
                the file names are set in the store when the worker starts, and can be changed later (`\(Session.program) queues set`).

                \(otlpHelp)Exit codes: 0 after a drain, or with nothing left to do, whatever the jobs' outcomes; 2 bad usage or configuration, \
                4 store unavailable, or left by itself because its disk is full, 74 it left although outcomes could not be written (those jobs run again), 130 and 143 a second \
                signal stopped it.
                """,
            aliases: ["worker"])
    }

    #if Web
    private static let otlpHelp = """
        Traces go to an OpenTelemetry collector over OTLP/HTTP where --otlp, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or \
        OTEL_EXPORTER_OTLP_ENDPOINT names one, in this order; OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, \
        OTEL_EXPORTER_OTLP_HEADERS and OTEL_TRACES_SAMPLER are read as well.


        """
    #else
    private static let otlpHelp = ""
    #endif

    @OptionGroup var store: StoreOptions
    @OptionGroup var options: WorkOptions
    @OptionGroup var durability: DurabilityOptions
    @OptionGroup var reserve: ReserveOptions
    @OptionGroup var config: ConfigurationOptions
    @OptionGroup var reports: ReportOptions

    @Option(help: ArgumentHelp("text or json lines on standard error.", valueName: "format"))
    var logFormat: ProcessLogFormat = .text

    @Option(
        help: ArgumentHelp("The lowest level that is logged and kept: trace, debug, info and so on.", valueName: "level"),
        transform: LevelArgument.read)
    var logLevel: LevelArgument?

    #if Web
    @Option(
        help: ArgumentHelp(
            "Send traces to this OpenTelemetry collector, such as http://127.0.0.1:4318; /v1/traces is added.", valueName: "url"))
    var otlp: String?
    #endif

    @Flag(help: "Run nothing: say everything that is wrong with errand.yaml, flags and variables (exit code 2), or that nothing is.")
    var check = false

    @Flag(
        help: """
            Run the worker in a child process, and start it again when it has crashed or hangs: at once, then after up to 30s. \
            Under systemd leave it out.
            """)
    var supervise = false

    /// Reads what traces are sent by, and sends none.
    /// - Throws: ``Failure`` with status 2 for settings that cannot be used.
    func checkTracing(in session: Session) throws {
        #if Web
        _ = try TraceExport.settings(flag: otlp, in: session)
        #endif
    }

    /// Makes the process's own log look as it was asked for.
    func applyLogSettings() {
        ProcessLogHandler.settings.withLock { settings in
            settings.format = logFormat
            if let logLevel { settings.level = logLevel.level }
        }
    }

    func run() async throws {
        let session = Session.current
        if check {
            for line in try WorkCheck(work: self, session: session).report() { try session.output.line(TerminalText.escaped(line)) }
            return
        }
        do {
            try CrashCapture.install()
        } catch {
            // The jobs can run all the same.
            Logger(label: "errand.worker").warning("\(error): a crash will interrupt all jobs and convict none")
        }
        guard !supervise else {
            throw Failure(.usage, "\(Supervisor.flag) is for a program that is started by itself, not for one inside another")
        }
        applyLogSettings()
        if let logLevel { LogCapture.level = logLevel.level }
        let directory = try store.resolved(in: session)
        let file = try config.load(in: session)
        let security = try SecurityPlan(file, in: session)
        ProcessLogHandler.settings.withLock { $0.redaction = security.redaction }
        let plan = try WorkPlan(session: session, directory: directory, file: file, security: security, options: options)
        let reporters = try reports.reporters(in: session, logger: plan.configuration.logger)
        #if Web
        let export = try TraceExport.start(flag: otlp, in: session)
        if let export { plan.configuration.logger.notice("traces are sent", metadata: ["endpoint": "\(export.endpoint)"]) }
        do {
            try await work(plan, file, security, directory, reporters, tracer: export?.tracer, session)
        } catch {
            await export?.finish()
            throw error
        }
        await export?.finish()
        #else
        try await work(plan, file, security, directory, reporters, tracer: nil, session)
        #endif
    }

    private func work(
        _ plan: WorkPlan, _ file: ErrandConfiguration?, _ security: SecurityPlan, _ directory: String, _ reporters: [any ErrorReporter],
        tracer: (any Tracer)?, _ session: Session
    ) async throws {
        let durability = try durability.resolved(in: session) ?? .full
        try await store.withStore(creating: true, lockWait: nil, durability: durability, reserve: try reserve.resolved(in: session)) {
            store in
            for setting in file?.settings ?? [] { try await store.queues.change(setting.scope, setting.changes) }
            try await setPeriodic(file, security, in: store, plan.configuration.logger, session)
            let notifier = ServiceNotifier(environment: session.environment)
            var configuration = plan.configuration
            // Not before: who has no place in the store's register runs nothing.
            configuration.onJoin = { notifier?.send("READY=1\nSTATUS=working") }
            let worker = Worker(
                queue: JobQueue(store: security.applied(to: store), clock: session.clock, tracer: tracer), handlers: plan.handlers,
                configuration: configuration, reporters: reporters, hooks: session.hooks,
                middleware: session.middleware)
            plan.announce(store: directory)
            try await serve(worker, stopsWithin: configuration.longestStop, notifier, session)
            if plan.endsByItself { await tellWhatIsLeft(of: plan, in: store) }
        }
    }

    /// Sets the periodic jobs of the file, removes those that it has named before, and says in the log what has changed.
    private func setPeriodic(
        _ file: ErrandConfiguration?, _ security: SecurityPlan, in bare: Store, _ logger: Logger, _ session: Session
    ) async throws {
        guard let file else { return }
        let store = security.applied(to: bare)
        let source = file.file
        let jobs: [PeriodicJob]
        do throws(ConfigurationError) {
            jobs = try file.periodicJobs()
        } catch {
            throw Failure(.usage, error.description)
        }
        let known = try await store.periodic.periodicJobs()
        guard !jobs.isEmpty || known.contains(where: { $0.source == source }) else { return }
        if let problem = security.periodicPayloadProblem(among: known) { throw Failure(.usage, problem) }
        if !jobs.isEmpty, let problem = try await security.clearPayloadProblem(in: bare) { throw Failure(.usage, problem) }
        let results: [PeriodicSetResult]
        do throws(EnqueueError) {
            results = try await JobQueue(store: store, clock: session.clock).setPeriodic(jobs, from: source)
        } catch {
            if case .store(let error) = error { throw error }
            throw Failure(.usage, error.description)
        }
        for (job, result) in zip(jobs, results) where result != .unchanged {
            let before = known.first { $0.periodic.name == job.name }
            if let before, before.source != source {
                logger.warning(
                    "a periodic job of another origin was replaced",
                    metadata: ["periodic": "\(job.name)", "was_from": "\(before.source ?? "the command line or a program")"])
            } else {
                logger.notice("a periodic job was set", metadata: ["periodic": "\(job.name)", "is_new": "\(result == .added)"])
            }
        }
        for entry in known where entry.source == source && !jobs.contains(where: { $0.name == entry.periodic.name }) {
            logger.notice("a periodic job was removed, since its file names it no more", metadata: ["periodic": "\(entry.periodic.name)"])
        }
    }

    private func tellWhatIsLeft(of plan: WorkPlan, in store: Store) async {
        do {
            let queues = Set(plan.configuration.queues.map(\.name))
            try await LeftWaiting(in: store.inspection, queues: queues, kinds: Set(plan.handlers.map(\.kind))).tell(
                plan.configuration.logger)
        } catch {
            // The work itself is done and on record: this was a courtesy.
            plan.configuration.logger.warning("cannot tell what is left waiting", metadata: ["error": "\(error)"])
        }
    }

    /// The process that supervises this one, if one does.
    private func supervisor(of session: Session) -> pid_t? {
        session.environment[WorkerProcess.supervisorVariable].flatMap { pid_t($0) }.flatMap { $0 == getppid() ? $0 : nil }
    }

    private func serve(_ worker: Worker, stopsWithin longestStop: Duration, _ notifier: ServiceNotifier?, _ session: Session) async throws {
        let stops = Mutex<Int32?>(nil)
        try SignalThread.start([SIGINT, SIGTERM], following: supervisor(of: session), onQuestion: worker.tellRunning) { number, count in
            switch count {
            case 1:
                notifier?.send("STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=\(longestStop.wholeMicroseconds)")
                worker.drain()
            case 2:
                // Cancelling ends the children of commands; the process leaves as soon as they have, and after a second in any case.
                stops.withLock { $0 = number }
                worker.cancel()
                _ = session.clock.schedule(at: session.clock.uptime() + .seconds(1)) { _exit(128 + number) }
            default: _exit(128 + number)
            }
        }
        let watchdog = notifier.flatMap { WatchdogTimer(notifier: $0, clock: session.clock, probe: worker.probe) }
        defer { watchdog?.stop() }
        let end: Worker.End
        do {
            end = try await worker.runToEnd()
        } catch let failure as Worker.Failure {
            if case .logCaptureMissing = failure { throw Failure(.failed, failure.description) }
            throw Failure(.usage, failure.description)
        }
        if let number = stops.withLock({ $0 }) { throw Failure(code: 128 + number) }
        if case .outOfRoom(let reason) = end { throw Failure(.unavailable, Worker.Failure.outOfRoom(reason: reason).description) }
        // At once: closing the store would wait for the very lock or disk that did not answer.
        if end == .storeSilent { _exit(ExitStatus.ok.rawValue) }
        if let failure = Worker.Failure(end) {
            // At once as well.
            try session.talk.line("\(Session.program): \(session.inOwnName(failure.description))")
            try session.talk.flush()
            let isUnwritten = if case .outcomesUnwritten = end { true } else { false }
            _exit((isUnwritten ? ExitStatus.outcomesUnwritten : .unavailable).rawValue)
        }
    }
}
