// What a program puts around every enqueue: a value that is handed the jobs and the way on.

/// Stands around enqueues: looks at jobs on their way in, changes or refuses them, and sees what became of them.
///
/// ```swift
/// let stamped = EnqueueMiddleware { jobs, next in
///     try await next(jobs.map { job in
///         var job = job
///         job.meta["region"] = "eu"
///         return job
///     })
/// }
/// ```
/// Composed with ``JobQueue/middleware``: the first is the outermost. The jobs are validated behind the last, so that what it changes is
/// validated as well; what says where they come from (trace, parent, root) is filled in there, too.
public struct EnqueueMiddleware: Sendable {
    /// The way on: the next middleware, and behind the last the store. Gives one result for each job, in order.
    public typealias Next = @Sendable ([NewJob]) async throws(EnqueueError) -> [EnqueueResult]

    let around: @Sendable ([NewJob], Next) async throws(EnqueueError) -> [EnqueueResult]

    /// Puts `around` around enqueues. It must give a result for each job that it got, in order, and refuses them by throwing
    /// ``EnqueueError/invalid(reason:)``.
    public init(_ around: @escaping @Sendable ([NewJob], Next) async throws(EnqueueError) -> [EnqueueResult]) { self.around = around }
}
