// A user's own binary with every verb, from one property.

import CErrand
public import Errand
import ErrandContext
import ErrandHandlers
import Glibc
import Logging

/// Gives a program every verb of `errand`, with handlers of its own.
///
/// ```swift
/// @main struct App: ErrandApp {
///     var handlers: [Handler] {
///         Handler(Greet.self) { job, context in context.logger.info("hello, \(job.name)") }
///     }
/// }
/// ```
/// `App work` runs them, `App enqueue`, `App jobs`, `App logs` and the others look after their jobs; commands (`App enqueue -- …`) run
/// as well. Do the program's own set-up in `init()`.
///
/// A handler with `isolation: .process` runs in a child process of the same program, one for each execution: `init()` runs there as well.
public protocol ErrandApp {
    /// Runs before anything else; read configuration and open connections here.
    init() async throws
    /// What `work` can run.
    @HandlerBuilder var handlers: [Handler] { get }
    /// Called at the turns of every execution; none by default.
    var hooks: [ExecutionHook] { get }
    /// Stands around every handler, the first outermost; none by default.
    var middleware: [ExecutionMiddleware] { get }
    /// Told about failed executions; by default one that writes to the worker's own log. Where `work` has a Sentry DSN, that server is
    /// told as well.
    var reporters: [any ErrorReporter]? { get }
    /// Changes how `work` runs, before errand.yaml and the command line do; nothing by default.
    func configure(_ worker: inout Worker.Configuration)
}

extension ErrandApp {
    /// None.
    public var hooks: [ExecutionHook] { [] }
    /// None.
    public var middleware: [ExecutionMiddleware] { [] }
    /// The one that writes to the worker's own log.
    public var reporters: [any ErrorReporter]? { nil }
    /// Changes nothing.
    public func configure(_ worker: inout Worker.Configuration) {}
}

extension ErrandApp {
    /// Sets up logging and signals, runs the command line, and ends the process with its exit code.
    @concurrent public static func main() async {
        let program = Session.program(startedAs: errand_argument(0).map { String(cString: $0) })
        let arguments: [String]
        do {
            arguments = try InputReading.arguments()
        } catch {
            _ = writeFully(Array("\(program): \(TerminalText.escaped("\(error)"))\n".utf8), to: STDERR_FILENO)
            exit(ExitStatus.usage.rawValue)
        }
        let isolated: IsolatedChild?
        do {
            isolated = IsolatedChild.isMeant(by: arguments) ? try IsolatedChild() : nil
        } catch {
            _ = writeFully(Array("\(program): \(error)\n".utf8), to: STDERR_FILENO)
            exit(ExitStatus.usage.rawValue)
        }
        if isolated == nil, let code = CommandLineTool.supervise(arguments, program: program) { exit(code) }
        // Loggers take their level when they are made, and a program's own may be made before its arguments are parsed.
        if let level = isolated?.level ?? LevelArgument.early(in: arguments) { LogCapture.level = level }
        LoggingSystem.bootstrap {
            ExecutionLogHandler(label: $0, logLevel: LogCapture.level, outside: ProcessLogHandler(label: $0))
        }
        OutputCapture.install()
        let code = errand_outlive_sigpipe()
        precondition(code == 0, "cannot handle SIGPIPE: \(String(cString: strerror(-code)))")
        let app: Self
        do {
            app = try await Self()
        } catch {
            isolated?.fail(error)
            _ = writeFully(Array("\(program): the program could not start: \(error)\n".utf8), to: STDERR_FILENO)
            exit(ExitStatus.failed.rawValue)
        }
        if let isolated { await isolated.run(app.handlers) }
        var session = Session.process()
        session.program = program
        session.canIsolate = true
        session.handlers = app.handlers
        session.hooks = app.hooks
        session.middleware = app.middleware
        session.reporters = app.reporters
        var configuration = Worker.Configuration()
        app.configure(&configuration)
        session.worker = configuration
        exit(await CommandLineTool.run(arguments, session: session))
    }
}

/// Lets an app write its handlers below each other, without an array's brackets and commas.
@resultBuilder public enum HandlerBuilder {
    /// One handler.
    public static func buildExpression(_ handler: Handler) -> [Handler] { [handler] }
    /// Several handlers that were put together elsewhere.
    public static func buildExpression(_ handlers: [Handler]) -> [Handler] { handlers }
    /// One after another.
    public static func buildBlock(_ parts: [Handler]...) -> [Handler] { parts.flatMap { $0 } }
    /// Only where a condition holds.
    public static func buildOptional(_ part: [Handler]?) -> [Handler] { part ?? [] }
    /// One branch of a condition.
    public static func buildEither(first part: [Handler]) -> [Handler] { part }
    /// The other branch of a condition.
    public static func buildEither(second part: [Handler]) -> [Handler] { part }
    /// One for each element of a loop.
    public static func buildArray(_ parts: [[Handler]]) -> [Handler] { parts.flatMap { $0 } }
}
