// What a program puts around every execution: a value that is handed the job and the way on.

/// Stands around the handlers of executions, inside each execution's own scope: what it logs, reports or starts is the execution's.
///
/// ```swift
/// let timed = ExecutionMiddleware { job, context, next in
///     let start = ContinuousClock.now
///     defer { context.logger.info("took \(ContinuousClock.now - start)") }
///     return try await next(job)
/// }
/// ```
/// Composed with `middleware` of ``Worker`` and with ``Handler/wrapped(by:)``: the worker's first is the outermost, then come its others,
/// then the handler's own. Hooks stand outside of all (`started` comes before, the others after). What a middleware throws is what the
/// handler threw, and what it returns is the job's result (JSON). A job whose payload cannot be decrypted does not get here. Around a handler
/// in a process of its own (``Handler/Isolation/process``) the worker's run in the worker, and the handler's own in that process.
public struct ExecutionMiddleware: Sendable {
    /// The way on: the next middleware, and behind the last the handler.
    public typealias Next = @Sendable (ClaimedJob) async throws -> [UInt8]?

    let around: @concurrent @Sendable (ClaimedJob, ExecutionContext, Next) async throws -> [UInt8]?

    /// Puts `around` around handlers.
    public init(_ around: @escaping @concurrent @Sendable (ClaimedJob, ExecutionContext, Next) async throws -> [UInt8]?) {
        self.around = around
    }
}

extension Handler {
    /// The same handler with `middleware` around it, the first outermost; what was around it already stays inside.
    public func wrapped(by middleware: [ExecutionMiddleware]) -> Handler {
        var handler = self
        for one in middleware.reversed() {
            let inner = handler.run
            handler.run = { job, context in try await one.around(job, context) { try await inner($0, context) } }
        }
        return handler
    }
}
