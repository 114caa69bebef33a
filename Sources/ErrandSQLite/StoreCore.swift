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
    let space: SpaceGuard
    let ballast: Ballast
    let intake = Intake()
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

        let space = SpaceGuard(
            directory: path, rules: SpaceRules(reserve: options.reserveBytes, ballast: options.ballastBytes), look: options.space)
        let ballast = Ballast(directory: directory, space: space)
        // The first opener finds an empty directory, or a file that another one was about to fill.
        let isNew = !StoreDirectory.exists(directory.isEmbedded ? directory.doorbells : directory.queue)

        let opening = QueueOpening(
            directory: directory, lock: lock, wait: options.lockWait, boot: boot, clock: clock, standing: standing, space: space,
            recordsEvents: options.recordsEvents)
        var database = try opening.openIfSettled()
        if database == nil {
            database = try lock.whileOpening(wait: options.lockWait) { () throws(JobStoreError) in
                if isNew, !directory.isEmbedded { try directory.makeFile(directory.queue) }
                let database = try opening.openIfThereIsRoom()
                try directory.makeDirectory(directory.doorbells)
                if isNew { ballast.make() }
                return database
            }
        }

        let bells = DoorbellDirectory(path: directory.doorbells)
        let ring: @Sendable (Set<DoorbellTopic>) -> Void = { bells.ring($0) }
        queue = WriterThread(
            .init(
                name: "errand-write", lock: lock, byte: .queue, lockWait: options.lockWait, writeAheadLog: directory.queue + "-wal",
                ring: ring, didWait: { standing.didWait(nanoseconds: $0, uptime: clock.uptime) }, makeRoom: { ballast.release() }))
        reader = ReaderThread(name: "errand-read") { () throws(JobStoreError) in
            QueueReader(connection: try Connection.reader(of: directory.queue), boot: boot, clock: clock, standing: standing, lock: lock)
        }
        doorbell = SocketDoorbell(directory: bells) { ChangeLook(path: directory.queue) }
        logs = LogFile(directory: directory, lock: lock, wait: options.lockWait, space: space, ring: ring)
        (self.directory, self.options, self.clock, self.boot, self.lock, self.bells) = (directory, options, clock, boot, lock, bells)
        (self.space, self.ballast) = (space, ballast)
        if let database { queue.start(database) } else { queue.start { () throws(JobStoreError) in try opening.openLater() } }
    }

    deinit {
        guard LentThread.isLent else { return close(abruptly: false) }
        // The last to let go is a worker's work on a thread of the store's own, which cannot wait for itself.
        startThread(named: "errand-close") { [doorbell, queue, logs, reader, bells, lock] in
            StoreCore.close(doorbell, queue, logs, reader, bells, lock, abruptly: false)
        }
    }

    /// Ends every thread, after what was handed in or at once, and lets go of every lock and file.
    func close(abruptly: Bool) { StoreCore.close(doorbell, queue, logs, reader, bells, lock, abruptly: abruptly) }

    private static func close(
        _ doorbell: SocketDoorbell, _ queue: WriterThread<QueueDatabase>, _ logs: LogFile, _ reader: ReaderThread<QueueReader>,
        _ bells: DoorbellDirectory, _ lock: StoreLock, abruptly: Bool
    ) {
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
        let durability = jobs.reduce(nil) { most, job in max(most ?? .normal, job.durability ?? acknowledged) } ?? acknowledged
        let bytes = jobs.reduce(0) { $0 + $1.payload.count }
        return try await intake.admit(bytes: bytes) { () async throws(JobStoreError) in
            try await queue.perform(durability) { (database) throws(JobStoreError) in try database.takeIn(ready) }.get()
        }
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
        return try await queue.perform(reports.isEmpty ? .normal : acknowledged, isOutcome: !reports.isEmpty) {
            (database) throws(JobStoreError) in
            try database.exchange(request, reports: reports)
        }
    }

    func casualties(seenBy worker: WorkerID) async throws(JobStoreError) -> [Casualty] {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.casualties(seenBy: worker) }
    }

    func condemn(_ casualty: Casualty) async throws(JobStoreError) -> Casualty? {
        try await queue.perform(.normal) { (database) throws(JobStoreError) in
            let condemned = try database.condemn(casualty)
            guard condemned != nil, try database.dropLeader(casualty.worker) else { return (condemned, []) }
            return (condemned, QueueDatabase.periodicTopics)
        }
    }

    func rescue(_ request: RescueRequest) async throws(JobStoreError) -> [ExecutionID] {
        let prepared = try PreparedRescue(request)
        return try await queue.perform(acknowledged, isOutcome: true) { (database) throws(JobStoreError) in try database.rescue(prepared) }
    }

    func maintain() async throws(JobStoreError) {
        // On the writer's thread, which may wait for a disk.
        try await queue.perform(.normal) { [ballast] _ in
            ballast.make()
            return ((), [])
        }
    }

    func leave(_ worker: WorkerID) async throws(JobStoreError) {
        try await queue.perform(.normal) { (database) throws(JobStoreError) in ((), try database.leave(worker)) }
        standing.didLeave(worker)
        lock.disappear(worker)
    }
}

extension StoreCore: JobInspection {
    func jobs(matching selector: JobSelector, before cursor: JobID?, limit: Int) async throws(JobStoreError) -> JobPage {
        try await look { (reader) throws(JobStoreError) in try reader.jobs(matching: selector, before: cursor, limit: limit) }
    }

    func job(_ id: JobID) async throws(JobStoreError) -> JobDetail? {
        try await look { (reader) throws(JobStoreError) in try reader.job(id) }
    }

    func states(of ids: [JobID]) async throws(JobStoreError) -> [JobState?] {
        try await look { (reader) throws(JobStoreError) in try reader.states(of: ids) }
    }

    func jobs(meantBy text: String) async throws(JobStoreError) -> [JobID] {
        try await look { (reader) throws(JobStoreError) in try reader.jobs(meantBy: text) }
    }

    func tree(rootedAt root: JobID, limit: Int) async throws(JobStoreError) -> JobTree {
        try await look { (reader) throws(JobStoreError) in try reader.tree(rootedAt: root, limit: limit) }
    }

    func executions(heldBy worker: WorkerID) async throws(JobStoreError) -> [ExecutionID] {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.held(by: worker).sorted() }
    }

    func stats() async throws(JobStoreError) -> StoreStats {
        try await look { (reader) throws(JobStoreError) in try reader.stats() }
    }

    func metrics() async throws(JobStoreError) -> StoreMetrics {
        var metrics = try await look { (reader) throws(JobStoreError) in try reader.metrics() }
        // By name: opening a database file here and closing it again would drop SQLite's own locks on it.
        for path in [directory.queue, directory.queue + "-wal", directory.logs, directory.logs + "-wal"] {
            var status = stat()
            guard stat(path, &status) == 0 else { continue }
            metrics.files[String(path[path.index(after: path.lastIndex(of: "/") ?? path.startIndex)...])] = Int(status.st_size)
        }
        return metrics
    }
}

extension StoreCore: EventStore {
    func events(after cursor: EventCursor?, limit: Int) async throws(JobStoreError) -> EventPage {
        try await look { (reader) throws(JobStoreError) in try reader.events(after: cursor, limit: limit) }
    }
}

extension StoreCore: JobControl {
    func cancel(_ ids: [JobID], reason: String?) async throws(JobStoreError) -> [CancelResult] {
        try await queue.perform(acknowledged) { (database) throws(JobStoreError) in try database.cancel(ids, reason: reason) }
    }

    func retry(_ ids: [JobID], resettingAttempts: Bool, edits: [JobID: JobEdit]) async throws(JobStoreError) -> [RetryResult] {
        for edit in edits.values { try PreparedJob.checkSize(of: edit.payload) }
        return try await queue.perform(acknowledged) { (database) throws(JobStoreError) in
            try database.retry(ids, resettingAttempts: resettingAttempts, edits: edits)
        }
    }

    func promote(_ ids: [JobID], despiteDependencies: Bool) async throws(JobStoreError) -> [ChangeResult] {
        try await queue.perform(acknowledged) { (database) throws(JobStoreError) in
            try database.promote(ids, despiteDependencies: despiteDependencies)
        }
    }

    func edit(_ ids: [JobID], _ edit: JobEdit) async throws(JobStoreError) -> [ChangeResult] {
        try PreparedJob.checkSize(of: edit.payload)
        return try await queue.perform(acknowledged) { (database) throws(JobStoreError) in try database.edit(ids, edit) }
    }

    func delete(_ ids: [JobID], evenLive: Bool) async throws(JobStoreError) -> [ChangeResult] {
        try await queue.perform(acknowledged) { (database) throws(JobStoreError) in try database.delete(ids, evenLive: evenLive) }
    }

    func direct(_ workers: [WorkerID], _ directive: WorkerDirective) async throws(JobStoreError) -> [Bool] {
        // Gone with the worker: nothing of it matters after a power cut.
        try await queue.perform(.normal) { (database) throws(JobStoreError) in try database.direct(workers, directive) }
    }

    func prune(_ policy: RetentionPolicy, limit: Int) async throws(JobStoreError) -> PruneReport {
        try await queue.perform(acknowledged) { (database) throws(JobStoreError) in try database.prune(policy, limit: limit) }
    }
}
