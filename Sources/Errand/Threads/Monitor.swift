// A lock that threads can wait at: what a mutex cannot do, and what threads of our own need.

import Glibc

/// Guards a value and lets threads (never pool threads) wait until it changes.
///
/// `@unchecked Sendable`: the value is reached only with the mutex held, and the mutex and condition live at fixed addresses until
/// the last reference is gone.
package final class Monitor<State>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state: State

    /// Guards `state`.
    package init(_ state: State) {
        self.state = state
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` with the lock held; `body` must not block.
    package func withLock<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Runs `body` with the lock held, then wakes one waiting thread.
    package func signal<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
        defer { pthread_cond_signal(condition) }
        return try withLock(body)
    }

    /// Wakes one waiting thread.
    package func wake() { pthread_cond_signal(condition) }

    /// Asks `body` again and again, with the lock held, until it gives a value; between the questions the thread sleeps until it is
    /// signalled or until the time that `body` put into its second parameter has come.
    package func wait<Result>(_ body: (inout State, inout WaitLimit) -> Result?) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            var limit = WaitLimit.none
            if let result = body(&state, &limit) { return result }
            switch limit {
            case .none: pthread_cond_wait(condition, mutex)
            case .after(let duration):
                var time = Monitor.monotonicTime(in: duration)
                pthread_cond_timedwait(condition, mutex, &time)
            }
        }
    }

    private static func monotonicTime(in duration: Duration) -> timespec {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        // The boot clock also counts suspension, the condition's clock does not: look again at least once a minute.
        let wait = min(max(duration, .zero), .seconds(60)).wholeMicroseconds * 1000 + Int64(now.tv_nsec)
        return timespec(tv_sec: now.tv_sec + Int(wait / 1_000_000_000), tv_nsec: Int(wait % 1_000_000_000))
    }
}

/// How long a thread may wait before it asks again.
package enum WaitLimit {
    /// Until it is signalled.
    case none
    /// Until then at the latest.
    case after(Duration)
}
