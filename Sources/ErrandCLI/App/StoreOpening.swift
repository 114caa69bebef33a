// The store of the stock tool: SQLite in a directory.

import Errand
import ErrandSQLite

extension OpenedStore {
    /// Opens a SQLite store.
    /// - Throws: `JobStoreError`.
    static func sqlite(_ request: StoreRequest) async throws(JobStoreError) -> OpenedStore {
        var options = SQLiteStoreOptions()
        options.createIfMissing = request.createIfMissing
        options.lockWait = request.lockWait
        options.durability = request.durability
        options.reserveBytes = request.reserveBytes
        let opened = try SQLiteStore.open(directory: request.directory, options: options)
        return OpenedStore(opened.store) { opened.close() }
    }
}
