// Threads that run a worker's work themselves where they would wake the worker's own thread for it: each such wake costs more than the work.

import Glibc

/// What the threads of the house do for worker threads on their way.
///
/// A thread lends itself only where nothing of its caller's is held: a lock that somebody else's code holds there could be one that the
/// worker's work asks for.
package enum LentThread {
    /// Runs `body`, then whatever that has given worker threads to do, on this thread; what another thread is doing already stays with that.
    package static func whileLending(_ body: () -> Void) {
        // Within another's scope there is one already, and within the worker's own work its thread goes on with it.
        guard current == nil else { return body() }
        let scope = Scope()
        pthread_setspecific(key, Unmanaged.passUnretained(scope).toOpaque())
        body()
        scope.isOver = true
        for executor in scope.executors { executor.runHere() }
        pthread_setspecific(key, nil)
    }

    /// Whether this thread is lent right now.
    package static var isLent: Bool { current != nil }

    /// Takes note that `executor` has something to do; `false` when this thread is not lent, or knows what it will do already.
    static func takes(_ executor: ThreadExecutor) -> Bool {
        guard let scope = current, !scope.isOver else { return false }
        if !scope.executors.contains(where: { $0 === executor }) { scope.executors.append(executor) }
        return true
    }

    private final class Scope {
        var executors: [ThreadExecutor] = []
        var isOver = false
    }

    private static var current: Scope? {
        pthread_getspecific(key).map { Unmanaged<Scope>.fromOpaque($0).takeUnretainedValue() }
    }

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let code = pthread_key_create(&key, nil)
        precondition(code == 0, "no key for thread-local values is left: the process uses as many as there are")
        return key
    }()
}
