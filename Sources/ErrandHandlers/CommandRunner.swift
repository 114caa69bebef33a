// Runs one command as one execution: start, carry its output, wait or end it, and say what its end means.

import CErrand
import Errand
import Glibc
import Logging

/// A program to run, with everything that is the command's own.
struct Command: Sendable, Hashable {
    /// The program and its arguments.
    var argv: [String]
    /// Where it runs; `nil` is the worker's directory.
    var directory: String?
    /// Variables of its own.
    var environment: [String: String]
    /// What it finds on its standard input; `nil` is nothing.
    var input: [UInt8]?
    /// Where variables of its own come from.
    var origin = Origin.job
    /// What it may use; where it does not say, the worker's limits for all commands hold.
    var limits = CommandLimits()

    /// Who described a command.
    enum Origin: Sendable, Hashable {
        /// The job's payload.
        case job
        /// A kind in errand.yaml.
        case configuration
    }

    /// Whose PATH is searched for its program, for messages: its own if it has one, otherwise the worker's.
    var pathOwner: String {
        guard environment["PATH"] != nil else { return "the worker's PATH" }
        return origin == .job ? "the job's PATH, taken when it was enqueued" : "the PATH that errand.yaml gives its kind"
    }
}

/// Runs commands.
///
/// The package runs them itself instead of through swift-subprocess 1.0.2: that one's reads and its teardown timers run on Swift's
/// shared pool, where a blocked handler would stop every command's output and keep cancelled ones alive, and it started 145 commands
/// a second where this room starts 1,400 (`true`, 64 at once, same busy machine). Here two threads do all but the start.
struct CommandRunner: Sendable {
    /// How.
    var options: CommandOptions

    /// A runner with its threads.
    init(options: CommandOptions) {
        self.options = options
        EventLoop.prepare()
    }

    /// Runs `command` to its end and returns the JSON that it wrote to its result descriptor, if any.
    /// - Throws: `StoredError` for a command that cannot be started or fails; `Snooze` for status 75, and when the worker has no files,
    ///   processes or memory left to start it; `CancellationError` when the task was cancelled, after the whole tree has ended.
    func run(_ command: Command, for context: ExecutionContext) async throws -> [UInt8]? {
        try Task.checkCancellation()
        let limits = command.limits.filled(from: options.limits)
        let after = try await context.prerequisiteLedger?.prerequisites() ?? []
        let child = try start(command, limits, after: after, for: context)
        let attendance = Attendance(to: child, outputLimit: limits.outputBytes, for: context, options)
        let end = await withTaskExecutorPreference(EventLoop.endings) { await attendance.run() }
        if end.wasCancelled { throw CancellationError() }
        if let error = try error(for: end, under: limits) { throw error }
        return try result(of: child)
    }

    // MARK: Start

    private func start(
        _ command: Command, _ limits: CommandLimits, after: [KnownPrerequisite], for context: ExecutionContext
    ) throws -> ChildProcess {
        var environment = CommandEnvironment.make(
            for: context, own: command.environment, worker: options.workerEnvironment, store: options.store)
        environment["ERRAND_AFTER"] =
            after.isEmpty ? nil : after.compactMap { $0.job?.description ?? $0.workflow?.description }.joined(separator: " ")
        let program = command.argv[0]
        if let directory = command.directory, !ProgramPath.isDirectory(directory) {
            throw StoredError(type: "DirectoryNotFound", message: "the command's directory does not exist on this worker: \(directory)")
        }
        let path: String
        do throws(ProgramPath.Problem) {
            path = try ProgramPath.resolve(program, path: environment["PATH"], directory: command.directory)
        } catch {
            throw CommandRunner.error(for: error, command, path: environment["PATH"])
        }
        do throws(SystemError) {
            return try ChildProcess.start(
                path, arguments: command.argv, environment: environment, directory: command.directory, input: command.input,
                limits: limits)
        } catch {
            switch error.code {
            case ENOENT:
                throw StoredError(type: "CommandNotFound", message: "the interpreter that \(path) names does not exist", code: 127)
            case EACCES, ENOEXEC, EPERM:
                throw StoredError(type: "CommandNotExecutable", message: "\(path) cannot be executed: \(error)", code: 126)
            case EMFILE, ENFILE, EAGAIN, ENOMEM:
                // The worker's trouble, not the job's: it must not cost an attempt.
                remark(
                    "\(path) could not be started just now: \(error); it is tried again in \(DurationText.format(options.shortageDelay))",
                    context)
                throw Snooze(for: options.shortageDelay, hinderedBy: "\(path) could not be started: \(error)")
            default: throw StoredError(type: "CommandNotStarted", message: "\(path) could not be started: \(error)")
            }
        }
    }

    /// The same texts for the attempt that fails and for the configuration that is refused.
    static func error(for problem: ProgramPath.Problem, _ command: Command, path: String?) -> StoredError {
        let program = command.argv[0]
        return switch problem {
        case .notExecutable(let file):
            StoredError(type: "CommandNotExecutable", message: "\(file) is not an executable file", code: 126)
        case .notFound where program.contains("/"):
            StoredError(type: "CommandNotFound", message: "\(program) does not exist", code: 127)
        case .notFound:
            StoredError(
                type: "CommandNotFound", message: "\(program) is not on \(command.pathOwner) (\(path ?? ProgramPath.fallback))", code: 127)
        }
    }

    private func remark(_ text: String, _ context: ExecutionContext) {
        context.log.remark(text, level: .warning, at: context.now())
    }

    // MARK: Meaning

    /// What the end means: `nil` for success. Throws a snooze.
    private func error(for end: Attendance.End, under limits: CommandLimits) throws(Snooze) -> StoredError? {
        if let met = MetLimit(end.child, under: limits, outputWasExceeded: end.hasPrintedTooMuch) { return met.error }
        func message(_ text: String) -> String { self.message(text, end) + (limits.hint.map { " (\($0))" } ?? "") }
        switch end.child.status {
        case .exited(0): return nil
        case .exited(75): throw Snooze(for: options.snoozeDelay)
        case .exited(let status):
            let type = status == 127 ? "CommandNotFound" : status == 126 ? "CommandNotExecutable" : "CommandFailed"
            return StoredError(type: type, message: message("exit status \(status)"), code: Int(status))
        case .signaled(let signal):
            return StoredError(
                type: "CommandFailed", message: message("killed by signal \(SignalName.text(signal))"), code: 128 + Int(signal))
        case .unknown:
            return StoredError(
                type: "CommandStatusLost", message: "the command has ended, but another part of this program took its exit status")
        }
    }

    /// With the last line of standard error, if it is short enough to be a message.
    private func message(_ text: String, _ end: Attendance.End) -> String {
        guard (1...500).contains(end.lastErrorLine.count) else { return text }
        return "\(text): \(String(decoding: end.lastErrorLine, as: UTF8.self))"
    }

    private func result(of child: ChildProcess) throws(StoredError) -> [UInt8]? {
        var bytes: [UInt8]
        do throws(SystemError) {
            bytes = try child.result.contents(limit: Limits.resultBytes + 2)
        } catch {
            throw StoredError(type: "ResultNotReadable", message: "the command's result could not be read: \(error)")
        }
        while let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard !bytes.isEmpty else { return nil }
        guard bytes.count <= Limits.resultBytes else {
            throw StoredError(
                type: "ResultTooLarge", message: "the command's result has more than \(Limits.resultBytes) bytes (256 KiB)")
        }
        do throws(JSONValidator.Problem) {
            try JSONValidator.validate(bytes)
        } catch {
            throw StoredError(type: "ResultNotJSON", message: "what the command wrote to its result descriptor is not JSON: \(error)")
        }
        return bytes
    }
}
