// The crash files of the in-memory store.

public import Errand
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// A ``CrashLedger`` in memory: a process that really crashes takes it along, so tests write down what it would have left.
public final class ModelCrashLedger: CrashLedger {
    private let files = Mutex<[WorkerID: [UInt8]]>([:])

    /// An empty ledger.
    public init() {}

    /// Makes the crash file of `worker` hold `bytes`.
    public func leave(_ bytes: [UInt8], by worker: WorkerID) { files.withLock { $0[worker] = bytes } }

    /// Notes an empty file; what is written to the descriptor is not kept.
    public func open(for worker: WorkerID) throws(JobStoreError) -> Int32 {
        let descriptor = Glibc.open("/dev/null", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unavailable(reason: "cannot open /dev/null") }
        leave([], by: worker)
        return descriptor
    }

    /// What was left by `worker`; never throws.
    public func contents(of worker: WorkerID) throws(JobStoreError) -> [UInt8]? { files.withLock { $0[worker] } }

    /// Forgets the file of `worker`; never throws.
    public func remove(_ worker: WorkerID) throws(JobStoreError) { files.withLock { $0[worker] = nil } }

    /// All workers that have left a file: time does not pass here. Never throws.
    public func workers(untouchedFor age: Duration) throws(JobStoreError) -> [WorkerID] {
        files.withLock { $0.keys.sorted { $0.rawValue < $1.rawValue } }
    }
}
