// A disk that is almost full, or full: what is refused, what goes on, and what the ballast is for.

import CErrand
import Errand
import ErrandContext
import Glibc
import Synchronization
import Testing

@testable import ErrandSQLite

/// A file system whose room a test sets.
private final class PretendedDisk: Sendable {
    private let now = Mutex(DiskSpace(free: 1 << 30, total: 1 << 30))
    var free: Int {
        get { now.withLock { $0.free } }
        set { now.withLock { $0.free = newValue } }
    }

    func open(_ directory: TemporaryDirectory, _ change: (inout SQLiteStoreOptions) -> Void = { _ in }) throws -> SQLiteStore {
        var options = SQLiteStoreOptions()
        options.space = { self.now.withLock { $0 } }
        options.reserveBytes = 64 << 20
        options.ballastBytes = 1 << 20
        change(&options)
        return try SQLiteStore.open(directory: directory.path, options: options)
    }
}

@Suite(.timeLimit(.minutes(5))) struct FullDiskTests {
    private let directory = TemporaryDirectory()
    private let disk = PretendedDisk()

    private func job(_ kind: String = "greet") -> NewJob { NewJob(kind: kind, payload: Array("{}".utf8)) }

    private func join(_ store: SQLiteStore) async throws -> WorkerID {
        try await store.store.jobs.join(
            WorkerDescription(
                kinds: ["greet"], queues: ["default": 10], concurrency: 10, host: "here", pid: 1, version: "0",
                startedAt: Timestamp(microseconds: 1), lease: .seconds(30)))
    }

    private func claim(_ worker: WorkerID, reports: [ExecutionReport] = []) -> ExchangeRequest {
        ExchangeRequest(
            worker: worker, reports: reports,
            claim: ClaimRequest(limit: 1, queues: [.init(queue: "default", limit: 1)], kinds: ["greet"]))
    }

    private func ballast() -> Int { Ballast.bytes(in: directory.path) }

    // MARK: The guard

    @Test func `below the reserve nothing is taken in or given out, and everything else goes on`() async throws {
        let store = try disk.open(directory)
        let jobs = store.store.jobs
        let ids = try await jobs.enqueue([job(), job(), job()]).map(\.id)
        let worker = try await join(store)
        let running = try #require(try await jobs.exchange(claim(worker)).claimed.first)
        disk.free = (64 << 20) - 1

        do {
            _ = try await jobs.enqueue([job()])
            Issue.record("a job was taken in")
        } catch {
            guard case .full(let reason) = error else { throw error }
            #expect(reason.contains("63.9 MiB free") && reason.contains("64.0 MiB are kept") && reason.contains("--reserve"))
        }
        let report = ExecutionReport(
            execution: running.execution, outcome: .completed, next: .complete, finishedAt: Timestamp(microseconds: 2))
        let reply = try await jobs.exchange(claim(worker, reports: [report]))
        #expect(reply.results == [.accepted] && reply.claimed.isEmpty && reply.isRegistered)
        let shortage = try #require(reply.shortage)
        #expect(shortage.contains("kept for the outcomes"))
        #expect(try await store.store.control.cancel([ids[1]], reason: nil).count == 1)
        #expect(try await store.store.control.prune(RetentionPolicy(), limit: 10).jobs == [ids[0]])

        disk.free = 64 << 20
        #expect(try await jobs.enqueue([job()]).count == 1)
        let later = try await jobs.exchange(claim(worker))
        #expect(later.shortage == nil && later.claimed.map(\.execution.job) == [ids[2]])
    }

    @Test func `a refused enqueue costs the outcome in the same transaction nothing`() async throws {
        let store = try disk.open(directory) { $0.lockWait = nil }
        let jobs = store.store.jobs
        _ = try await jobs.enqueue([job()])
        let worker = try await join(store)
        let running = try #require(try await jobs.exchange(claim(worker)).claimed.first)
        disk.free = 0
        let file = Glibc.open("\(directory.path)/lock", O_RDWR | O_CLOEXEC)
        #expect(errand_lock_take(file, 0, 0) == 0)
        let queue = store.core.queue
        async let refused = jobs.enqueue([job()])
        let report = ExecutionReport(
            execution: running.execution, outcome: .completed, next: .complete, finishedAt: Timestamp(microseconds: 2))
        async let reply = jobs.exchange(ExchangeRequest(worker: worker, reports: [report]))
        while queue.waiting + queue.taken < 2 { await Task.yield() }
        close(file)
        #expect(try await reply.results == [.accepted])
        do {
            _ = try await refused
            Issue.record("a job was taken in")
        } catch {
            guard case .full = error as? JobStoreError else { throw error }
        }
    }

    @Test func `what the write-ahead logs will need once more does not count as free`() throws {
        let rules = SpaceRules(reserve: 64 << 20)
        func shortage(pending: Int) -> String? {
            SpaceGuard(directory: "/s", rules: rules) { DiskSpace(free: 80 << 20, total: 1 << 30, pending: pending) }.shortageForJobs()
        }
        #expect(shortage(pending: 16 << 20) == nil)
        let text = try #require(shortage(pending: (16 << 20) + 1))
        #expect(text.contains("80.0 MiB free, 16.0 MiB of it for write-ahead logs"))
    }

    @Test func `the defaults are small on small disks, and a disk that does not tell is never full`() {
        let rules = SpaceRules()
        #expect(rules.reserve(of: DiskSpace(free: 0, total: 1 << 40)) == 64 << 20)
        #expect(rules.ballast(of: DiskSpace(free: 0, total: 1 << 40)) == 8 << 20)
        #expect(rules.reserve(of: DiskSpace(free: 0, total: 16 << 20)) == 1 << 20)
        #expect(rules.ballast(of: DiskSpace(free: 0, total: 16 << 20)) == 256 << 10)
        #expect(rules.logReserve(of: DiskSpace(free: 0, total: 16 << 20)) == 2 << 20)
        #expect(SpaceGuard(directory: "/s", rules: rules) { nil }.shortageForJobs() == nil)
    }

    @Test func `logs stop at twice the reserve, when jobs still go on`() async throws {
        let store = try disk.open(directory)
        let chunk = LogChunk(
            job: nil, ordinal: 1, firstSequence: 1, lines: 1, firstTime: Timestamp(microseconds: 1), lastTime: Timestamp(microseconds: 1),
            highestLevel: .info, flags: [], body: Array("x\n".utf8))
        // Its two bytes are written twice.
        disk.free = (128 << 20) + 4
        let cursors = try await store.store.logs.append([chunk], dropping: [])
        disk.free = (128 << 20) - 1
        do {
            _ = try await store.store.logs.append([chunk], dropping: cursors)
            Issue.record("a line was kept")
        } catch {
            guard case .full(let reason) = error else { throw error }
            #expect(reason.contains("127.9 MiB free") && reason.contains("128.0 MiB are not for logs"))
        }
        #expect(try await store.store.jobs.enqueue([job()]).count == 1)
        // What makes room is always allowed.
        #expect(try await store.store.logs.append([], dropping: cursors).isEmpty)
    }

    // MARK: The ballast

    @Test func `the ballast is made with the store, and by nobody who opens it later`() throws {
        try disk.open(directory).close()
        #expect(ballast() >= 1 << 20)
        #expect(unlink("\(directory.path)/ballast") == 0)
        try disk.open(directory).close()
        #expect(ballast() == 0)
    }

    @Test func `maintenance makes the ballast again once twice as much is free beyond the reserve`() async throws {
        let store = try disk.open(directory)
        #expect(unlink("\(directory.path)/ballast") == 0)
        disk.free = (64 << 20) + (2 << 20) - 1
        try await store.store.jobs.maintain()
        #expect(ballast() == 0)
        disk.free += 1
        try await store.store.jobs.maintain()
        #expect(ballast() >= 1 << 20)
        #expect(truncate("\(directory.path)/ballast", 0) == 0)
        try await store.store.jobs.maintain()
        #expect(ballast() >= 1 << 20)
    }

    @Test func `an outcome that meets a full disk releases the ballast and is tried again`() async throws {
        let store = try disk.open(directory)
        let path = "\(directory.path)/ballast"
        let tries = Mutex(0)
        try await store.core.queue.perform(.normal, isOutcome: true) { _ throws(JobStoreError) in
            tries.withLock { $0 += 1 }
            guard access(path, F_OK) != 0 else { throw .full(reason: "no room") }
            return ((), [])
        }
        #expect(tries.withLock { $0 } == 2)
        // Nothing is left to release: the outcome waits in its worker.
        await #expect(throws: JobStoreError.full(reason: "no room")) {
            try await store.core.queue.perform(.normal, isOutcome: true) { _ throws(JobStoreError) -> (Void, Set<DoorbellTopic>) in
                throw .full(reason: "no room")
            }
        }
    }

    @Test func `nothing but an outcome releases the ballast`() async throws {
        let store = try disk.open(directory)
        await #expect(throws: JobStoreError.full(reason: "no room")) {
            try await store.core.queue.perform(.normal) { _ throws(JobStoreError) -> (Void, Set<DoorbellTopic>) in
                throw .full(reason: "no room")
            }
        }
        #expect(ballast() >= 1 << 20)
    }

    // MARK: Mappings and readers

    @Test func `a shared mapping for writing has no holes`() throws {
        #expect(SharedMemory.isAllocatedFirst)
        let path = "/tmp/errand-map-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        let file = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        unlink(path)
        defer { close(file) }
        #expect(ftruncate(file, 1 << 20) == 0)
        func allocated() -> Int {
            var status = stat()
            fstat(file, &status)
            return Int(status.st_blocks) * 512
        }
        let read = try #require(errand_map_allocated(nil, 1 << 20, PROT_READ, MAP_SHARED, file, 0))
        munmap(read, 1 << 20)
        #expect(allocated() == 0)
        let written = try #require(errand_map_allocated(nil, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0))
        munmap(written, 1 << 20)
        #expect(allocated() >= 1 << 20)
    }

    @Test func `a stopgap reads what is only in the write-ahead log, alone and beside a writer`() async throws {
        let store = try disk.open(directory)
        _ = try await store.store.jobs.enqueue([job(), job()])
        let path = "\(directory.path)/queue.db"
        func count() throws -> Int64? {
            try Connection(path: path, queryOnly: true, isStopgap: true).integer("SELECT count(*) FROM errand_job")
        }
        #expect(try count() == 2)
        store.crash()
        #expect(try count() == 2)
        // It has left nothing behind that would keep a writer away.
        let again = try disk.open(directory)
        _ = try await again.store.jobs.enqueue([job()])
        #expect(try count() == 3)
    }

    @Test func `a stopgap finds a store whose path looks like a query`() throws {
        #expect(Connection.address(ofStopgap: "/a?b#c%d/queue.db") == "file:///a%3fb%23c%25d/queue.db?readonly_shm=1")
        #expect(Connection.address(ofStopgap: "x/queue.db") == "file:x/queue.db?readonly_shm=1")
        let odd = TemporaryDirectory()
        #expect(mkdir(odd.path, 0o700) == 0)
        let path = odd.path + "/a?b#c%d"
        try SQLiteStore.open(directory: path).close()
        #expect(
            try Connection(path: "\(path)/queue.db", queryOnly: true, isStopgap: true).integer("SELECT count(*) FROM errand_job") == 0)
    }

    @Test func `a batch of lines is refused before it takes what jobs need`() {
        let rules = SpaceRules(reserve: 1 << 20)
        let space = SpaceGuard(directory: "/s", rules: rules) { DiskSpace(free: 3 << 20, total: 16 << 20) }
        #expect(space.shortageForLogs(of: 512 << 10) == nil)
        #expect(space.shortageForLogs(of: (512 << 10) + 1) != nil, "twice that is more than the megabyte above the reserve")
        #expect(space.shortageForJobs() == nil)
    }
}
