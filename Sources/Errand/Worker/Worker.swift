// The worker as a program sees it: queues, handlers, settings, and a run that ends with a drain.

public import CoreMetrics
public import Logging
public import ServiceLifecycle
import Synchronization

/// Claims jobs and runs their handlers, up to `concurrency` at once, each inside its own execution context.
///
/// A ServiceLifecycle `Service`: in a `ServiceGroup` a graceful shutdown drains it. Deliberately not an actor, so that handlers run on
/// the shared pool and never on the worker. Its own work (heartbeats, claims, log flushes, timeouts) runs on threads of its own, on
/// time even when every pool thread is blocked by a handler.
///
/// Several workers, in one process or in many, may serve one store.
public final class Worker: Service {
    /// How a worker runs; everything has a default.
    public struct Configuration: Sendable {
        /// Slots in all, 1 … 10,000; 10 by default.
        public var concurrency = 10
        /// The queues that it serves, each with its own cap within ``concurrency`` (`nil`: no cap of its own); `default` by default.
        public var queues: [(name: String, concurrency: Int?)] = [("default", nil)]
        /// Which of its queues gives the next job: by default each in proportion to its weight.
        public var queueOrder = QueueOrder.weighted
        /// Slots that are kept free for urgent jobs, fewer than ``concurrency``; `nil`, the default: none.
        public var spareSlots: SpareSlots?
        /// How long its lease lasts without renewal, 1 second or more; 30 seconds by default. Renewed after a third of it.
        public var lease: Duration = .seconds(30)
        /// How long a shutdown waits for handlers before it cancels them; 30 seconds by default.
        public var grace: Duration = .seconds(30)
        /// How long a worker that leaves waits for error reports that are on their way; 2 seconds by default, zero waits for none.
        public var reportGrace: Duration = .seconds(2)
        /// When it ends by itself; never by default.
        public var until: Until = .stopped
        /// How long finished jobs and logs are kept; `nil` prunes nothing.
        public var retention: RetentionPolicy? = RetentionPolicy()
        /// At how many deaths in a row, the culprits unknown (SIGKILL, out of memory, power), a job that was in flight becomes a suspect;
        /// 3 by default, `nil` for never. A suspect runs alone, suspects one at a time; dying alone convicts.
        public var suspectThreshold: Int? = 3
        /// How long an execution may ignore that it was cancelled before it is shown as stuck and its slot is free for others; 10
        /// seconds by default.
        public var stuckAfter: Duration = .seconds(10)
        /// How many stuck executions may have freed their slots at a time, 0 or more; `nil` (default): as many as there are slots.
        /// Those beyond keep theirs.
        public var stuckLimit: Int?
        /// After how many convictions a job is given up as poison; 3 by default, `nil` for never. ``CrashCapture`` names the culprit of a crash
        /// at once.
        public var convictionLimit: Int? = 3
        /// What is taken out of the logs, errors and error reports of executions, before anything is stored or sent; `nil`, the default,
        /// is nothing. What stands under one of its names in a job's payload is taken out of that job's lines wherever it stands.
        public var redaction: Redaction?
        /// The worker's own log: starts and ends of executions, trouble with the store.
        public var logger = Logger(label: "errand.worker")
        /// Whether to refuse to run when lines of swift-log loggers would not reach the logs of executions (a program built on `ErrandApp` does);
        /// false by default: a warning is logged, and an execution's own `context.logger` works all the same.
        public var requiresLogCapture = false
        /// Where executions are counted and timed (`errand_executions`, `errand_wait`, `errand_run`, `errand_running`, `errand_slots`); `nil`, the default,
        /// is the library that the process has bootstrapped with `MetricsSystem`, if any.
        public var metrics: (any MetricsFactory)?
        /// Ends what is left of executions whose worker died, before their jobs run again; nothing by default.
        public var endOrphans: @Sendable ([ExecutionID]) async -> Void = { _ in }

        /// Called whenever the store has registered the worker, on the worker's own thread.
        package var onJoin: @Sendable () -> Void = {}

        /// The longest that a stop may take: the grace, what cancelled handlers, the store and the farewell get after that, the reports, and
        /// some seconds for a busy machine.
        package var longestStop: Duration { grace + WorkerState.cancelGrace * 2 + WorkerLoop.farewell + reportGrace + .seconds(5) }

        /// The defaults.
        public init() {}

        /// The defaults, changed by `change`.
        public init(_ change: (inout Configuration) -> Void) {
            self.init()
            change(&self)
        }
    }

    /// When a worker ends by itself.
    public enum Until: Sendable, Hashable {
        /// Only when it is stopped.
        case stopped
        /// After one job, or when there is none to start.
        case once
        /// When nothing is available or running, and nothing becomes due within this time.
        case empty(idleTimeout: Duration)
    }

    /// How a run ended.
    public enum End: Sendable, Hashable {
        /// Everything that it had claimed is recorded.
        case drained
        /// Everything that it had claimed is recorded, but the store did not answer its farewell: its last log lines may be missing, and
        /// closing the store may wait as long as whoever holds its lock does.
        case storeSilent
        /// It left although this many outcomes could not be written; those jobs run again.
        case outcomesUnwritten(Int)
        /// It left because the store is damaged, with every outcome recorded; the error says how to repair it.
        case storeDamaged(JobStoreError)
        /// It was to end by itself, and left although there may be jobs: the store gives out none for lack of room on its disk.
        case outOfRoom(reason: String)
    }

    /// Why a worker could not run, or ended badly.
    @nonexhaustive public enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// The settings contradict each other or what is allowed; the text says which.
        case invalid(reason: String)
        /// It left although this many outcomes could not be written; those jobs run again.
        case outcomesUnwritten(Int)
        /// It left because the store is damaged, with every outcome recorded; the error says how to repair it.
        case storeDamaged(JobStoreError)
        /// It was to end by itself, and left although there may be jobs: the disk of the store is almost full.
        case outOfRoom(reason: String)
        /// Lines written through swift-log would not have reached the logs of executions.
        case logCaptureMissing

        /// Why a run that has ended so did not end well; `nil` when it did.
        package init?(_ end: End) {
            switch end {
            case .drained, .storeSilent: return nil
            case .outcomesUnwritten(let count): self = .outcomesUnwritten(count)
            case .storeDamaged(let error): self = .storeDamaged(error)
            case .outOfRoom(let reason): self = .outOfRoom(reason: reason)
            }
        }

        /// What happened, then what to do next.
        public var description: String {
            switch self {
            case .invalid(let reason): reason
            case .outcomesUnwritten(let count):
                "left with \(count) outcomes unwritten because the store did not take them: those jobs run again"
            case .storeDamaged(let error): error.description
            case .outOfRoom(let reason): "left although there may be jobs: the disk is full: \(reason)"
            case .logCaptureMissing:
                "only context.logger reaches the logs of jobs: for the lines of all other loggers call LogCapture.install() first, or build on ErrandApp"
            }
        }
    }

    private let queue: JobQueue
    private let handlers: [Handler]
    private let configuration: Configuration
    private let reporters: [any ErrorReporter]
    private let hooks: [ExecutionHook]
    private let state = Mutex(State())

    private struct State {
        var loop: WorkerLoop?
        var isDraining = false
        var isCancelled = false
    }

    /// A worker that serves `queue` with `handlers`, one for each kind.
    /// - Parameters:
    ///   - queue: Where it claims jobs.
    ///   - handlers: What it can do; jobs of other kinds are left alone.
    ///   - configuration: How it runs; checked when it does.
    ///   - reporters: Told about failed executions; by default one that writes to the worker's own log.
    ///   - hooks: Called at the turns of every execution, inside its scope.
    ///   - middleware: Stands around every handler, inside the execution's scope, the first outermost.
    public init(
        queue: JobQueue, handlers: [Handler], configuration: Configuration = Configuration(), reporters: [any ErrorReporter]? = nil,
        hooks: [ExecutionHook] = [], middleware: [ExecutionMiddleware] = []
    ) {
        self.queue = queue
        self.handlers = handlers.map { $0.wrapped(by: middleware) }
        self.configuration = configuration
        self.reporters = reporters ?? [LogErrorReporter(logger: configuration.logger)]
        self.hooks = hooks
    }

    /// Runs until it is told to drain (by ``drain()``, by a service group's graceful shutdown or by cancellation of the task, which
    /// does not wait for handlers) or until its settings say so.
    /// - Throws: ``Failure``.
    public func run() async throws {
        if let failure = Failure(try await runToEnd()) { throw failure }
    }

    /// Runs until nothing is left to do: nothing available or running, and nothing due within `idleTimeout` (10 seconds by default).
    /// - Throws: ``Failure``.
    public func runUntilEmpty(idleTimeout: Duration = .seconds(10)) async throws {
        if let failure = Failure(try await runToEnd(until: .empty(idleTimeout: idleTimeout))) { throw failure }
    }

    /// Runs like ``run()`` and tells how it ended.
    /// - Parameter until: When to end by itself; `nil` takes the configuration's.
    /// - Throws: ``Failure``.
    public func runToEnd(until: Until? = nil) async throws -> End {
        var configuration = configuration
        if let until { configuration.until = until }
        if let problem = (configuration.problems + Worker.problems(with: handlers)).first { throw Failure.invalid(reason: problem) }
        try await checkLogCapture(configuration)
        let loop = WorkerLoop(queue: queue, handlers: handlers, configuration: configuration, reporters: reporters, hooks: hooks)
        let (mustDrain, mustCancel) = state.withLock { state in
            state.loop = loop
            return (state.isDraining, state.isCancelled)
        }
        if mustDrain { loop.tell(.drainRequested) }
        if mustCancel { loop.tell(.cancelRequested) }
        defer { state.withLock { $0.loop = nil } }
        return await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                await loop.run()
            } onGracefulShutdown: {
                self.drain()
            }
        } onCancel: {
            self.cancel()
        }
    }

    /// Stops claiming and lets running handlers finish within the grace period; then ``run()`` returns. May be called from anywhere,
    /// more than once. For good: a later run of this worker ends at once.
    public func drain() {
        let loop = state.withLock { state in
            state.isDraining = true
            return state.loop
        }
        loop?.tell(.drainRequested)
    }

    /// Like ``drain()`` without waiting: running handlers are cancelled at once and their attempts refunded.
    public func cancel() {
        let loop = state.withLock { state in
            state.isCancelled = true
            return state.loop
        }
        loop?.tell(.cancelRequested)
    }

    /// Says in the worker's own log, at level notice, which executions are in flight: those that run, and those whose end is not in the
    /// store yet.
    public func tellRunning() { state.withLock { $0.loop }?.tellRunning() }

    /// Has the worker's own thread call `answer` at its next turn, once it runs: a thread that hangs does not.
    package func probe(_ answer: @escaping @Sendable () -> Void) {
        guard let loop = state.withLock({ $0.loop }) else { return answer() }
        loop.probe(answer)
    }

    private func checkLogCapture(_ configuration: Configuration) async throws {
        if await LogCapture.isInPlace(clock: queue.clock) { return }
        if configuration.requiresLogCapture { throw Failure.logCaptureMissing }
        configuration.logger.warning("\(Failure.logCaptureMissing)")
    }
}
