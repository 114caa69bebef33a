// Waiting for events without sleeping: tasks meet at a barrier, threads at a semaphore.

import Errand
import Glibc

/// Lets one thread wait for another.
final class Semaphore: Sendable {
    private let monitor = Monitor(0)

    func signal() { monitor.signal { $0 += 1 } }

    func wait() {
        let _: Bool = monitor.wait { count, _ in
            guard count > 0 else { return nil }
            count -= 1
            return true
        }
    }
}

/// Blocks the threads of the shared pool until it is opened.
final class Gate: Sendable {
    private let monitor = Monitor((isOpen: false, blocked: 0))

    /// Blocks all threads of the pool, calls `body` on a thread of its own while none is left, then opens.
    static func whileAllPoolThreadsAreBlocked(_ body: @escaping @Sendable () -> Void) async {
        let gate = Gate()
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            startThread(named: "test-blocker") {
                for _ in 0..<ProcessorCount.online { Task.detached { gate.block() } }
                gate.waitUntilBlocked(ProcessorCount.online)
                body()
                gate.open()
                done.resume()
            }
        }
    }

    /// Blocks the calling thread until the gate is open.
    func block() {
        monitor.signal { $0.blocked += 1 }
        let _: Bool = monitor.wait { state, _ in state.isOpen ? true : nil }
        // One waiter is woken at a time: each wakes the next.
        monitor.signal { $0.blocked -= 1 }
    }

    /// Lets everybody through, now and later.
    func open() { monitor.signal { $0.isOpen = true } }

    /// Returns when `count` threads stand here.
    func waitUntilBlocked(_ count: Int) {
        let _: Bool = monitor.wait { state, limit in
            // A wake-up meant for one waiter may reach another: look again soon.
            limit = .after(.milliseconds(1))
            return state.blocked >= count ? true : nil
        }
    }
}

/// How many processors there are, which is how many threads the shared pool has.
enum ProcessorCount {
    static var online: Int { sysconf(Int32(_SC_NPROCESSORS_ONLN)) }
}
