// Process-wide settings of log capture.

public import Logging
import Synchronization

/// Settings of log capture in this process.
public enum LogCapture {
    private static let levelIndex = Atomic<Int>(Logger.Level.allCases.firstIndex(of: .info)!)

    /// The lowest level that an execution's own logger keeps, and the one that loggers start with after ``install()``; `info` by default.
    /// Loggers that exist already keep theirs.
    public static var level: Logger.Level {
        get { Logger.Level.allCases[levelIndex.load(ordering: .relaxed)] }
        set { levelIndex.store(Logger.Level.allCases.firstIndex(of: newValue)!, ordering: .relaxed) }
    }

    /// Makes every swift-log logger of this process write into the log of the execution that uses it, and outside of executions to
    /// standard error. Call it once, before anything logs; a program that calls `LoggingSystem.bootstrap` itself passes
    /// ``ExecutionLogHandler`` there instead, and one built on `ErrandApp` needs neither. Traps, as swift-log does, when the process has
    /// bootstrapped it before.
    public static func install() {
        LoggingSystem.bootstrap { label in
            ExecutionLogHandler(label: label, logLevel: level, outside: StreamLogHandler.standardError(label: label))
        }
    }

    private static let siteKeepers = Atomic<Int>(0)

    /// Whether every line names its place in the code, not only a flagged one.
    static var keepsSites: Bool { siteKeepers.load(ordering: .relaxed) > 0 }
    /// Makes every line name its place in the code, until as many calls of ``forgetSites()`` have come.
    package static func keepSites() { siteKeepers.add(1, ordering: .relaxed) }
    /// Ends one ``keepSites()``.
    package static func forgetSites() { siteKeepers.subtract(1, ordering: .relaxed) }

    /// The longest message that is kept: 16 KiB.
    package static let lineBytes = 16 << 10
}
