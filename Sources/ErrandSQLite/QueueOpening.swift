// Opens queue.db for its writer: at once, or as soon as there is room for it.

import Errand

#if canImport(Glibc)
import Glibc
#endif

/// Everything that it takes to open `queue.db` for writing.
struct QueueOpening: Sendable {
    let directory: StoreDirectory
    let lock: StoreLock
    let wait: Duration?
    let boot: BootIdentity
    let clock: MachineClock
    let standing: Standing
    let space: SpaceGuard
    let recordsEvents: Bool

    private var guarded: WriteGuard { WriteGuard(lock: lock, byte: .queue, wait: wait) }

    /// The file, when nothing is to be made, migrated or stepped; without any lock.
    func openIfSettled() throws(JobStoreError) -> QueueDatabase? {
        guard hasTables, access(directory.doorbells, F_OK) == 0 else { return nil }
        do throws(JobStoreError) {
            let connection = try Connection(path: directory.queue, queryOnly: false)
            guard try Migrations.isSettled(connection, .queue, under: guarded),
                let bootNumber = try Migrations.bootNumber(connection, boot: boot)
            else { return nil }
            return try database(on: connection, bootNumber: bootNumber)
        } catch {
            // Somebody may be in the middle of making it; whoever waits for that learns what is wrong.
            return nil
        }
    }

    /// Opens the file, makes or migrates it, and steps the boot number.
    private func open() throws(JobStoreError) -> QueueDatabase {
        let connection = try Connection(path: directory.queue, queryOnly: false)
        // Tables come before doorbells. Where they are gone, somebody has put another database in its place.
        if directory.isEmbedded, StoreDirectory.exists(directory.doorbells),
            try connection.integer("SELECT 1 FROM sqlite_schema WHERE name = 'errand_meta'") == nil
        {
            throw .damaged(
                reason:
                    "\(directory.queue) has no jobs any more, and \(directory.path) belongs to them: put the database back, or move that directory away to begin anew"
            )
        }
        let bootNumber = try Migrations.prepareQueue(connection, boot: boot, isEmbedded: directory.isEmbedded, under: guarded) {
            () throws(JobStoreError) in
            try directory.synchronize()
        }
        return try database(on: connection, bootNumber: bootNumber)
    }

    private func database(on connection: Connection, bootNumber: Int64) throws(JobStoreError) -> QueueDatabase {
        let database = QueueDatabase(
            connection: connection, bootNumber: bootNumber, boot: boot, clock: clock, standing: standing, space: space)
        database.recordsEvents = recordsEvents
        database.firstOrdinal = try Restore.firstOrdinal(connection)
        return database
    }

    /// The file, or `nil` on a disk without room for what opening writes: a store that exists is readable there all the same. The caller
    /// has the lock ``StoreLock/Byte/open``.
    func openIfThereIsRoom() throws(JobStoreError) -> QueueDatabase? {
        do throws(JobStoreError) {
            return try open()
        } catch {
            guard case .full = error, hasTables else { throw error }
            return nil
        }
    }

    /// The file, for a writer that could not have it before.
    func openLater() throws(JobStoreError) -> QueueDatabase {
        try lock.whileOpening(wait: wait) { () throws(JobStoreError) in try open() }
    }

    /// Whether the file has been filled once; an empty one is a store that could not be made.
    private var hasTables: Bool {
        var status = stat()
        // In an application's database there may be tables of others only.
        return stat(directory.queue, &status) == 0 && status.st_size > 0
            && (!directory.isEmbedded || StoreDirectory.exists(directory.doorbells))
    }
}
