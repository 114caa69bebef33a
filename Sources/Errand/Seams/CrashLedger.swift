// The seam to the crash files: what a dying worker leaves behind for whoever finds it.

/// Keeps one small file for each worker, which its process can still write to while it crashes.
///
/// Worth less than everything else in a store: whatever fails here costs a conviction, never a job. Calls are short and may block.
public protocol CrashLedger: Sendable {
    /// Makes the file of `worker`, empty, open for appending and closed in child processes. The caller closes the descriptor.
    /// - Throws: ``JobStoreError``.
    func open(for worker: WorkerID) throws(JobStoreError) -> Int32

    /// What the file of `worker` holds, at most its first 64 KiB; `nil` when there is none.
    /// - Throws: ``JobStoreError`` when there is one and it cannot be read.
    func contents(of worker: WorkerID) throws(JobStoreError) -> [UInt8]?

    /// Deletes the file of `worker`, if there is one.
    /// - Throws: ``JobStoreError``.
    func remove(_ worker: WorkerID) throws(JobStoreError)

    /// The workers whose files have not been written to for `age`, by the file system's clock.
    /// - Throws: ``JobStoreError``.
    func workers(untouchedFor age: Duration) throws(JobStoreError) -> [WorkerID]
}
