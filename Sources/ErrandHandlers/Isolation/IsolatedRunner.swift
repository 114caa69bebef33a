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

    /// How long a handler has to end after its cancellation before its processes get SIGTERM: 2 seconds. With the time to SIGKILL it is less
    /// than a worker that leaves waits for its handlers.
    static let cancelGrace = Duration.seconds(2)

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
        let end = await withTaskExecutorPreference(EventLoop.endings) { await attend(child, for: context) }
        switch end.report.ending {
        case .returned(let result): return result
        case .failed(let error): throw error
        case .snoozed(let duration): throw Snooze(for: duration)
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
            job: job, position: context.trace, level: LogCapture.level, redaction: context.log.redaction, worker: getpid())
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
                throw Snooze(for: options.shortageDelay)
            default:
                throw StoredError(
                    type: "ProcessNotStarted", message: "this program could not be started as a process of the execution's own: \(error)")
            }
        }
    }

    // MARK: While it runs

    private struct End {
        var status = ExitStatus.unknown
        var wasCancelled = false
        var report = ChannelPump.Result()
        /// The last line that went past the C library's streams.
        var lastErrorLine: [UInt8] = []
    }

    private enum Part {
        case channel(ChannelPump.Result)
        case output(OutputPump.Ending)
        case errors(OutputPump.Ending)
        case limit
    }

    /// Files lines until the child has ended and its streams have, or have had time to; then reaps it. On ``EventLoop/endings``.
    private func attend(_ child: ChildProcess, for context: ExecutionContext) async -> End {
        let channel = ChannelPump(child.result, for: context)
        // What a handler of this program may print is limited where all logs are.
        let meter = OutputMeter(limit: nil) {}
        let output = OutputPump(child.output, stream: .stdout, meter: meter, for: context)
        let errors = OutputPump(child.errors, stream: .stderr, meter: meter, for: context)
        var end = End()
        await withTaskGroup(of: Part.self) { group in
            group.addTask(executorPreference: EventLoop.output) {
                let report = await channel.run()
                // Whoever writes over it would wait for ever for somebody to read on.
                if report.isDamaged { _ = errand_pidfd_kill(child.exit.number, SIGKILL) }
                return .channel(report)
            }
            group.addTask(executorPreference: EventLoop.output) { .output(await output.run()) }
            group.addTask(executorPreference: EventLoop.output) { .errors(await errors.run()) }
            let tree = ProcessTree(leader: child, execution: context.executionID)
            if await untilCancelled({ await $0.ready() }, Watch(child.exit, on: .endings)) == .stopped {
                end.wasCancelled = true
                channel.cancel()
                let deadline = EventLoop.now() + IsolatedRunner.cancelGrace
                _ = await Watch(child.exit, on: .endings).ready(until: deadline)
                await tree.end(grace: options.terminationGrace)
            }

            let limit = Watch(on: .endings)
            let deadline = EventLoop.now() + options.lingerLimit
            group.addTask {
                _ = await untilCancelled({ await $0.ready(until: deadline) }, limit)
                channel.stop()
                output.stop()
                errors.stop()
                return .limit
            }
            var openStreams = 3
            while openStreams > 0, let part = await group.next() {
                switch part {
                case .channel(let report): end.report = report
                case .output: break
                case .errors(let ending): end.lastErrorLine = ending.lastLine
                case .limit: continue
                }
                openStreams -= 1
            }
            limit.stop()
            if !end.wasCancelled, Task.isCancelled {
                end.wasCancelled = true
                await tree.end(grace: options.terminationGrace)
            }
        }
        end.status = child.reap().status
        return end
    }

    private func remark(_ text: String, _ context: ExecutionContext) {
        context.log.remark(text, level: .warning, at: context.now())
    }

    // MARK: Meaning

    /// What is kept with an execution whose process died without an answer.
    private func crash(_ end: End, kind: String) -> StoredError {
        var code: Int?
        var text: String
        switch end.status {
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
