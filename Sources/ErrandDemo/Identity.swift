// Two ways to know who is running: one value that all jobs share, and the scope that the worker opens around each.

import ErrandContext
import Logging

/// How a program finds out, at a line or an error, which execution it belongs to.
protocol Identity: Sendable {
    /// What a handler does when its execution begins.
    func enter(_ execution: ExecutionID)
    /// Who is running, as far as this way knows.
    var current: ExecutionID? { get }
    /// What the program logs with.
    var logger: Logger { get }
}

/// Errand's way: nothing to enter and nothing to pass on, the worker has opened the scope. The logger is an ordinary one.
struct ScopedIdentity: Identity {
    let logger = Logger(label: "analysis")

    func enter(_ execution: ExecutionID) {}
    var current: ExecutionID? { ExecutionContext.current?.executionID }
}
