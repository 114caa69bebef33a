// A wait for a byte lock that can be given up: a sleeping fcntl has no deadline, so it sleeps in a thread that may be left behind.

import CErrand
import Dispatch
import Errand
import ErrandContext
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// A wait for a byte lock in a thread of its own, which may outlive the patience of whoever asked.
final class PendingLock: Sendable {
    private enum State {
        case waiting
        /// Nobody waits for it any more: when it comes, it goes back at once.
        case abandoned
        case over(code: Int32)
    }

    /// Negative: the errno that kept it from being had.
    private let file: Int32
    private let byte: Int64
    private let ended = DispatchSemaphore(value: 0)
    private let state = Mutex<State>(.waiting)

    /// Prepares a wait for `byte` of the open file `file`.
    init(file: Int32, byte: Int64) {
        // A descriptor of its own for the same open file, so that the wait never meets a reused number after the store's close.
        let own = fcntl(file, F_DUPFD_CLOEXEC, 0)
        self.file = own >= 0 ? own : -errno
        self.byte = byte
    }

    deinit { if file >= 0 { close(file) } }

    /// Why the wait ended: 0 when the lock is taken, or an errno.
    var code: Int32 {
        state.withLock { if case .over(let code) = $0 { code } else { EAGAIN } }
    }

    /// Begins to wait.
    func start() {
        let thread = OwnThread.start(name: "errand-lock") { [self] in
            let code = file >= 0 ? errand_lock_take(file, byte, 1) : -file
            state.withLock { state in
                if case .abandoned = state, code == 0 {
                    _ = errand_lock_release(file, byte)
                    state = .over(code: EAGAIN)
                } else {
                    state = .over(code: code)
                }
            }
            ended.signal()
        }
        thread.detach()
    }

    /// Waits up to `duration` (`nil`: as long as it takes); `false` when it was given up then.
    func wait(for duration: Duration?) -> Bool {
        guard let duration else {
            ended.wait()
            return true
        }
        if ended.wait(timeout: .now() + .microseconds(Int(clamping: duration.wholeMicroseconds))) == .success { return true }
        return state.withLock { state in
            guard case .waiting = state else { return true }
            state = .abandoned
            return false
        }
    }

    /// Takes up a wait that was given up; `false` when it has ended meanwhile.
    func resume() -> Bool {
        state.withLock { state in
            guard case .abandoned = state else { return false }
            state = .waiting
            return true
        }
    }
}
