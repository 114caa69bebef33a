// A thread of our own: nothing that blocks here can hold up the concurrency pool, and nothing in the pool can hold up this.

import CErrand

#if canImport(Glibc)
    import Glibc
#endif

/// A running thread that somebody joins or detaches.
struct Thread: Sendable {
    private let id: pthread_t

    /// Starts `body` on a new thread with a name of at most 15 bytes and all signals blocked, so that signals go to threads that
    /// expect them.
    static func start(name: String, _ body: @escaping @Sendable () -> Void) -> Thread {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var all = sigset_t()
        var previous = sigset_t()
        sigfillset(&all)
        // A crash must reach the crash handler of whoever installed one, from any thread.
        for crash in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT] { sigdelset(&all, crash) }
        pthread_sigmask(SIG_SETMASK, &all, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        var id = pthread_t()
        let code = pthread_create(
            &id, nil,
            { pointer in
                let start = Unmanaged<Start>.fromOpaque(pointer!).takeRetainedValue()
                errand_thread_name(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        precondition(code == 0, "no thread could be started: \(errnoText(code))")
        return Thread(id: id)
    }

    /// Waits for its end.
    func join() { pthread_join(id, nil) }

    /// Lets it end by itself.
    func detach() { pthread_detach(id) }

    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}
