// Who crashed: names the execution whose code took the process down, for whoever finds the process dead.

import CErrand
import Logging

/// Crash attribution in this process.
///
/// A trap, a failed assertion, a bad pointer, `abort()` or a stack overflow ends the whole process, and every job in it. With crash
/// capture the last thing that the process does is to write down whose code it was; the worker that finds it dead convicts that
/// execution alone, and gives all others back with their attempt.
public enum CrashCapture {
    /// Why crashes cannot be captured.
    public struct Refused: Error, Hashable, Sendable, CustomStringConvertible {
        /// The system's error number.
        public var code: Int32
        /// What happened.
        public var description: String { "the system refused to handle crash signals (error \(code))" }
    }

    /// Captures crashes from now on. Call it once, before workers run; a program built on `ErrandApp` need not, and a second call does
    /// nothing. Handlers of SIGILL, SIGTRAP, SIGSEGV, SIGABRT, SIGFPE and SIGBUS that were installed before are called afterwards, so
    /// that the exit signal, core dumps and Swift's backtrace stay as they were.
    ///
    /// A stack overflow is captured on threads that have entered an execution's scope, and on every thread of an `ErrandApp`.
    /// - Throws: ``Refused`` when the system refuses; nothing has changed then.
    public static func install() throws(Refused) {
        warmUp()
        let code = errand_crash_install(nameCulprit)
        if code != 0 { throw Refused(code: -code) }
    }

    /// Whether crashes are captured.
    package static var isInstalled: Bool { errand_crash_is_installed() != 0 }

    /// Writes crashes to `file` too; `false` when 64 files are there already.
    package static func add(file: Int32) -> Bool { errand_crash_add(file) == 0 }

    /// Writes no more crashes to `file`; `false` when one is under way and the file must stay open.
    package static func remove(file: Int32) -> Bool { errand_crash_remove(file) != 0 }

    /// Makes a stack overflow on this thread one that can be captured, if crashes are.
    static func coverThread() { errand_crash_enter() }

    /// Looks up an identity once the usual way: what the runtime builds at the first look (metadata, caches) is there when a crash asks.
    private static func warmUp() {
        let nobody = ExecutionContext(
            executionID: ExecutionID(JobID(rawValue: 0), 1), attempt: 1, maxAttempts: 1, queue: "", kind: "", parent: nil, root: nil,
            trace: nil, meta: [:], sink: NoSink(), now: { Timestamp(microseconds: 0) })
        nobody.with(metadata: [:]) {
            var culprit = errand_culprit()
            nameCulprit(&culprit)
        }
    }

    private struct NoSink: LogSink {
        func hasLines(_ log: ExecutionLog, isUrgent: Bool) {}
    }
}

/// Called by the signal handler on the thread that crashed. Reads task-locals and a dictionary: no lock is taken and nothing is
/// allocated, and the references that are taken for the look are never the last ones, since the scope holds the objects.
/// Where the carriers contradict each other nobody is certain, and nobody is named.
private func nameCulprit(_ culprit: UnsafeMutablePointer<errand_culprit>?) {
    let ambient = ExecutionContext.ambient
    guard ambient.contradicting == nil, let execution = ambient.context?.executionID else { return }
    culprit?.pointee = errand_culprit(job: execution.job.rawValue, ordinal: execution.ordinal)
}
