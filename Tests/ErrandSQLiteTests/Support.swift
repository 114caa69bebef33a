// What the tests of this room share: a store in a directory of its own, a clock turned by hand, short ways to work on jobs.

import Errand
import ErrandContext
import ErrandSQLite
import Glibc
import Synchronization
import Testing

/// A directory that goes with the test.
final class TemporaryDirectory: Sendable {
    let path: String

    init() {
        path = "/tmp/errand-sqlite-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    }

    deinit {
        // Removing test files is a courtesy; a failure leaves them for whoever looks.
        func remove(_ path: String) {
            if let directory = opendir(path) {
                while let entry = readdir(directory) {
                    let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                    }
                    if name != ".", name != ".." { remove("\(path)/\(name)") }
                }
                closedir(directory)
                rmdir(path)
            } else {
                unlink(path)
            }
        }
        remove(path)
    }
}

/// A clock that moves when a test says so.
final class HandClock: ErrandClock {
    private let offset = Mutex<Duration>(.zero)
    let start = Timestamp(microseconds: 1_790_000_000_000_000)

    func advance(by duration: Duration) { offset.withLock { $0 += duration } }
    func now() -> Timestamp { start + offset.withLock { $0 } }
    func uptime() -> Duration { .seconds(1000) + offset.withLock { $0 } }

    func schedule(at uptime: Duration, _ fire: @escaping @Sendable () -> Void) -> any ScheduledTimer {
        fatalError("the store sets no timers")
    }
}

/// A store and its directory.
struct TestStore: Sendable {
    let directory: TemporaryDirectory
    let clock: HandClock
    let sqlite: SQLiteStore

    var jobs: any JobStore { sqlite.store.jobs }
    var inspection: any JobInspection { sqlite.store.inspection }
    var control: any JobControl { sqlite.store.control }
    var logs: any LogStore { sqlite.store.logs }

    init(directory: TemporaryDirectory = TemporaryDirectory(), clock: HandClock = HandClock(), boot: String? = nil, patient: Bool = false)
        throws
    {
        var options = SQLiteStoreOptions()
        options.clock = clock
        options.bootID = boot
        if patient { options.lockWait = nil }
        self.directory = directory
        self.clock = clock
        sqlite = try SQLiteStore.open(directory: directory.path, options: options)
    }

    /// The same store after the process's death.
    func crashAndReopen(boot: String? = nil) throws -> TestStore {
        sqlite.crash()
        return try TestStore(directory: directory, clock: clock, boot: boot)
    }

    @discardableResult func enqueue(
        _ kind: String = "greet", queue: String = "default", _ change: (inout NewJob) -> Void = { _ in }
    ) async throws -> JobID {
        var job = NewJob(kind: kind, payload: Array("{}".utf8))
        job.queue = queue
        change(&job)
        return try #require(try await jobs.enqueue([job]).first).id
    }

    func join(lease: Duration = .seconds(30)) async throws -> WorkerID {
        try await jobs.join(
            WorkerDescription(
                kinds: ["greet"], queues: ["default": 10], concurrency: 10, host: "here", pid: 1, version: "0", startedAt: clock.now(),
                lease: lease))
    }

    func claim(_ worker: WorkerID, limit: Int = 10, queues: [String] = ["default"], kinds: [String] = ["greet"]) async throws
        -> [ClaimedJob]
    {
        try await exchange(worker, limit: limit, queues: queues, kinds: kinds).claimed
    }

    func exchange(
        _ worker: WorkerID, limit: Int = 10, queues: [String] = ["default"], kinds: [String] = ["greet"]
    ) async throws -> ExchangeReply {
        let shares = queues.map { ClaimRequest.QueueShare(queue: $0, limit: limit) }
        return try await jobs.exchange(
            ExchangeRequest(worker: worker, claim: ClaimRequest(limit: limit, queues: shares, kinds: kinds)))
    }

    /// The outcomes of all executions of a job, oldest first; a running one has none.
    func outcomes(_ id: JobID) async throws -> [Outcome?] {
        try #require(try await inspection.job(id)).executions.map(\.outcome)
    }

    func report(
        _ worker: WorkerID, _ job: ClaimedJob, _ outcome: Outcome, _ next: NextStep, error: StoredError? = nil, result: [UInt8]? = nil
    ) async throws -> ReportResult {
        let report = ExecutionReport(
            execution: job.execution, outcome: outcome, next: next, error: error, result: result, finishedAt: clock.now())
        let reply = try await jobs.exchange(ExchangeRequest(worker: worker, reports: [report]))
        return try #require(reply.results.first)
    }
}
