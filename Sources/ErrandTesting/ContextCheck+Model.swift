// The self-test of contexts on a store in memory: one call in a test.

public import Errand

extension ContextCheck {
    /// Runs the check on a store in memory, which it makes for itself. Log capture is installed when it is not.
    ///
    /// ```swift
    /// @Test(arguments: [3, 64, 1000]) func `greetings keep their context`(concurrency: Int) async {
    ///     // In a process of its own: what other tests log meanwhile is not to be found here.
    ///     await #expect(processExitsWith: .success) { [concurrency] in
    ///         let check = ContextCheck(of: [greet], concurrency: concurrency)
    ///         let report = try await check.run { queue, number in try await queue.enqueue(Greet(name: "\(number)")) }
    ///         #expect(report.isClean, "\(report)")
    ///     }
    /// }
    /// ```
    /// - Parameter enqueue: Adds the job with a number from 0 to the queue.
    /// - Throws: ``Worker/Failure``, and what `enqueue` throws.
    public func run(enqueue: (JobQueue, Int) async throws -> JobID) async throws -> ContextReport {
        TestLogCapture.install()
        let clock = SystemClock.shared
        return try await run(on: JobQueue(store: ModelStore(clock: clock).store, clock: clock), enqueue: enqueue)
    }
}
