// SIGINT and SIGTERM, on a thread of our own: they work when every pool thread is blocked.

import CErrand
import Errand
import Glibc

/// Calls back for each signal that arrives, from one thread, for the rest of the process's life.
enum SignalThread {
    /// Calls `onSignal` with the signal's number and how many have come so far, 1 for the first. The death of `parent`, this process's
    /// own, comes as SIGTERM. SIGUSR1 is no such signal: it calls `onQuestion`.
    /// - Throws: ``Failure`` with status 1 when the system refuses.
    static func start(
        _ numbers: [Int32], following parent: pid_t? = nil, onQuestion: @escaping @Sendable () -> Void,
        _ onSignal: @escaping @Sendable (_ number: Int32, _ count: Int) -> Void
    ) throws {
        let handled = numbers + [SIGUSR1]
        let pipe = errand_signal_pipe(handled, Int32(handled.count))
        guard pipe >= 0 else { throw Failure(.failed, "cannot handle signals: \(String(cString: strerror(-pipe)))") }
        startThread(named: "errand-signals") {
            // By this thread, since the kernel's promise goes with the thread that asked for it.
            if let parent, errand_follow_parent(parent, SIGTERM) != 0 { raise(SIGTERM) }
            var count = 0
            while true {
                var byte: UInt8 = 0
                let length = read(pipe, &byte, 1)
                if length < 0, errno == EINTR { continue }
                guard length == 1 else { return }
                guard Int32(byte) != SIGUSR1 else {
                    onQuestion()
                    continue
                }
                count += 1
                onSignal(Int32(byte), count)
            }
        }
    }
}
