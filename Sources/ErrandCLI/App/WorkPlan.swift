// What a worker will run and how: the app's own handlers, commands, and those of errand.yaml; flags over file over defaults.

import Errand
import ErrandHandlers
import ErrandSQLite

/// Everything that `work` decides before it opens the store.
struct WorkPlan {
    /// The handlers, one for each kind.
    let handlers: [Handler]
    /// The worker's settings.
    let configuration: Worker.Configuration

    /// Puts handlers and settings together. `directory` is the store's, for the environment of commands.
    /// - Throws: ``Failure`` with status 2 for a configuration that cannot work.
    init(session: Session, directory: String, file: ErrandConfiguration?, security: SecurityPlan? = nil, options: WorkOptions) throws {
        var commands = CommandOptions()
        commands.store = directory.hasPrefix("/") ? directory : "\(session.directory)/\(directory)"
        if let file { commands.limits = file.limits }
        var configuration = session.worker
        configuration.requiresLogCapture = true
        let endOwn = configuration.endOrphans
        configuration.endOrphans = { executions in
            // On a thread of its own: the sweep reads all of /proc, and the worker's thread has leases to renew.
            await withCheckedContinuation { continuation in
                let sweep = { @Sendable in
                    OrphanSweep.end(executions)
                    continuation.resume()
                }
                // Where no thread is to be had, late leases are better than orphans.
                if let thread = OwnThread.startIfPossible(name: "errand-orphans", sweep) { thread.detach() } else { sweep() }
            }
            await endOwn(executions)
        }
        var handlers = session.handlers
        if session.canIsolate {
            let isolation = IsolatedRunner(options: commands, environment: session.environment)
            handlers = handlers.map { $0.isolation == .process ? isolation.wrap($0) : $0 }
        }
        if !handlers.contains(where: { $0.kind == CommandPayload.kind }) { handlers.append(commandHandler(commands)) }
        if let file {
            let problems = WorkPlan.problems(with: file, commands, session)
            guard problems.isEmpty else { throw Failure(.usage, problems.joined(separator: "\n")) }
            handlers += file.commandHandlers(commands)
        }
        configuration = try WorkPlan.configuration(configuration, file, options)
        if let retention = file?.retention { configuration.retention = retention }
        if let redaction = security?.redaction { configuration.redaction = redaction }
        // Before the store is opened: who will not run changes nothing there.
        let contradictions = configuration.problems + Worker.problems(with: handlers)
        guard contradictions.isEmpty else { throw Failure(.usage, contradictions.joined(separator: "\n")) }
        self.handlers = handlers
        self.configuration = configuration
    }

    /// `base` with what the file and the command line say of how the worker runs.
    /// - Throws: ``Failure``, `ValidationError`.
    static func configuration(
        _ base: Worker.Configuration, _ file: ErrandConfiguration?, _ options: WorkOptions
    ) throws -> Worker.Configuration {
        var configuration = base
        if let file, !file.queues.isEmpty { configuration.queues = file.workedQueues }
        file?.worker.apply(to: &configuration)
        try options.apply(to: &configuration)
        return configuration
    }

    /// What of `file` cannot work in this place: programs that are not here, kinds that the program handles itself.
    static func problems(with file: ErrandConfiguration, _ commands: CommandOptions, _ session: Session) -> [String] {
        let own = Set(session.handlers.map(\.kind))
        return file.check(commands).map(\.description)
            + file.handlers.keys.sorted().filter(own.contains).map {
                "\(file.file) handles the kind \"\($0)\", and so does this program: keep one of the two"
            }
    }

    /// Whether the worker leaves when there is nothing to do, instead of when it is told.
    var endsByItself: Bool { if case .stopped = configuration.until { false } else { true } }

    /// Says in the worker's own log what is about to run.
    func announce(store directory: String) {
        let queues = configuration.queues.map { queue in queue.concurrency.map { "\(queue.name):\($0)" } ?? queue.name }
        configuration.logger.notice(
            "worker starts",
            metadata: [
                "concurrency": "\(configuration.concurrency)", "kinds": "\(handlers.map(\.kind).sorted().joined(separator: ","))",
                "queues": "\(queues.joined(separator: ","))", "sqlite": "\(SQLiteLibrary.remark)", "store": "\(directory)",
                "version": "\(ErrandVersion.current)",
            ])
    }
}
