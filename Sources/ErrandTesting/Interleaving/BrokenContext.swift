// Ways to remember the current execution that do not work: what every check of attribution must notice.

package import ErrandContext
import Glibc
import Synchronization

/// Remembers who is current, wrongly.
package protocol BrokenContext: Sendable {
    /// From now on this execution is current, as far as it can be told.
    func enter(_ id: ExecutionID)
    /// Who is current.
    var current: ExecutionID? { get }
}

/// One "current execution" for the whole process: the last writer owns everything.
package final class SharedCurrent: BrokenContext {
    private let state = Mutex<ExecutionID?>(nil)

    package init() {}

    package func enter(_ id: ExecutionID) { state.withLock { $0 = id } }
    package var current: ExecutionID? { state.withLock { $0 } }
}

/// One "current execution" for each thread: the last writer owns whatever runs there.
package final class ThreadDictionary: BrokenContext {
    private let state = Mutex<[pthread_t: ExecutionID]>([:])

    package init() {}

    package func enter(_ id: ExecutionID) { state.withLock { $0[pthread_self()] = id } }
    package var current: ExecutionID? { state.withLock { $0[pthread_self()] } }
}
