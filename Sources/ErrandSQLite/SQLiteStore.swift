// The public face: a store in a directory, opened and closed.

public import Errand

/// A store in a directory of its own: `queue.db`, `logs.db`, a lock file and doorbells. Any number of processes may open it.
///
/// ```swift
/// let opened = try SQLiteStore.open(directory: "/var/lib/errand")
/// let results = try await opened.store.jobs.enqueue([NewJob(kind: "greet", payload: Array("{}".utf8))])
/// opened.close()
/// ```
public final class SQLiteStore: Sendable {
    let core: StoreCore
    /// The seams of this store, for whatever works with jobs and logs.
    public let store: Store

    private init(core: StoreCore) {
        self.core = core
        store = Store(
            jobs: core, inspection: core, control: core, queues: core, periodic: core, steps: core, workflows: core, logs: core.logs,
            doorbell: core.doorbell,
            crashes: CrashDirectory(path: core.directory.crashes), events: core, transfer: core, transactions: core)
    }

    /// Opens the store in `directory`. Blocks for a few milliseconds, or while another process creates or migrates the store.
    /// - Parameters:
    ///   - directory: the path of the store. A missing or empty directory becomes a store, for its owner alone, unless
    ///     `options` says otherwise; a directory with other files in it never does.
    ///   - options: how to open it.
    /// - Throws: ``JobStoreError/unavailable(reason:)`` when the directory cannot be used, lies on a network file system, or somebody
    ///   holds its lock for too long,
    ///   ``JobStoreError/damaged(reason:)`` when it is no store or lacks its `queue.db`, ``JobStoreError/newerSchema(found:supported:)``
    ///   when a newer Errand made it, ``JobStoreError/full(reason:)`` when the disk has no room for it.
    public static func open(
        directory: String, options: SQLiteStoreOptions = SQLiteStoreOptions()
    ) throws(JobStoreError) -> SQLiteStore {
        SQLiteStore(core: try StoreCore(path: directory, options: options))
    }

    /// Commits what was handed in, and lets go of every file and lock; whatever comes later gets
    /// ``JobStoreError/unavailable(reason:)``. A store that nobody refers to any more closes itself.
    public func close() { core.close(abruptly: false) }

    /// Lets go of everything as the process's death would: no worker leaves, what was not committed is lost.
    package func crash() { core.close(abruptly: true) }

    /// How many commits this opened store has made to `queue.db`.
    package var commits: Int { core.queue.commits }
}
