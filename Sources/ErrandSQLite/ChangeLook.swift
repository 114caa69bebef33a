// The safety net below the doorbell: sees changes that nobody rang for, such as rows inserted by plain SQL.

import Errand

/// Looks at a store for changes. Used by the doorbell's thread only.
final class ChangeLook {
    private let path: String
    private var connection: Connection?
    private var version: Int64?
    private var fingerprint: [Int64]?

    /// A look at `queue.db` at `path`.
    init(path: String) { self.path = path }

    /// Whether jobs, wishes or outcomes have come since the last look. `false` when the file cannot be read: whoever needs it
    /// learns so by itself.
    ///
    /// A commit alone says little: an idle worker's heartbeat is one, and waking for it would make the next. So the database's
    /// version, which costs next to nothing, only says when to compare what a worker could act on.
    func hasChanged() -> Bool {
        do throws(JobStoreError) {
            let connection: Connection
            if let open = self.connection { connection = open } else { connection = try Connection.reader(of: path) }
            // On a disk without room there is little to see, and whoever reads now would be in a writer's way later.
            guard !connection.isStopgap else { return false }
            self.connection = connection
            let version = try connection[QueueSQL.dataVersion].first { $0.integer(0) }
            guard version != self.version else { return false }
            let isFirst = self.version == nil
            self.version = version
            let fingerprint = try connection[ChangeSQL.fingerprint].first { row in (0..<6).map { row.integer($0) } }
            defer { self.fingerprint = fingerprint }
            return !isFirst && fingerprint != self.fingerprint
        } catch {
            connection = nil
            version = nil
            return false
        }
    }
}

/// What the look compares.
enum ChangeSQL {
    /// The ends of `errand_job`, `errand_inbox` and of index `errand_scheduled_due`, the counters, and three small tables.
    static let fingerprint = SQL(
        """
        SELECT (SELECT max(id) FROM errand_job), (SELECT min(run_at) FROM errand_scheduled), (SELECT max(requested_at) FROM errand_control),
               (SELECT sum(jobs) FROM errand_counter), (SELECT count(*) FROM errand_running),
               (SELECT max(id) FROM errand_inbox)
        """)
}
