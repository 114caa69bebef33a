// The opened store: its threads, and the seams that hand their work to them.

import Errand
import ErrandContext
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// An opened store.
final class StoreCore: Sendable {
    let directory: StoreDirectory
    let options: SQLiteStoreOptions
    let clock: MachineClock
    let boot: BootIdentity
    let lock: StoreLock
    let standing = Standing()
    let queue: WriterThread<QueueDatabase>
    let reader: ReaderThread<QueueReader>
    let bells: DoorbellDirectory
    let doorbell: SocketDoorbell
    let logs: LogFile

    /// Opens the store in `path`, or makes it.
    init(path: String, options: SQLiteStoreOptions) throws(JobStoreError) {
        let directory = StoreDirectory(path: path)
        try FileSystem.refuseNetworks(at: path, asking: options.fileSystem)
        try directory.prepare(createIfMissing: options.createIfMissing)
        let lock = try StoreLock(directory: path)
        let clock = MachineClock(clock: options.clock)
        let boot = BootIdentity.current(named: options.bootID)
        let standing = standing

        try lock.acquire(.open, wait: options.lockWait)
        defer { lock.release(.open) }
        if access(directory.queue, F_OK) != 0 { try directory.makeFile(directory.queue) }
        let connection = try Connection(path: directory.queue, queryOnly: false)
        let guarded = WriteGuard(lock: lock, byte: .queue, wait: options.lockWait)
        let bootNumber = try Migrations.prepareQueue(connection, boot: boot, under: guarded) { () throws(JobStoreError) in
            try directory.synchronize()
        }
        try directory.makeDirectory(directory.doorbells)

        let bells = DoorbellDirectory(path: directory.doorbells)
        let ring: @Sendable (Set<DoorbellTopic>) -> Void = { bells.ring($0) }
        queue = WriterThread(
            .init(
                name: "errand-write", lock: lock, byte: .queue, lockWait: options.lockWait, writeAheadLog: directory.queue + "-wal",
                ring: ring, didWait: { standing.didWait(nanoseconds: $0, uptime: clock.uptime) }))
        reader = ReaderThread(name: "errand-read") { () throws(JobStoreError) in
            QueueReader(
                connection: try Connection(path: directory.queue, queryOnly: true), boot: boot, clock: clock, standing: standing, lock: lock
            )
        }
        doorbell = SocketDoorbell(directory: bells) { ChangeLook(path: directory.queue) }
        logs = LogFile(directory: directory, lock: lock, wait: options.lockWait, ring: ring)
        (self.directory, self.options, self.clock, self.boot, self.lock, self.bells) = (directory, options, clock, boot, lock, bells)
        let database = QueueDatabase(connection: connection, bootNumber: bootNumber, boot: boot, clock: clock, standing: standing)
        database.firstOrdinal = try Restore.firstOrdinal(connection)
        queue.start(database)
    }

    deinit { close(abruptly: false) }

    /// Ends every thread, after what was handed in or at once, and lets go of every lock and file.
    func close(abruptly: Bool) {
        doorbell.close()
        queue.stop(abruptly: abruptly)
        logs.close(abruptly: abruptly)
        reader.stop()
        bells.close()
        lock.close()
    }

    /// How durable an acknowledgement is.
    var acknowledged: Durability { options.durability }
}

extension StoreCore: JobStore {
    func enqueue(_ jobs: [NewJob]) async throws(JobStoreError) -> [EnqueueResult] {
        guard !jobs.isEmpty else { return [] }
        var prepared: [PreparedJob] = []
        prepared.reserveCapacity(jobs.count)
        for job in jobs { prepared.append(try PreparedJob(job)) }
        let ready = prepared
        let durability = jobs.map { $0.durability ?? acknowledged }.max() ?? acknowledged
        return try await queue.perform(durability) { (database) throws(JobStoreError) in try database.enqueue(ready) }
    }

    func join(_ worker: WorkerDescription) async throws(JobStoreError) -> WorkerID {
        let description = try JSONText.encode(worker)
        let lease = worker.lease.wholeMicroseconds
        var random = SystemRandomNumberGenerator()
        var id = WorkerID(using: &random)
        while !lock.appear(id) {
            guard try lock.isPresent(id) else { throw .unavailable(reason: "\(lock.path): no lock can be taken on this file system") }
            id = WorkerID(using: &random)
        }
        let worker = id
        do throws(JobStoreError) {
            try await queue.perform(.normal) { (database) throws(JobStoreError) in
                try database.join(worker, lease: lease, description: description)
                return ((), [])
            }
        } catch {
            lock.disappear(worker)
            throw error
        }
        return worker
    }

    func exchange(_ request: ExchangeRequest) async throws(JobStoreError) -> ExchangeReply {
        var prepared: [PreparedReport] = []
        prepared.reserveCapacity(request.reports.count)
        for report in request.reports { prepared.append(try PreparedReport(report)) }
        let reports = prepared
        // A claim, a promotion and a heartbeat may be lost in a power cut: what they said becomes true again by itself.
        return try await queue.perform(reports.isEmpty ? .normal : acknowledged) { (database) throws(JobStoreError) in
            try database.exchange(request, reports: reports)
        }
    }

    func casualties(seenBy worker: WorkerID) async throws(JobStoreError) -> [Casualty] {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.casualties(seenBy: worker) }
    }

    func condemn(_ casualty: Casualty) async throws(JobStoreError) -> Casualty? {
        try await queue.perform(.normal) { (database) throws(JobStoreError) in (try database.condemn(casualty), []) }
    }

    func rescue(_ request: RescueRequest) async throws(JobStoreError) -> [ExecutionID] {
        let prepared = try PreparedRescue(request)
        return try await queue.perform(acknowledged) { (database) throws(JobStoreError) in try database.rescue(prepared) }
    }

    func leave(_ worker: WorkerID) async throws(JobStoreError) {
        try await queue.perform(.normal) { (database) throws(JobStoreError) in
            try database.leave(worker)
            return ((), [])
        }
        standing.didLeave(worker)
        lock.disappear(worker)
    }
}

extension StoreCore: JobInspection {
    func jobs(matching selector: JobSelector, before cursor: JobID?, limit: Int) async throws(JobStoreError) -> JobPage {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.jobs(matching: selector, before: cursor, limit: limit) }
    }

    func job(_ id: JobID) async throws(JobStoreError) -> JobDetail? {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.job(id) }
    }

    func states(of ids: [JobID]) async throws(JobStoreError) -> [JobState?] {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.states(of: ids) }
    }

    func jobs(meantBy text: String) async throws(JobStoreError) -> [JobID] {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.jobs(meantBy: text) }
    }

    func tree(rootedAt root: JobID, limit: Int) async throws(JobStoreError) -> JobTree {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.tree(rootedAt: root, limit: limit) }
    }

    func stats() async throws(JobStoreError) -> StoreStats {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.stats() }
    }
}

extension StoreCore: JobControl {
    func cancel(_ ids: [JobID], reason: String?) async throws(JobStoreError) -> [CancelResult] {
        try await queue.perform(acknowledged) { (database) throws(JobStoreError) in try database.cancel(ids, reason: reason) }
    }

    func retry(_ ids: [JobID], resettingAttempts: Bool) async throws(JobStoreError) -> [RetryResult] {
        try await queue.perform(acknowledged) { (database) throws(JobStoreError) in
            try database.retry(ids, resettingAttempts: resettingAttempts)
        }
    }

    func prune(_ policy: RetentionPolicy, limit: Int) async throws(JobStoreError) -> PruneReport {
        try await queue.perform(acknowledged) { (database) throws(JobStoreError) in try database.prune(policy, limit: limit) }
    }
}
