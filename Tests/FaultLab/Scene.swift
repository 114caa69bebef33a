// A store with one worker, as the calls of a step see it. Used by one task.

import Errand
import ErrandContext
import ErrandSQLite
import Synchronization

/// One store, opened by one process, and what its worker holds.
final class Scene: Sendable {
    private struct State {
        var sqlite: SQLiteStore?
        var worker: WorkerID?
        var held: [ClaimedJob] = []
        /// Buried and not yet asked to run again.
        var dead: [JobID] = []
        var boot: String? = "first"
    }

    private let directory: String
    private let durability: Durability
    private let isEarly: Bool
    private let note: @Sendable (Ledger.Line) -> Void
    private let state = Mutex(State())

    init(
        directory: String, durability: Durability = .full, isEarly: Bool = false, note: @escaping @Sendable (Ledger.Line) -> Void
    ) {
        self.directory = directory
        self.durability = durability
        self.isEarly = isEarly
        self.note = note
    }

    var boot: String? {
        get { state.withLock { $0.boot } }
        set { state.withLock { $0.boot = newValue } }
    }

    private var store: Store {
        get throws(JobStoreError) {
            guard let sqlite = state.withLock({ $0.sqlite }) else { throw .unavailable(reason: "the scene has no store open") }
            return sqlite.store
        }
    }

    private var jobs: NotingStore {
        get throws(JobStoreError) { NotingStore(base: try store.jobs, isEarly: isEarly, note: note) }
    }

    private var worker: WorkerID {
        get throws(JobStoreError) {
            guard let worker = state.withLock({ $0.worker }) else { throw .unavailable(reason: "nobody has joined") }
            return worker
        }
    }

    /// Opens the store, unless it is open.
    func open() throws(JobStoreError) {
        guard state.withLock({ $0.sqlite == nil }) else { return }
        var options = SQLiteStoreOptions()
        options.bootID = boot
        options.clock = LaterClock()
        options.durability = durability
        let opened = try SQLiteStore.open(directory: directory, options: options)
        state.withLock { $0.sqlite = opened }
    }

    func close() { take()?.close() }

    /// Leaves as the process's death would.
    func die() { take()?.crash() }

    private func take() -> SQLiteStore? {
        state.withLock { state in
            defer { (state.sqlite, state.worker, state.held) = (nil, nil, []) }
            return state.sqlite
        }
    }

    func enqueue(_ keys: [String]) async throws(JobStoreError) {
        _ = try await jobs.enqueue(
            keys.map { key in
                var job = NewJob(kind: Step.kind, payload: Array("{}".utf8))
                job.key = key
                return job
            })
    }

    func join() async throws(JobStoreError) {
        guard state.withLock({ $0.worker == nil }) else { return }
        let id = try await jobs.join(.laboratory)
        state.withLock { $0.worker = id }
    }

    /// One step of the worker; what it claims it holds.
    func exchange(claiming limit: Int = 0, reports: [ExecutionReport] = []) async throws(JobStoreError) {
        let claim = limit == 0 ? nil : ClaimRequest(limit: limit, queues: [.init(queue: "default", limit: limit)], kinds: [Step.kind])
        let reply = try await jobs.exchange(ExchangeRequest(worker: try worker, reports: reports, claim: claim))
        state.withLock { state in
            state.held.removeAll { held in reports.contains { $0.execution == held.execution } }
            state.held += reply.claimed
        }
    }

    /// Reports the success of the first `count` jobs that it holds.
    func complete(_ count: Int) async throws(JobStoreError) {
        let reports = state.withLock { $0.held.prefix(count).map { ExecutionReport.completed($0) } }
        guard !reports.isEmpty else { return }
        try await exchange(reports: reports)
    }

    /// Reports the failure of the first job that it holds.
    func fail(_ next: NextStep) async throws(JobStoreError) {
        guard let job = state.withLock({ $0.held.first }) else { return }
        let error = StoredError(type: "Failure", message: "as asked")
        try await exchange(reports: [
            ExecutionReport(execution: job.execution, outcome: .failed, next: next, error: error, finishedAt: job.startedAt)
        ])
        if case .bury = next { state.withLock { $0.dead.append(job.execution.job) } }
    }

    /// Asks to run the dead jobs again, as an operator does.
    func retryDead() async throws(JobStoreError) {
        _ = try await store.control.retry(state.withLock { $0.dead }, resettingAttempts: false)
    }

    func rescue() async throws(JobStoreError) {
        for casualty in try await jobs.casualties(seenBy: try worker) {
            guard let condemned = try await jobs.condemn(casualty) else { continue }
            _ = try await jobs.rescue(condemned, suspectThreshold: nil)
        }
    }

    /// Keeps a line of what the worker runs first.
    func log() async throws(JobStoreError) {
        guard let job = state.withLock({ $0.held.first }) else { return }
        let chunk = LogChunk(
            job: job.execution.job, ordinal: job.execution.ordinal, firstSequence: 1, lines: 1, firstTime: job.startedAt,
            lastTime: job.startedAt, highestLevel: .info, flags: [], body: Array("{}\n".utf8))
        _ = try await store.logs.append([chunk], dropping: [])
    }
}

/// The machine's clocks an hour ahead: whatever was put off is due.
struct LaterClock: ErrandClock {
    func now() -> Timestamp { SystemClock.shared.now() + .seconds(3600) }
    func uptime() -> Duration { SystemClock.shared.uptime() }
    func schedule(at uptime: Duration, _ fire: @escaping @Sendable () -> Void) -> any ScheduledTimer {
        SystemClock.shared.schedule(at: uptime, fire)
    }
}
