// A queue for tests of programs that use Errand: jobs run when the test says so, time passes when the test says so.

public import Errand
import ErrandContext
import Synchronization
public import Testing

/// A queue in memory with handlers, a clock that stands still, and looks at what was enqueued.
///
/// ```swift
/// @Test func `a new user gets a letter`() async throws {
///     let kit = JobKit(handlers: [greet])
///     try await signUp("Ada", queue: kit.queue)
///     try await kit.expectEnqueued(Greet(name: "Ada"))
///     let ran = try await kit.drain()
///     #expect(ran.map(\.summary.state) == [.completed])
/// }
/// ```
public struct JobKit: Sendable {
    /// When jobs run.
    public enum Mode: Sendable, Hashable {
        /// When the test calls ``runNext()`` or ``drain()``.
        case manual
        /// In the call that enqueues them, before it returns: those that are due, and what they enqueue. A handler's own enqueue returns
        /// at once; what it enqueues runs after it, before the test's call returns.
        case inline
    }

    /// What the program under test enqueues to.
    public let queue: JobQueue
    /// The store behind it.
    public let model: ModelStore
    /// What both tell the time by; it stands still until it is moved.
    public let clock: ManualClock
    private let handlers: [Handler]

    /// A queue without jobs, whose handlers are `handlers`.
    public init(_ mode: Mode = .manual, handlers: [Handler] = [], clock: ManualClock = ManualClock()) {
        TestLogCapture.install()
        self.clock = clock
        self.handlers = handlers
        model = ModelStore(clock: clock)
        var queue = JobQueue(store: model.store, clock: clock)
        let bare = queue
        if mode == .inline {
            queue.middleware = [
                EnqueueMiddleware { (jobs, next) async throws(EnqueueError) in
                    let results = try await next(jobs)
                    // The worker that runs this execution goes on to what it enqueues; to wait for it here would be to wait for oneself.
                    guard ExecutionContext.current == nil else { return results }
                    do {
                        _ = try await JobKit.run(.empty(idleTimeout: .zero), handlers, bare)
                    } catch {
                        throw .invalid(reason: "the jobs could not be run in the call that enqueues them: \(error)")
                    }
                    return results
                }
            ]
        }
        self.queue = queue
    }

    // MARK: Running

    /// Runs the next job that is due and handled, and everything about it afterwards; `nil` when there is none.
    /// - Throws: ``Worker/Failure``.
    @discardableResult
    public func runNext() async throws -> JobDetail? { try await details(try await JobKit.run(.once, handlers, queue)).first }

    /// Runs jobs until none is due, those that they enqueue included; each with everything about it afterwards, in the order in which they
    /// ran first.
    /// - Throws: ``Worker/Failure``.
    @discardableResult
    public func drain() async throws -> [JobDetail] {
        try await details(try await JobKit.run(.empty(idleTimeout: .zero), handlers, queue))
    }

    /// Lets `duration` pass, so that delayed jobs and further attempts become due, and runs what is due then.
    /// - Throws: ``Worker/Failure``.
    @discardableResult
    public func advance(by duration: Duration) async throws -> [JobDetail] {
        clock.advance(by: duration)
        return try await drain()
    }

    /// Enqueues `job`, runs jobs of its kind until it has run, and gives everything about it afterwards. One that is not due stays where it
    /// is.
    /// - Throws: ``EnqueueError``, ``Worker/Failure``.
    public func run<J: Job>(_ job: J, options: EnqueueOptions = EnqueueOptions()) async throws -> JobDetail {
        let id = try await queue.enqueue(job, options: options)
        let handlers = handlers.filter { $0.kind == J.kind }
        while let ran = try await JobKit.run(.once, handlers, queue).first, ran != id {}
        guard let detail = try await model.job(id) else { throw StoredError(type: "JobKit", message: "the job \(id) is gone") }
        return detail
    }

    private static func run(_ until: Worker.Until, _ handlers: [Handler], _ queue: JobQueue) async throws -> [JobID] {
        guard !handlers.isEmpty else { return [] }
        let started = Mutex<[JobID]>([])
        let hook = ExecutionHook { event, context in
            guard event == .started else { return }
            started.withLock { if !$0.contains(context.executionID.job) { $0.append(context.executionID.job) } }
        }
        var served: Set<String> = []
        // A job may enqueue another to a queue that nobody has used before.
        while case let queues = try await lines(of: queue), !queues.isSubset(of: served) {
            served.formUnion(queues)
            // One after the other, so that a test sees the same order each time.
            let configuration = Worker.Configuration {
                ($0.concurrency, $0.until, $0.retention) = (1, until, nil)
                $0.queues = served.sorted().map { ($0, nil) }
            }
            try await Worker(queue: queue, handlers: handlers, configuration: configuration, hooks: [hook]).run()
            if until == .once { break }
        }
        return started.withLock { $0 }
    }

    /// The queues with jobs that have not ended.
    private static func lines(of queue: JobQueue) async throws -> Set<String> {
        Set(try await queue.store.inspection.stats().counts.filter { !$0.state.isFinal }.map(\.queue))
    }

    private func details(_ ids: [JobID]) async throws -> [JobDetail] {
        var details: [JobDetail] = []
        for id in ids { if let detail = try await model.job(id) { details.append(detail) } }
        return details
    }

    // MARK: Looking

    /// Jobs of a type that were enqueued and have not ended, oldest first.
    /// - Throws: `DecodingError` for a payload that is none of the type.
    public func enqueued<J: Job>(_ type: J.Type = J.self) async throws -> [J] {
        var selector = JobSelector()
        selector.kinds = [J.kind]
        selector.states = Set(JobState.allCases.filter { !$0.isFinal })
        var jobs: [J] = []
        for summary in try await all(selector).reversed() {
            guard let detail = try await model.job(summary.id) else { continue }
            jobs.append(try Handler.decoded(J.self, from: detail.payload))
        }
        return jobs
    }

    private func all(_ selector: JobSelector) async throws -> [JobSummary] {
        var found: [JobSummary] = []
        var cursor: JobID?
        repeat {
            let page = try await model.jobs(matching: selector, before: cursor, limit: 500)
            found += page.jobs
            cursor = page.next
        } while cursor != nil
        return found
    }

    /// Records an issue unless exactly `count` jobs equal to `job` are enqueued and have not ended.
    /// - Throws: as ``enqueued(_:)``.
    public func expectEnqueued<J: Job & Equatable>(
        _ job: J, count: Int = 1, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let found = try await enqueued(J.self)
        let equal = found.count { $0 == job }
        guard equal != count else { return }
        Issue.record("\(equal) jobs instead of \(count) are \(job); of kind \(J.kind) there are \(found)", sourceLocation: sourceLocation)
    }

    /// Records an issue if any job of a type is enqueued and has not ended.
    /// - Throws: as ``enqueued(_:)``.
    public func expectNothingEnqueued<J: Job>(_ type: J.Type, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let found = try await enqueued(J.self)
        guard !found.isEmpty else { return }
        Issue.record("jobs of kind \(J.kind) are enqueued: \(found)", sourceLocation: sourceLocation)
    }
}
