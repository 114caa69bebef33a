// The self-test of contexts: many executions of somebody's handlers at once, and a look at whose lines went where.

import Logging
import Synchronization

/// Runs handlers in many interleaved executions and finds the places in their code that lose or cross an execution.
///
/// All executions of a round begin their handlers at the same moment, and at a concurrency of 1 nothing of this would show. Flagged lines
/// are found by themselves. To catch even an unbound callback that another job fires, which no flag can tell, let messages begin with the
/// execution's ID: `logger.info("\(context) sent")`; the check compares it with the execution that the line was filed under.
///
/// The handlers really run: give them what tests give them. A job that fails is tried again after its backoff, for which the check waits.
/// Lines of no execution are found wherever in the process they are written: run a check in a process of its own, such as an exit test.
public struct ContextCheck: Sendable {
    /// What is checked.
    public var handlers: [Handler]
    /// How many executions run at once, 1 … 10,000; 64 by default.
    public var concurrency = 64
    /// How many rounds of that many executions; 3 by default.
    public var rounds = 3
    /// How long to wait after the last execution for callbacks that fire late; half a second by default.
    public var grace = Duration.milliseconds(500)

    /// A check of `handlers`.
    public init(of handlers: [Handler], concurrency: Int = 64, rounds: Int = 3) {
        self.handlers = handlers
        self.concurrency = concurrency
        self.rounds = rounds
    }

    /// Runs ``concurrency`` × ``rounds`` executions on `queue`, whose store holds nothing else.
    /// - Parameter enqueue: Adds the job with a number from 0 to the queue.
    /// - Throws: ``Worker/Failure`` (log capture must be in place: ``LogCapture/install()``), ``JobStoreError``, and what `enqueue` throws.
    public func run(on queue: JobQueue, enqueue: (JobQueue, Int) async throws -> JobID) async throws -> ContextReport {
        precondition(Limits.concurrency.contains(concurrency) && rounds > 0, "nothing to check: \(concurrency) × \(rounds)")
        let total = concurrency * rounds
        var jobs: Set<JobID> = []
        for number in 0..<total { jobs.insert(try await enqueue(queue, number)) }
        precondition(jobs.count == total, "every number needs a job of its own: \(jobs.count) jobs for \(total) numbers")
        let watch = Watch(jobs: jobs)
        let meeting = MeetingPoint(parties: concurrency)
        var configuration = Worker.Configuration()
        configuration.concurrency = concurrency
        configuration.queues = try await queue.store.inspection.stats().counts.map(\.queue).uniqued.map { ($0, nil) }
        configuration.retention = nil
        configuration.requiresLogCapture = true
        configuration.logger = Logger(label: ContextCheck.label, factory: { _ in SwiftLogNoOpLogHandler() })
        let worker = Worker(
            queue: queue, handlers: handlers.map { watched($0, watch, meeting) }, configuration: configuration, reporters: [],
            hooks: [ExecutionHook { event, context in if event.isFinal { watch.ended(context.jobID) } }])
        LogCapture.keepSites()
        defer { LogCapture.forgetSites() }
        async let run: Void = {
            // A worker that refuses to run ends nothing.
            defer { watch.giveUp() }
            try await worker.run()
        }()
        await watch.allEnded()
        _ = await queue.clock.sleep(for: grace)
        worker.drain()
        try await run
        return ContextReport(
            of: try await records(in: queue.store.logs), executions: watch.started, canaries: 2, label: ContextCheck.label)
    }

    private static let label = "errand.context-check"

    /// `handler` between two lines of the check's own, which an ordinary logger writes; first executions meet before they begin.
    private func watched(_ handler: Handler, _ watch: Watch, _ meeting: MeetingPoint) -> Handler {
        let canary = Logger(label: ContextCheck.label)
        return handler.delegated { job, context in
            if watch.starts(job.execution) { await meeting.arrive() }
            canary.critical("\(job.execution) begins")
            defer { canary.critical("\(job.execution) ends") }
            return try await handler.run(job, context)
        }
    }

    private func records(in logs: any LogStore) async throws(JobStoreError) -> [LogRecord] {
        var records: [LogRecord] = []
        var cursor: Int64 = 0
        while true {
            let chunks = try await logs.chunks(after: cursor, limit: 256)
            guard let last = chunks.last else { return records }
            cursor = last.cursor
            for stored in chunks { records += LogFraming.records(in: stored.chunk) }
        }
    }

    /// What has started and ended.
    private final class Watch: Sendable {
        private struct State {
            var started: Set<ExecutionID> = []
            var jobs: Set<JobID> = []
            var ended: Set<JobID> = []
            var isOver = false
            var waiter: CheckedContinuation<Void, Never>?

            /// Takes the waiter out if there is nothing to wait for.
            mutating func released() -> CheckedContinuation<Void, Never>? {
                guard isOver else { return nil }
                defer { waiter = nil }
                return waiter
            }
        }

        /// The check's own jobs; handlers may enqueue others.
        private let own: Set<JobID>
        private let state = Mutex(State())

        init(jobs: Set<JobID>) { own = jobs }

        var started: Set<ExecutionID> { state.withLock { $0.started } }

        /// Notes an execution; returns whether it is the first of one of the check's own jobs.
        func starts(_ execution: ExecutionID) -> Bool {
            state.withLock { state in
                state.started.insert(execution)
                return own.contains(execution.job) && state.jobs.insert(execution.job).inserted
            }
        }

        func ended(_ job: JobID) {
            let waiter = state.withLock { state in
                if own.contains(job) { state.ended.insert(job) }
                if state.ended.count == own.count { state.isOver = true }
                return state.released()
            }
            waiter?.resume()
        }

        func giveUp() {
            let waiter = state.withLock { state in
                state.isOver = true
                return state.released()
            }
            waiter?.resume()
        }

        func allEnded() async {
            await withCheckedContinuation { continuation in
                let waiter = state.withLock { state in
                    state.waiter = continuation
                    return state.released()
                }
                waiter?.resume()
            }
        }
    }
}

extension ExecutionHook.Event {
    /// Whether the job runs no further execution.
    fileprivate var isFinal: Bool {
        switch self {
        case .completed, .died, .cancelled: true
        case .started, .retrying, .snoozed, .interrupted: false
        }
    }
}

extension Sequence where Element: Hashable {
    /// Each element once, in order.
    fileprivate var uniqued: [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
