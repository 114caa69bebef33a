// `work --supervise`: a small process that starts the worker, again when it crashes, and passes on what both sides say.

import CErrand
import Errand
import Glibc
import Logging

/// The shell around ``SupervisorState``: one thread that waits for signals, for the worker's words and for its end. It opens no store and
/// runs nobody's code, so that there is nothing in it that a job could break.
final class Supervisor {
    private let arguments: [String]
    private var environment: [String: String]
    private let logger: Logger
    /// The service manager that started this process, if one did.
    private let manager: ServiceNotifier?
    private let inbox: NotifyInbox?
    private var state: SupervisorState
    private var worker: WorkerProcess?
    private var wakesAt: Duration?
    private var generator = SystemRandomNumberGenerator()

    /// The flag that asks for one.
    static let flag = "--supervise"

    /// Will run this program with `arguments` (without its name, and without the flag).
    init(_ arguments: [String], environment: [String: String], logger: Logger) {
        self.arguments = arguments.filter { $0 != Supervisor.flag }
        self.logger = logger
        manager = ServiceNotifier(environment: environment)
        inbox = NotifyInbox()
        var settings = SupervisorState.Settings()
        if let interval = manager?.watchdogInterval { settings.watchdog = interval * 2 }
        state = SupervisorState(settings: settings)
        self.environment = environment
        // The worker answers to its supervisor, which answers to the service manager: neither can be taken for the other.
        self.environment["NOTIFY_SOCKET"] = inbox?.path
        self.environment["WATCHDOG_USEC"] = inbox == nil ? nil : "\(settings.watchdog.wholeMicroseconds)"
        self.environment["WATCHDOG_PID"] = nil
        self.environment[WorkerProcess.supervisorVariable] = "\(getpid())"
    }

    /// Runs until the worker has ended for good; returns the exit code of this process. Blocks its thread, which must live as long as the
    /// process: the worker is told to stop when it ends.
    /// - Throws: ``Failure`` with status 1 when signals cannot be handled.
    func run() throws -> Int32 {
        let wanted = [SIGTERM, SIGINT, SIGUSR1] + (WorkerProcess.isIgnored(SIGHUP) ? [] : [SIGHUP])
        let signals = errand_signal_pipe(wanted, Int32(wanted.count))
        guard signals >= 0 else { throw Failure(.failed, "cannot handle signals: \(String(cString: strerror(-signals)))") }
        var signsOfLife = SignsOfLife(manager)
        var code = take(.began)
        while code == nil {
            signsOfLife.give(at: Supervisor.now)
            var sources = [signals, inbox?.descriptor ?? -1, worker?.exit ?? -1].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            let next = [wakesAt, signsOfLife.nextAt].compactMap { $0 }.min()
            poll(&sources, nfds_t(sources.count), Supervisor.milliseconds(until: next))
            if sources[0].revents != 0 { code = code ?? hearSignal(signals) }
            // Before its end is taken: what it said last is still its own.
            if sources[1].revents != 0 { code = code ?? hearWorker() }
            if sources[2].revents != 0 { code = code ?? buryWorker() }
            if let wakesAt, wakesAt <= Supervisor.now {
                self.wakesAt = nil
                code = code ?? take(.woke)
            }
        }
        return code ?? ExitStatus.ok.rawValue
    }

    // MARK: What happens

    private func hearSignal(_ pipe: Int32) -> Int32? {
        var byte: UInt8 = 0
        guard read(pipe, &byte, 1) == 1 else { return nil }
        return take(.signalled(Int32(byte)))
    }

    private func hearWorker() -> Int32? {
        while let message = inbox?.next(from: worker?.number) {
            var code: Int32?
            for line in message {
                if line == "WATCHDOG=1" { code = take(.pinged) }
                if line == "READY=1" { code = take(.ready) }
            }
            if let code { return code }
            let passedOn = message.filter { line in Supervisor.passedOn.contains { line.hasPrefix($0) } }
            if !passedOn.isEmpty { manager?.send(passedOn.joined(separator: "\n")) }
        }
        return nil
    }

    /// What is the service manager's business: not the watchdog, which is held against the worker here, nor who the main process is.
    private static let passedOn = ["READY=", "STATUS=", "STOPPING=", "RELOADING=", "MONOTONIC_USEC=", "EXTEND_TIMEOUT_USEC=", "ERRNO="]

    private func buryWorker() -> Int32? {
        let ending = worker?.reap()
        worker = nil
        return ending.flatMap { take(.ended($0)) }
    }

    // MARK: What is done

    /// Tells the state what happened and does what it answers; returns the exit code when that is the end.
    private func take(_ event: SupervisorState.Event) -> Int32? {
        var events = [event]
        while !events.isEmpty {
            for action in state.handle(events.removeFirst(), at: Supervisor.now, using: &generator) {
                switch action {
                case .start:
                    do throws(Failure) {
                        worker = try WorkerProcess.start(arguments, environment: environment)
                    } catch {
                        events.append(.notStarted(reason: error.description))
                    }
                case .send(let signal):
                    worker?.send(signal)
                    // One that is stopped must hear that it is to end.
                    if signal == SIGABRT { worker?.send(SIGCONT) }
                case .say(let remark): say(remark)
                case .wake(let time): wakesAt = time
                case .finish(let code): return code
                }
            }
        }
        return nil
    }

    private func say(_ remark: SupervisorState.Remark) {
        switch remark {
        case .restarting(let reason, let wait, let inARow):
            logger.error(
                "the worker process ended and is started again",
                metadata: ["reason": "\(reason)", "wait": "\(DurationText.format(wait))", "ends_in_a_row": "\(inARow)"])
            manager?.send("STATUS=starting the worker again: \(reason)")
        case .givenUp(let reason, let tries):
            logger.error(
                "the worker process was never ready and is given up: start it without \(Supervisor.flag) to see why",
                metadata: ["reason": "\(reason)", "starts": "\(tries)"])
            manager?.send("STATUS=given up: \(reason)")
        case .hung(let silence):
            logger.error("the worker process hangs and is ended", metadata: ["silent_for": "\(DurationText.format(silence))"])
            manager?.send("STATUS=ending a worker that hangs")
        }
    }

    // MARK: Time

    /// Time that does not count while the machine sleeps, unlike the worker's: nobody can give signs of life then.
    private static var now: Duration {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }

    private static func milliseconds(until time: Duration?) -> Int32 {
        guard let time else { return -1 }
        return Int32(clamping: (max(.zero, time - now).wholeMicroseconds + 999) / 1000)
    }

    /// The supervisor's own signs of life for the service manager.
    private struct SignsOfLife {
        private let manager: ServiceNotifier?
        private let interval: Duration?
        private(set) var nextAt: Duration?

        init(_ manager: ServiceNotifier?) {
            self.manager = manager
            interval = manager?.watchdogInterval
            nextAt = interval.map { _ in .zero }
        }

        mutating func give(at now: Duration) {
            guard let interval, let due = nextAt, due <= now else { return }
            manager?.send("WATCHDOG=1")
            nextAt = now + interval
        }
    }
}
