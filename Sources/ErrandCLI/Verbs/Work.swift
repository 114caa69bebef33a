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
                A second signal stops hard. Under systemd it tells READY, STOPPING and WATCHDOG.

                What jobs log and print goes to their own logs (`\(Session.program) logs`), the worker's own log to standard error. \
                A Swift handler that crashes ends the worker; its job is marked as the culprit, all others run again at no cost.

                Of errand.yaml the worker reads queues, and run, timeout, cwd and env of every kind. max_attempts is read by `\(Session.program) enqueue`, \
                which fixes it in the job: jobs that were enqueued where that file is not have 5 attempts.

                \(otlpHelp)Exit codes: 0 after a drain, or with nothing left to do, whatever the jobs' outcomes; 2 bad usage or configuration, \
                4 store unavailable, 74 it left although outcomes could not be written (those jobs run again), 130 and 143 a second \
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

    func run() async throws {
        let session = Session.current
        do {
            try CrashCapture.install()
        } catch {
            // The jobs can run all the same.
            Logger(label: "errand.worker").warning("\(error): a crash will interrupt all jobs and convict none")
        }
        ProcessLogHandler.settings.withLock { settings in
            settings.format = logFormat
            if let logLevel { settings.level = logLevel.level }
        }
        if let logLevel { LogCapture.level = logLevel.level }
        let directory = try store.resolved(in: session)
        let plan = try WorkPlan(session: session, directory: directory, file: try config.load(in: session), options: options)
        let reporters = try reports.reporters(in: session, logger: plan.configuration.logger)
        #if Web
        let export = try TraceExport.start(flag: otlp, in: session)
        if let export { plan.configuration.logger.notice("traces are sent", metadata: ["endpoint": "\(export.endpoint)"]) }
        do {
            try await work(plan, directory, reporters, tracer: export?.tracer, session)
        } catch {
            await export?.finish()
            throw error
        }
        await export?.finish()
        #else
        try await work(plan, directory, reporters, tracer: nil, session)
        #endif
    }

    private func work(
        _ plan: WorkPlan, _ directory: String, _ reporters: [any ErrorReporter], tracer: (any Tracer)?, _ session: Session
    ) async throws {
        try await store.withStore(creating: true, lockWait: nil) { store in
            let worker = Worker(
                queue: JobQueue(store: store, clock: session.clock, tracer: tracer), handlers: plan.handlers,
                configuration: plan.configuration, reporters: reporters, hooks: session.hooks)
            plan.announce(store: directory)
            try await serve(worker, session)
            if plan.endsByItself { await tellWhatIsLeft(of: plan, in: store) }
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

    private func serve(_ worker: Worker, _ session: Session) async throws {
        let notifier = ServiceNotifier(environment: session.environment)
        let stops = Mutex<Int32?>(nil)
        try SignalThread.start([SIGINT, SIGTERM]) { number, count in
            switch count {
            case 1:
                notifier?.send("STOPPING=1\nSTATUS=draining")
                worker.drain()
            case 2:
                // Cancelling ends the children of commands; the process leaves as soon as they have, and after a second in any case.
                stops.withLock { $0 = number }
                worker.cancel()
                _ = session.clock.schedule(at: session.clock.uptime() + .seconds(1)) { _exit(128 + number) }
            default: _exit(128 + number)
            }
        }
        let watchdog = notifier.flatMap { WatchdogTimer(notifier: $0, clock: session.clock) }
        notifier?.send("READY=1\nSTATUS=working")
        defer { watchdog?.stop() }
        let end: Worker.End
        do {
            end = try await worker.runToEnd()
        } catch let failure as Worker.Failure {
            if case .logCaptureMissing = failure { throw Failure(.failed, failure.description) }
            throw Failure(.usage, failure.description)
        }
        if let number = stops.withLock({ $0 }) { throw Failure(code: 128 + number) }
        if let failure = Worker.Failure(end) {
            // At once: closing the store would wait for the very lock or disk that did not take them.
            try session.talk.line("\(Session.program): \(session.inOwnName(failure.description))")
            try session.talk.flush()
            let isUnwritten = if case .outcomesUnwritten = end { true } else { false }
            _exit((isUnwritten ? ExitStatus.outcomesUnwritten : .unavailable).rawValue)
        }
    }
}
