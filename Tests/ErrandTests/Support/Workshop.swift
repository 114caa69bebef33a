// A worker over the in-memory store, and what can be read there afterwards.

import Errand
import ErrandContext
import ErrandTesting
import Logging
import Synchronization
import Tracing

/// A store in memory with real clocks, watched from outside, and the queue over it.
struct Workshop {
    let model: ModelStore
    let watched: WatchedJobStore
    let queue: JobQueue

    init(clock: any ErrandClock = SystemClock.shared, tracer: (any Tracer)? = nil) {
        TestLogCapture.install()
        model = ModelStore(clock: clock)
        watched = WatchedJobStore(model: model)
        var store = model.store
        store.jobs = watched
        queue = JobQueue(store: store, clock: clock, tracer: tracer)
    }

    /// A worker with `handlers`, changed by `change`.
    func worker(
        _ handlers: Handler..., reporters: [any ErrorReporter] = [], hooks: [ExecutionHook] = [],
        change: (inout Worker.Configuration) -> Void = { _ in }
    ) -> Worker {
        var configuration = Worker.Configuration()
        configuration.requiresLogCapture = true
        change(&configuration)
        return Worker(queue: queue, handlers: handlers, configuration: configuration, reporters: reporters, hooks: hooks)
    }

    func enqueue(_ kind: String, payload: String = "{}", change: (inout EnqueueOptions) -> Void = { _ in }) async throws -> JobID {
        try await queue.enqueue(kind: kind, payload: Array(payload.utf8), options: EnqueueOptions(change)).id
    }

    func detail(_ id: JobID) async throws -> JobDetail? { try await model.job(id) }

    /// All records of a job, in order.
    func records(of id: JobID) async throws -> [LogRecord] {
        try await model.logs.chunks(of: id, ordinal: nil, after: nil, limit: .max).flatMap { LogFraming.records(in: $0.chunk) }
    }
}

/// The in-memory store with a witness: counts steps, fails some of them, and notes which lines were kept when an outcome came.
final class WatchedJobStore: JobStore {
    private let model: ModelStore
    private let state = Mutex(State())

    private struct State {
        var exchanges = 0
        var failuresLeft = 0
        var refusesJobs = false
        var linesAtReport: [ExecutionID: Int] = [:]
        var stale: [Casualty] = []
        var looks: [Happening] = []
        var waiters: [(count: Int, semaphore: Semaphore)] = []
    }

    init(model: ModelStore) { self.model = model }

    /// How many steps were asked for.
    var exchanges: Int { state.withLock { $0.exchanges } }

    /// How many lines were in the log store when the outcome of an execution came.
    var linesAtReport: [ExecutionID: Int] { state.withLock { $0.linesAtReport } }

    /// Fails the next `count` steps before anything is recorded.
    func failNext(_ count: Int) { state.withLock { $0.failuresLeft = count } }

    /// Blocks the calling thread until `count` more steps have been asked for.
    func waitForExchanges(_ count: Int) {
        let semaphore = Semaphore()
        state.withLock { $0.waiters.append(($0.exchanges + count, semaphore)) }
        semaphore.wait()
    }

    func exchange(_ request: ExchangeRequest) async throws(JobStoreError) -> ExchangeReply {
        let mustFail = state.withLock { state in
            state.exchanges += 1
            for waiter in state.waiters where waiter.count == state.exchanges { waiter.semaphore.signal() }
            guard state.failuresLeft > 0 else { return false }
            state.failuresLeft -= 1
            return true
        }
        if mustFail { throw .unavailable(reason: "failed by the test") }
        for report in request.reports {
            let chunks = try await model.logs.chunks(of: report.execution.job, ordinal: report.execution.ordinal, after: nil, limit: .max)
            let lines = chunks.reduce(0) { $0 + $1.chunk.lines }
            state.withLock { $0.linesAtReport[report.execution] = lines }
        }
        return try await model.exchange(request)
    }

    /// Takes in no more jobs.
    func refuseJobs() { state.withLock { $0.refusesJobs = true } }

    func enqueue(_ jobs: [NewJob]) async throws(JobStoreError) -> [EnqueueResult] {
        if state.withLock({ $0.refusesJobs }) { throw .unavailable(reason: "refused by the test") }
        return try await model.enqueue(jobs)
    }
    func join(_ worker: WorkerDescription) async throws(JobStoreError) -> WorkerID { try await model.join(worker) }
    func casualties(seenBy worker: WorkerID) async throws(JobStoreError) -> [Casualty] {
        let (stale, looks) = state.withLock { state -> ([Casualty], [Happening]) in
            if !state.stale.isEmpty {
                defer { state.stale = [] }
                return (state.stale, [])
            }
            defer { state.looks = [] }
            return ([], state.looks)
        }
        for look in looks { await look.happen() }
        return stale.isEmpty ? try await model.casualties(seenBy: worker) : stale
    }

    /// Gives `casualties` as the next finding, as if they had been read a while ago; `done` happens at the look after that.
    func find(_ casualties: [Casualty], done: Happening) {
        state.withLock { state in
            state.stale = casualties
            state.looks = [done]
        }
    }

    func condemn(_ casualty: Casualty) async throws(JobStoreError) -> Casualty? { try await model.condemn(casualty) }
    func rescue(_ request: RescueRequest) async throws(JobStoreError) -> [ExecutionID] {
        try await model.rescue(request)
    }
    func leave(_ worker: WorkerID) async throws(JobStoreError) { try await model.leave(worker) }
}

/// Something that happens once, which tasks can wait for.
actor Happening {
    private var hasHappened = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func happen() {
        hasHappened = true
        for continuation in waiting { continuation.resume() }
        waiting = []
    }

    func wait() async {
        if !hasHappened { await withCheckedContinuation { waiting.append($0) } }
    }
}

/// Returns when the task is cancelled, by throwing.
func waitForCancellation() async throws {
    let (never, continuation) = AsyncStream.makeStream(of: Never.self)
    for await _ in never {}
    continuation.finish()
    try Task.checkCancellation()
}

/// Collects values from any task.
final class Collected<Value: Sendable>: Sendable {
    private let state = Mutex<[Value]>([])

    var values: [Value] { state.withLock { $0 } }

    func add(_ value: Value) { state.withLock { $0.append(value) } }
}
