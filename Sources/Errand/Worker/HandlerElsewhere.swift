// Running a handler's code for an execution that another process has claimed.

extension Handler {
    /// Runs the job inside `context`, whose place in its trace is known already, and makes `signal` able to cancel it.
    package func runElsewhere(_ job: ClaimedJob, in context: ExecutionContext, signal: CancelSignal) async throws -> [UInt8]? {
        let start = Instruments(own: nil).context(TraceHeaders(context.trace))
        return try await context.run(from: start) {
            signal.open()
            defer { signal.close() }
            return try await run(job, context)
        }
    }
}
