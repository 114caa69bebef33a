// What code prints, filed under the execution that printed it: print(), puts(), fputs(), fprintf().

import CErrand
import Glibc
import Synchronization

/// Capture of what this process prints through the C library's `stdout` and `stderr`, Swift's `print` among it.
///
/// Inside an execution every printed line goes to that execution's log, as the stream `stdout` or `stderr`, also when it is printed in
/// pieces with suspensions in between. Outside of executions text goes where it always went; while jobs are in flight a copy of it is
/// kept in the worker's unattributed bucket. A last line without a newline counts when its execution ends; a line above 16 KiB is cut and
/// flagged `truncated`. Printed lines have the level `info`.
///
/// Not seen: what is written to the descriptors themselves (`write(1, …)`), C++ streams, and whoever has kept a copy of the C
/// library's `stdout` pointer from before. A program that gives `stdout` a buffer of its own (`setvbuf`) delays text until it is
/// flushed, and then it belongs to whoever flushes. What is printed after an execution's end is kept once its line is complete.
public enum OutputCapture {
    private static let installed = Atomic<Bool>(false)

    /// Whether this process captures what it prints.
    public static var isInstalled: Bool { installed.load(ordering: .relaxed) }

    /// Begins to capture; for the rest of the process's life. Programs built on `ErrandApp` do; call it once, before anything prints. A
    /// later call does nothing. Traps when the C library has no memory for two streams.
    public static func install() {
        let code = errand_capture_output { stream, bytes, count in
            let bytes = UnsafeBufferPointer(start: UnsafeRawPointer(bytes!).assumingMemoryBound(to: UInt8.self), count: count)
            return OutputCapture.take(bytes, from: stream)
        }
        precondition(code == 0, "the C library gave no streams to capture output with: \(String(cString: strerror(code)))")
        installed.store(true, ordering: .relaxed)
    }

    /// Called by the C library on the thread that prints, within the scope that prints, under the stream's lock. Returns whether the text
    /// has been filed; else it is to be written where it would have gone.
    private static func take(_ bytes: UnsafeBufferPointer<UInt8>, from stream: Int32) -> Bool {
        let stream: LogStream = stream == STDERR_FILENO ? .stderr : .stdout
        let ambient = ExecutionContext.ambient
        guard let context = ambient.context else {
            if !ambient.isOutside { UnattributedLog.print(bytes, to: stream) }
            return false
        }
        let other = ambient.contradicting?.executionID
        for line in context.log.printed.push(bytes, to: stream) {
            context.log.append(line: line, at: context.now(), stream: stream, crossing: other)
        }
        return true
    }
}
