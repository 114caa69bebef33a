// Waiting for each other without sleeping.

#if Web
import Glibc
import Synchronization

/// Collects values from any thread.
final class Collected<Value: Sendable>: Sendable {
    private let state = Mutex<[Value]>([])

    var values: [Value] { state.withLock { $0 } }

    func add(_ value: Value) { state.withLock { $0.append(value) } }
}

/// How many threads the shared pool has.
enum ProcessorCount {
    static var online: Int { sysconf(Int32(_SC_NPROCESSORS_ONLN)) }
}
#endif
