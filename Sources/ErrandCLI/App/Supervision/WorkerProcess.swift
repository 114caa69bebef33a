// A worker as a child process of its supervisor.

import CErrand
import Errand
import Glibc

/// A started worker process that has not been reaped yet.
struct WorkerProcess {
    /// Its number, and that of its process group.
    let number: pid_t
    /// Readable once it has ended.
    let exit: Int32

    /// The variable that tells a worker who supervises it.
    static let supervisorVariable = "ERRAND_SUPERVISOR"

    /// Starts this program again with `arguments` (without its name), with this process's streams, in a process group of its own: a
    /// terminal's signals come from the supervisor only.
    /// - Throws: ``Failure`` with status 1.
    static func start(_ arguments: [String], environment: [String: String]) throws(Failure) -> WorkerProcess {
        errand_keep_children()
        let name = CommandLine.unsafeArgv[0].map { String(cString: $0) } ?? "errand"
        let argv: [UnsafeMutablePointer<CChar>?] = ([name] + arguments).map { strdup($0) } + [nil]
        let envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in argv + envp { free(text) } }
        let ignored = isIgnored(SIGHUP) ? [SIGHUP] : []
        var number = pid_t()
        let code = errand_spawn_worker("/proc/self/exe", argv, envp, ignored, Int32(ignored.count), &number)
        guard code == 0 else { throw Failure(.failed, String(cString: strerror(code))) }
        let exit = errand_pidfd_open(number)
        guard exit >= 0 else {
            let reason = String(cString: strerror(errno))
            kill(number, SIGKILL)
            _ = waitpid(number, nil, 0)
            throw Failure(.failed, reason)
        }
        return WorkerProcess(number: number, exit: exit)
    }

    /// Whether whoever started this process (`nohup`) wants a signal to be ignored.
    static func isIgnored(_ signal: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(signal, nil, &action) == 0 else { return false }
        // Both are pointers to functions, of the size of an Int, and are compared, never called: SIG_IGN is no address of one.
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    /// Sends it a signal.
    func send(_ signal: Int32) { _ = errand_pidfd_kill(exit, signal) }

    /// Takes its status; it has ended.
    func reap() -> SupervisorState.Ending {
        defer { close(exit) }
        var status: Int32 = 0
        while waitpid(number, &status, 0) < 0 {
            // Nobody else waits for children here; without a status it did not end well.
            guard errno == EINTR else { return .exited(ExitStatus.failed.rawValue) }
        }
        let signal = status & 0x7F
        return signal == 0 ? .exited(status >> 8 & 0xFF) : .signaled(signal)
    }
}
