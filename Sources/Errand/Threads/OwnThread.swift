// A thread of our own: nothing that blocks here can hold up the concurrency pool, and nothing in the pool can hold up this.

import Glibc

/// A running thread that somebody joins or detaches.
package struct OwnThread: Sendable {
    private let id: pthread_t

    /// Starts `body` on a new thread with a name of at most 15 bytes and all signals blocked, so that signals go to threads that
    /// expect them.
    package static func start(name: String, _ body: @escaping @Sendable () -> Void) -> OwnThread {
        guard let thread = startIfPossible(name: name, body) else {
            preconditionFailure("no thread could be started: the process has as many as it may have, or no memory for another")
        }
        return thread
    }

    /// Like ``start(name:_:)``, for whoever can do without: `nil` when the system has no thread to give.
    package static func startIfPossible(name: String, _ body: @escaping @Sendable () -> Void) -> OwnThread? {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var all = sigset_t()
        var previous = sigset_t()
        sigfillset(&all)
        // A crash must reach the crash handler of whoever installed one, from any thread.
        for crash in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT] { sigdelset(&all, crash) }
        // Swift's backtracer stops every thread with it, and waits in vain for one that does not listen.
        sigdelset(&all, SIGPROF)
        pthread_sigmask(SIG_SETMASK, &all, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        var id = pthread_t()
        let code = pthread_create(
            &id, nil,
            { pointer in
                let start = Unmanaged<Start>.fromOpaque(pointer!).takeRetainedValue()
                nameThread(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        guard code == 0 else {
            start.release()
            return nil
        }
        return OwnThread(id: id)
    }

    /// Waits for its end.
    package func join() { pthread_join(id, nil) }

    /// Lets it end by itself.
    package func detach() { pthread_detach(id) }

    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}

/// Starts a thread that runs `body` and that nobody waits for.
package func startThread(named name: String, _ body: @escaping @Sendable () -> Void) {
    OwnThread.start(name: name, body).detach()
}
