// Log capture for test processes: swift-log may be bootstrapped once per process, and many tests want to be the first.

import ErrandContext
import Logging

/// Brings the lines of ordinary swift-log loggers into the logs of executions, in a process that runs tests.
public enum TestLogCapture {
    private static let installed: Void = LoggingSystem.bootstrap { label in
        ExecutionLogHandler(label: label, outside: SwiftLogNoOpLogHandler(label))
    }

    /// Bootstraps swift-log with ``ExecutionLogHandler``; lines from outside of every execution go nowhere. Call it from every test
    /// that needs it: only the first call does something. A process that bootstraps swift-log by itself must not call it.
    public static func install() { installed }
}
