// Copies the files of an open store through SQLite's backup API, settles what was under way, and reads the copy back.

import CSQLite
import Errand
import ErrandContext

#if canImport(Glibc)
import Glibc
#endif

/// One copy of a store in the making. Used by one thread.
struct StoreCopy {
    let core: StoreCore
    let copy: StoreDirectory

    /// How many jobs there are, and how many are in each state.
    private struct Census: Equatable {
        var jobs: Int64
        var running: Int64
        var states: Int64
    }

    /// Pages that one call of the backup API copies: 4 MiB.
    private static let pagesPerStep: Int32 = 1024

    /// Makes the copy in an empty directory.
    func make(includesLogs: Bool) throws(JobStoreError) -> BackupReport {
        // Jobs first: the lines of every outcome in the copy were committed before it, so that they are found in the logs.
        let census = try copyQueue()
        let hasLogs = includesLogs && StoreDirectory.exists(core.directory.logs)
        if hasLogs {
            try copyFile(core.directory.logs, to: copy.logs) { _ in }
            try StoreCopy.seal(try Connection(path: copy.logs, queryOnly: false))
            try check(try Connection(path: copy.logs, queryOnly: true), of: core.directory.logs)
        }
        let files = [copy.queue] + (hasLogs ? [copy.logs] : [])
        return BackupReport(
            jobs: Int(census.jobs), running: Int(census.running), bytes: files.reduce(0) { $0 + StoreCopy.size(of: $1) }, hasLogs: hasLogs)
    }

    private func copyQueue() throws(JobStoreError) -> Census {
        var original: Census?
        try copyFile(core.directory.queue, to: copy.queue) { (source) throws(JobStoreError) in original = try census(source) }
        try settle()
        // A fresh connection reads what is on disk, and not what another one remembers.
        let reader = try Connection(path: copy.queue, queryOnly: true)
        try check(reader, of: core.directory.queue)
        let copied = try census(reader)
        guard let original, copied.jobs == original.jobs, copied.states == original.states, copied.running == 0 else {
            throw .damaged(
                reason:
                    "the copy has \(copied.jobs) jobs with \(copied.states) states, the store \(original?.jobs ?? 0) with \(original?.states ?? 0): \(Damage.advice(on: core.directory.queue))"
            )
        }
        return original
    }

    /// Copies one file as it is at this moment; `look` sees the same state of the original.
    private func copyFile(
        _ original: String, to path: String, look: (Connection) throws(JobStoreError) -> Void
    ) throws(JobStoreError) {
        let source = try Connection(path: original, queryOnly: true)
        try copy.makeFile(path)
        let target = try Connection(path: path, queryOnly: false)
        // One snapshot for everything, which no commit disturbs.
        try source.execute("BEGIN")
        defer { source.rollback() }
        try look(source)
        guard let backup = sqlite3_backup_init(target.handle, "main", source.handle, "main") else {
            throw target.failure(sqlite3_errcode(target.handle))
        }
        var code: Int32
        repeat { code = sqlite3_backup_step(backup, StoreCopy.pagesPerStep) } while code == SQLITE_OK
        let end = sqlite3_backup_finish(backup)
        guard code == SQLITE_DONE, end == SQLITE_OK else { throw target.failure(end == SQLITE_OK ? code : end) }
    }

    /// Makes a copied file complete by itself; whoever opens it as a store gives it a write-ahead log again.
    private static func seal(_ connection: Connection) throws(JobStoreError) {
        try connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        try connection.execute("PRAGMA journal_mode=DELETE")
    }

    /// Makes a store of its own out of the copy: nobody works on it, and what was running is available.
    private func settle() throws(JobStoreError) {
        let connection = try Connection(path: copy.queue, queryOnly: false)
        try StoreCopy.seal(connection)
        let boots = try connection.integer("SELECT boot_number FROM errand_meta") ?? 0
        let database = QueueDatabase(
            connection: connection, bootNumber: boots, boot: core.boot, clock: core.clock, standing: Standing(), space: core.space)
        try connection.begin(.full)
        do throws(JobStoreError) {
            // What waits in the inbox waits in the copy as well.
            database.takesInbox = false
            _ = try database.didBegin()
            try database.giveBackAll()
            try Restore.mark(connection)
            try database.willCommit()
            try connection.commit()
        } catch {
            connection.rollback()
            throw error
        }
    }

    private func check(_ connection: Connection, of original: String) throws(JobStoreError) {
        let findings = try DatabaseCheck.run("PRAGMA integrity_check(3)", on: connection)
        guard findings.isEmpty else {
            throw .damaged(
                reason:
                    "the copy of \(original) is damaged, and so the store must be: \(findings.joined(separator: "; ")): \(Damage.advice(on: original))"
            )
        }
    }

    private func census(_ connection: Connection) throws(JobStoreError) -> Census {
        let found = try connection.prepare(StoreCopySQL.census).first { row in
            Census(jobs: row.integer(0), running: row.integer(1), states: row.integer(2))
        }
        return found ?? Census(jobs: 0, running: 0, states: 0)
    }

    private static func size(of path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }
}

extension QueueDatabase {
    /// Why an execution ended that ran when its store was copied. With an error it does not count as a death of unknown cause.
    private static let cutByBackup = StoredError(
        type: "RestoredFromBackup", message: "was running when this copy of the store was made; in the original it went on")

    /// Takes all workers out, and makes available what they hold: in a copy they never will report.
    fileprivate func giveBackAll() throws(JobStoreError) {
        let error = try JSONText.encode(QueueDatabase.cutByBackup)
        var held: [HeldExecution] = []
        try connection[StoreCopySQL.running].forEach { row in
            held.append(
                HeldExecution(
                    id: row.integer(0), ordinal: row.integer(1), attempt: row.integer(2), crashes: row.integer(3), worker: row.integer(4),
                    startedAt: row.integer(5), feed: row.integer(6), key: row.optionalInteger(7)))
        }
        var topics: Set<DoorbellTopic> = []
        for execution in held {
            try leave(
                execution, end: RecordedEnd(outcome: .interrupted, finishedAt: clock.now, error: error), next: .giveBack, topics: &topics)
        }
        try connection.execute("DELETE FROM errand_worker")
    }
}

/// The statements of copying. Each walks whole tables: a copy is read from end to end anyway.
enum StoreCopySQL {
    /// Jobs, those that run, and rows of all states.
    static let census = SQL(
        """
        SELECT (SELECT count(*) FROM errand_job), (SELECT count(*) FROM errand_running),
               (SELECT count(*) FROM errand_available) + (SELECT count(*) FROM errand_waiting) + (SELECT count(*) FROM errand_scheduled)
               + (SELECT count(*) FROM errand_suspect WHERE base IS NOT NULL) + (SELECT count(*) FROM errand_held)
               + (SELECT count(*) FROM errand_blocked)
               + (SELECT count(*) FROM errand_running) + (SELECT count(*) FROM errand_finished)
        """)

    static let running = SQL("SELECT id, ordinal, attempt, crashes, worker, started_at, feed, key FROM errand_running")
}
