// The exit codes of every verb, and the error that ends one.

/// How a command ends, as its exit code says.
package enum ExitStatus: Int32, Sendable {
    /// Done.
    case ok = 0
    /// A job, or the operation, failed.
    case failed = 1
    /// The command line is wrong.
    case usage = 2
    /// There is no such job, execution or log.
    case notFound = 3
    /// The store or a worker is not available.
    case unavailable = 4
    /// Something else stands there: another payload under the key, a state that forbids it.
    case conflict = 5
    /// A bulk operation worked for some jobs only.
    case partial = 6
    /// A worker stopped and could not write what it had done.
    case outcomesUnwritten = 74
    /// The time was up.
    case timeout = 124
}

/// Ends a command with a status and one clear sentence on standard error.
package struct Failure: Error, Sendable, CustomStringConvertible {
    /// The exit code.
    package let code: Int32
    /// What happened and what to do next; empty when everything has been said.
    package let description: String

    /// Ends the command with `status`.
    package init(_ status: ExitStatus, _ message: String = "") {
        self.init(code: status.rawValue, message)
    }

    /// Ends the command with any code, such as a job's own.
    package init(code: Int32, _ message: String = "") {
        self.code = code
        description = message
    }
}
