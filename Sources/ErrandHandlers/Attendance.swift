// Stays with a process from its start to its end: files what it prints, ends its tree when it has to go, and reaps it.

import CErrand
import Errand
import Glibc
import Logging

/// One process of one execution, attended to. Runs on ``EventLoop/endings``.
struct Attendance: Sendable {
    private let child: ChildProcess
    private let channel: ChannelPump?
    private let context: ExecutionContext
    private let options: CommandOptions
    private let exit: Watch
    private let meter: OutputMeter

    /// How long a handler has to end after it was asked to before its processes get SIGTERM: 2 seconds. With the time to SIGKILL it is
    /// less than a worker that leaves waits for its handlers.
    static let cancelGrace = Duration.seconds(2)

    /// Will attend to `child`.
    /// - Parameters:
    ///   - channel: where a handler in the process speaks, if there is one.
    ///   - outputLimit: the bytes that it may print before it is ended; `nil` for any number.
    init(
        to child: ChildProcess, channel: ChannelPump? = nil, outputLimit: Int? = nil, for context: ExecutionContext,
        _ options: CommandOptions
    ) {
        self.child = child
        self.channel = channel
        self.context = context
        self.options = options
        let exit = Watch(child.exit, on: .endings)
        self.exit = exit
        meter = OutputMeter(limit: outputLimit) { exit.stop() }
    }

    /// How the process ended.
    struct End {
        var child = ChildProcess.End(status: .unknown, cpu: .zero)
        var wasCancelled = false
        var hasPrintedTooMuch = false
        /// The last line of standard error that is not blank.
        var lastErrorLine: [UInt8] = []
        /// What came over the channel.
        var report = ChannelPump.Result()
    }

    private enum Part {
        case channel(ChannelPump.Result)
        case output(OutputPump.Ending)
        case errors(OutputPump.Ending)
        case limit
    }

    /// Files output until the process has ended and its streams have, or have had time to; then reaps it.
    func run() async -> End {
        let output = OutputPump(child.output, stream: .stdout, meter: meter, for: context)
        let errors = OutputPump(child.errors, stream: .stderr, meter: meter, for: context)
        let tree = ProcessTree(leader: child, execution: context.executionID)
        var end = End()
        await withTaskGroup(of: Part.self) { group in
            group.addTask(executorPreference: EventLoop.output) { .output(await output.run()) }
            group.addTask(executorPreference: EventLoop.output) { .errors(await errors.run()) }
            if let channel { group.addTask(executorPreference: EventLoop.output) { .channel(await listen(to: channel)) } }
            if await untilCancelled({ await $0.ready() }, exit) == .stopped {
                end.wasCancelled = Task.isCancelled
                await askToEnd()
                await tree.end(grace: options.terminationGrace)
            }

            let limit = Watch(on: .endings)
            let deadline = EventLoop.now() + options.lingerLimit
            group.addTask {
                // Stopped at once when the task is cancelled: everything has ended then, and what the pipes hold is read all the same.
                _ = await untilCancelled({ await $0.ready(until: deadline) }, limit)
                channel?.stop()
                output.stop()
                errors.stop()
                return .limit
            }
            var openStreams = channel == nil ? 2 : 3
            var isCut = false
            while openStreams > 0, let part = await group.next() {
                switch part {
                case .channel(let report): end.report = report
                case .output(let ending): isCut = isCut || ending.isCut
                case .errors(let ending):
                    isCut = isCut || ending.isCut
                    end.lastErrorLine = ending.lastLine
                case .limit: continue
                }
                openStreams -= 1
            }
            limit.stop()
            if !end.wasCancelled, Task.isCancelled {
                end.wasCancelled = true
                await tree.end(grace: options.terminationGrace)
            } else if isCut, !end.wasCancelled {
                context.log.remark(
                    "the \(channel == nil ? "command" : "handler") has ended, but a process that it started still holds its output open; reading stopped after \(DurationText.format(options.lingerLimit))",
                    level: .warning, at: context.now())
            }
        }
        end.hasPrintedTooMuch = meter.isExceeded
        end.child = child.reap()
        return end
    }

    private func listen(to channel: ChannelPump) async -> ChannelPump.Result {
        let report = await channel.run()
        // Whoever writes over it would wait for ever for somebody to read on.
        if report.isDamaged { _ = errand_pidfd_kill(child.exit.number, SIGKILL) }
        return report
    }

    /// Where a handler listens, it may end by itself first.
    private func askToEnd() async {
        guard let channel else { return }
        channel.cancel()
        _ = await Watch(child.exit, on: .endings).ready(until: EventLoop.now() + Attendance.cancelGrace)
    }
}

/// Waits at `watch`, and stops that when the task is cancelled.
private func untilCancelled(_ wait: (Watch) async -> EventLoop.Readiness, _ watch: Watch) async -> EventLoop.Readiness {
    await withTaskCancellationHandler {
        await wait(watch)
    } onCancel: {
        watch.stop()
    }
}
