// The supervisor's mind: a pure state machine that is told what happened to the worker and answers what to do. No clock, no process.

import Errand
import ErrandHandlers
import Glibc

/// Decides when a worker process is started again, what it is told, and when the supervisor leaves.
struct SupervisorState: Sendable {
    /// What does not change.
    struct Settings: Sendable {
        /// How long a worker may be silent before it counts as hung.
        var watchdog: Duration = .seconds(30)
        /// How long a worker must have run for its end not to count as one more in a row: 60 seconds.
        var settled: Duration = .seconds(60)
        /// The longest wait before a start, of which a random part is waited.
        var delays = Backoff(base: .seconds(1), maximum: .seconds(30))
        /// After how many starts a worker is given up that has never been ready: 5.
        var tries = 5
        /// How long a hung worker has between SIGABRT, which lets it say where it hangs, and SIGKILL.
        var abortGrace: Duration = .seconds(10)
        /// How long a worker has after a second signal before SIGKILL.
        var hardStopGrace: Duration = .seconds(2)
    }

    /// What happened.
    enum Event: Sendable, Hashable {
        /// The supervisor begins.
        case began
        /// The worker process has ended.
        case ended(Ending)
        /// The worker process could not be started.
        case notStarted(reason: String)
        /// The worker gives a sign of life.
        case pinged
        /// The worker is ready for work.
        case ready
        /// Somebody sent the supervisor a signal.
        case signalled(Int32)
        /// The time of the last ``Action/wake(at:)`` has come.
        case woke
    }

    /// How a process ended.
    enum Ending: Sendable, Hashable {
        case exited(Int32)
        case signaled(Int32)

        /// The exit code as a shell gives it.
        var code: Int32 {
            switch self {
            case .exited(let code): code
            case .signaled(let signal): 128 + signal
            }
        }
    }

    /// What to do.
    enum Action: Sendable, Hashable {
        /// Start a worker.
        case start
        /// Send the worker this signal.
        case send(Int32)
        /// Write it into the log, and tell the service manager.
        case say(Remark)
        /// Come back then; replaces the last one.
        case wake(at: Duration)
        /// Leave with this exit code.
        case finish(Int32)
    }

    /// What a person must know.
    enum Remark: Sendable, Hashable {
        /// A worker follows at once, or after this wait; so many ended soon in a row.
        case restarting(after: String, wait: Duration, inARow: Int)
        /// It was never ready.
        case givenUp(after: String, tries: Int)
        /// It gave no sign of life for so long.
        case hung(Duration)
    }

    private let settings: Settings
    /// When the worker started; `nil` while there is none.
    private var runningSince: Duration?
    private var startsAt: Duration?
    private var lastPing: Duration?
    private var killsAt: Duration?
    private var wasReady = false
    private var endsInARow = 0
    private var stops = 0
    private var lastCode: Int32 = 0
    private var isFinished = false

    init(settings: Settings = Settings()) { self.settings = settings }

    /// Takes in what happened at `now` and answers what to do, in order.
    mutating func handle(_ event: Event, at now: Duration, using generator: inout some RandomNumberGenerator) -> [Action] {
        guard !isFinished else { return [] }
        var actions: [Action] = []
        switch event {
        case .began: start(at: now, &actions)
        case .ended(let ending): ended(ending, at: now, using: &generator, &actions)
        case .notStarted(let reason):
            lastCode = ExitStatus.failed.rawValue
            again(after: "it could not be started: \(reason)", lived: .zero, at: now, using: &generator, &actions)
        case .pinged: lastPing = now
        case .ready: wasReady = true
        case .signalled(let number): signalled(number, at: now, &actions)
        case .woke: break
        }
        guard !isFinished else { return actions }
        due(at: now, &actions)
        if let next = [startsAt, killsAt, hungAt].compactMap({ $0 }).min() { actions.append(.wake(at: next)) }
        return actions
    }

    /// When the worker counts as hung; `nil` before its first sign of life, since waiting for a store that somebody holds is no hang.
    private var hungAt: Duration? { runningSince == nil || killsAt != nil ? nil : lastPing.map { $0 + settings.watchdog } }

    private mutating func start(at now: Duration, _ actions: inout [Action]) {
        runningSince = now
        startsAt = nil
        lastPing = nil
        killsAt = nil
        actions.append(.start)
    }

    private mutating func finish(_ code: Int32, _ actions: inout [Action]) {
        isFinished = true
        actions.append(.finish(code))
    }

    // MARK: Ends

    private mutating func ended(
        _ ending: Ending, at now: Duration, using generator: inout some RandomNumberGenerator, _ actions: inout [Action]
    ) {
        let lived = now - (runningSince ?? now)
        runningSince = nil
        killsAt = nil
        lastCode = ending.code
        guard stops == 0, SupervisorState.isRestarted(ending) else { return finish(ending.code, &actions) }
        let text: String
        switch ending {
        case .exited(let code): text = "it ended with exit status \(code)"
        case .signaled(let signal): text = "it was ended by \(SignalName.name(signal))"
        }
        again(after: text, lived: lived, at: now, using: &generator, &actions)
    }

    /// Whether a worker that was not told to stop is started again: not when it had done what it was asked for, when the command line is
    /// wrong, and when it has left outcomes unwritten on its own way out.
    private static func isRestarted(_ ending: Ending) -> Bool {
        let final: Set = [ExitStatus.ok.rawValue, ExitStatus.usage.rawValue, ExitStatus.outcomesUnwritten.rawValue]
        if case .exited(let code) = ending { return !final.contains(code) }
        return true
    }

    private mutating func again(
        after text: String, lived: Duration, at now: Duration, using generator: inout some RandomNumberGenerator,
        _ actions: inout [Action]
    ) {
        runningSince = nil
        endsInARow = lived >= settings.settled ? 1 : endsInARow + 1
        guard stops == 0 else { return finish(lastCode, &actions) }
        guard wasReady || endsInARow < settings.tries else {
            actions.append(.say(.givenUp(after: text, tries: endsInARow)))
            return finish(lastCode, &actions)
        }
        // At once the first time: the crash of one job must not hold up the others.
        let wait = endsInARow == 1 ? .zero : settings.delays.delay(after: endsInARow - 1, using: &generator)
        actions.append(.say(.restarting(after: text, wait: wait, inARow: endsInARow)))
        startsAt = now + wait
    }

    // MARK: Signals

    private mutating func signalled(_ number: Int32, at now: Duration, _ actions: inout [Action]) {
        guard number == SIGTERM || number == SIGINT || number == SIGHUP else {
            if runningSince != nil { actions.append(.send(number)) }
            return
        }
        stops += 1
        guard runningSince != nil else { return finish(lastCode, &actions) }
        // A terminal that went away is no reason to drop what runs: the worker itself knows no SIGHUP.
        actions.append(.send(stops > 2 ? SIGKILL : number == SIGHUP ? SIGTERM : number))
        if stops == 2 { killsAt = now + settings.hardStopGrace }
    }

    // MARK: Time

    private mutating func due(at now: Duration, _ actions: inout [Action]) {
        if let startsAt, startsAt <= now { start(at: now, &actions) }
        if let killsAt, killsAt <= now {
            actions.append(.send(SIGKILL))
            // Nothing more can be done; its end is waited for.
            self.killsAt = nil
            lastPing = nil
        }
        if let hungAt, hungAt <= now {
            actions.append(.say(.hung(settings.watchdog)))
            actions.append(.send(SIGABRT))
            killsAt = now + settings.abortGrace
        }
    }
}
