// Runs a handler's code in a process of its own, a child of the same program: start, carry its log, cancel it, and judge its end.

import CErrand
package import Errand
import Glibc
import Logging

/// Gives executions a process each.
package struct IsolatedRunner: Sendable {
    /// Graces and the store, as for commands.
    var options: CommandOptions
    /// What the child finds in its environment besides its execution's identity: all that its worker has.
    var environment: [String: String]

    /// Starts children in the environment of this process.
    package init(options: CommandOptions, environment: [String: String]) {
        self.options = options
        self.environment = environment.filter { !IsolatedRunner.workersOwn.contains($0.key) }
    }

    /// Between a service manager and its service: a child must not speak for its worker.
    private static let workersOwn: Set = [
        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "ERRAND_RESULT_FD",
        "ERRAND_SUPERVISOR",
    ]

    /// `handler` as a worker runs it.
    package func wrap(_ handler: Handler) -> Handler {
        handler.delegated { job, context in try await run(job, for: context) }
    }

    /// Runs `job` in a child, and answers as its handler did.
    /// - Throws: what the handler threw; `Snooze` when the worker has no files, processes or memory left to start a child;
    ///   `CancellationError` when the task was cancelled and the handler did not answer; `HandlerCrash` when the child died.
    private func run(_ job: ClaimedJob, for context: ExecutionContext) async throws -> [UInt8]? {
        try Task.checkCancellation()
        let child = try await start(job, for: context)
        // What a handler of this program may print is limited where all logs are.
        let attendance = Attendance(to: child, channel: ChannelPump(child.result, for: context), for: context, options)
        let end = await withTaskExecutorPreference(EventLoop.endings) { await attendance.run() }
        switch end.report.ending {
        case .returned(let result): return result
        case .failed(let error): throw error
        case .snoozed(let duration): throw Snooze(for: duration)
        case .unrecoverable(let error): throw Unrecoverable(error)
        case .cancelled(let reason): throw CancelJob(reason: reason)
        case nil:
            if end.wasCancelled { throw CancellationError() }
            throw HandlerCrash(crash(end, kind: job.kind))
        }
    }

    // MARK: Start

    /// A thread that lives as long as this process: the kernel ends children with the thread that has started them.
    private static let spawner = ThreadExecutor(name: "errand-spawn")

    private func start(_ job: ClaimedJob, for context: ExecutionContext) async throws -> ChildProcess {
        let assignment = Assignment(
            job: job, position: context.trace, level: LogCapture.level, redaction: context.log.redaction,
            steps: try await context.steps?.recorded() ?? [],
            prerequisites: try await context.prerequisiteLedger?.prerequisites() ?? [], worker: getpid())
        let input = try assignment.bytes()
        var environment = environment
        environment["ERRAND_STORE"] = options.store ?? environment["ERRAND_STORE"]
        CommandEnvironment.identify(context, in: &environment)
        let variables = environment
        let name = CommandLine.unsafeArgv[0].map { String(cString: $0) } ?? "errand"
        // A task of its own, awaited right here: an executor preference of this task would not reach a thread that it must not leave.
        let started = await Task(executorPreference: IsolatedRunner.spawner) { () -> Result<ChildProcess, SystemError> in
            Result { () throws(SystemError) in
                try ChildProcess.start(
                    "/proc/self/exe", arguments: [name, IsolatedChild.argument], environment: variables, directory: nil, input: input,
                    channel: try Descriptor.channel())
            }
        }.value
        do throws(SystemError) {
            return try started.get()
        } catch {
            switch error.code {
            case EMFILE, ENFILE, EAGAIN, ENOMEM:
                // The worker's trouble, not the job's: it must not cost an attempt.
                remark(
                    "a process of its own could not be started just now: \(error); it is tried again in \(DurationText.format(options.shortageDelay))",
                    context)
                throw Snooze(for: options.shortageDelay, hinderedBy: "a process of its own could not be started: \(error)")
            default:
                throw StoredError(
                    type: "ProcessNotStarted", message: "this program could not be started as a process of the execution's own: \(error)")
            }
        }
    }

    private func remark(_ text: String, _ context: ExecutionContext) {
        context.log.remark(text, level: .warning, at: context.now())
    }

    // MARK: Meaning

    /// What is kept with an execution whose process died without an answer.
    private func crash(_ end: Attendance.End, kind: String) -> StoredError {
        var code: Int?
        var text: String
        switch end.child.status {
        case _ where end.report.isDamaged:
            text =
                "a handler of kind \(kind) wrote to descriptor \(ChildProcess.resultNumber), its process's channel to the worker, and was killed"
        case .signaled(let signal):
            code = Int(signal)
            text = "\(SignalName.name(signal)) in a handler of kind \(kind), in a process of its own"
            if signal == SIGKILL { text += " (killed by somebody, or by the kernel when memory had run out)" }
        case .exited(let status):
            code = Int(status)
            text = "a handler of kind \(kind) ended its process with exit status \(status) instead of returning"
        case .unknown: text = "a handler of kind \(kind) ended its process, and another part of this program has taken the exit status"
        }
        if let words = end.report.lastWords.text(raw: end.lastErrorLine) { text += ": \(words)" }
        return StoredError(type: "Crash", message: text, code: code)
    }
}
