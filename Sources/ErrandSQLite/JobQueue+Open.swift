// The shortest way to a queue: a directory.

public import Errand

extension JobQueue {
    /// Opens the store in `directory` with the defaults of ``SQLiteStoreOptions``, making it if the directory is missing or empty.
    /// The store closes itself when nobody refers to its seams any more.
    /// - Throws: as ``SQLiteStore/open(directory:options:)``.
    public static func open(_ directory: String) throws(JobStoreError) -> JobQueue {
        JobQueue(store: try SQLiteStore.open(directory: directory).store)
    }

    /// Opens the store in an application's own database with the defaults of ``SQLiteStoreOptions``, so that jobs can be enqueued in the
    /// application's transactions: `enqueue(_:in:)`.
    /// - Throws: as ``SQLiteStore/open(database:options:)``.
    public static func open(database: String) throws(JobStoreError) -> JobQueue {
        JobQueue(store: try SQLiteStore.open(database: database).store)
    }
}
