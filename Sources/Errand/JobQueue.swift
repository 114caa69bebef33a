// The enqueue side of the library: validate, encode, stamp where the job comes from, hand to the store.

import FoundationEssentials
public import Tracing

/// Adds jobs to a store and looks after them; safe to share, cheap to copy.
///
/// Open one with `JobQueue.open("directory")` (in `ErrandSQLite`).
public struct JobQueue: Sendable {
    /// The store behind it, for lists, logs and control.
    public let store: Store
    /// Tells the time of delays.
    public let clock: any ErrandClock
    /// Begins the spans of enqueues and executions; `nil` is the process's own, `InstrumentationSystem.tracer`, if it has one.
    public var tracer: (any Tracer)?
    /// What stands around every enqueue, the first outermost; nothing by default.
    public var middleware: [EnqueueMiddleware] = []

    /// A queue over `store`.
    public init(store: Store, clock: any ErrandClock = SystemClock.shared, tracer: (any Tracer)? = nil) {
        self.store = store
        self.clock = clock
        self.tracer = tracer
    }

    /// Adds one job and returns when it is durable. Inside an execution the new job records it as its parent.
    /// - Throws: ``EnqueueError``.
    @discardableResult
    public func enqueue<J: Job>(_ job: J, options: EnqueueOptions = EnqueueOptions()) async throws(EnqueueError) -> JobID {
        return try JobQueue.id(try await enqueue([job], options: options)[0], of: job, options: options)
    }

    /// The ID of the job that now stands for `job`.
    static func id<J: Job>(_ result: EnqueueResult, of job: J, options: EnqueueOptions) throws(EnqueueError) -> JobID {
        switch result {
        case .conflict(let existing): throw .keyConflict(key: options.key ?? "", existing: existing)
        case .unique(let existing):
            let uniqueness = options.uniqueness ?? job.uniqueness
            throw .uniqueConflict(
                key: uniqueness.map { $0.fields.isEmpty ? $0.key : $0.fields.joined(separator: ",") } ?? "", existing: existing)
        case .added(let id), .existing(let id), .replaced(let id), .debounced(let id): return id
        }
    }

    /// Adds many jobs in one commit and returns when all are durable; one result for each, in order. A key may be given for a single
    /// job only.
    /// - Throws: ``EnqueueError`` when none was added.
    public func enqueue<J: Job>(_ jobs: [J], options: EnqueueOptions = EnqueueOptions()) async throws(EnqueueError) -> [EnqueueResult] {
        guard options.key == nil || jobs.count == 1 else {
            throw .invalid(reason: "one idempotency key cannot stand for \(jobs.count) jobs: enqueue them one by one, each with its own")
        }
        var encoded: [NewJob] = []
        encoded.reserveCapacity(jobs.count)
        let encoder = JSONEncoder()
        for job in jobs { encoded.append(try newJob(job, options: options, encoder: encoder)) }
        return try await enqueue(encoded)
    }

    /// `job` encoded, with `options`.
    func newJob<J: Job>(_ job: J, options: EnqueueOptions, encoder: JSONEncoder) throws(EnqueueError) -> NewJob {
        let payload: [UInt8]
        do {
            payload = Array(try encoder.encode(job))
        } catch {
            throw .invalid(reason: "the job \(J.kind) cannot be encoded as JSON: \(error)")
        }
        var options = options
        options.uniqueness = options.uniqueness ?? job.uniqueness
        options.limitKey = options.limitKey ?? job.limitKey
        options.sequence = options.sequence ?? job.sequence
        return try newJob(kind: J.kind, payload: payload, options: options, queue: J.queue, maxAttempts: J.maxAttempts, timeout: J.timeout)
    }

    /// Adds a job whose payload is JSON already; the bytes are validated and stored as given.
    /// - Throws: ``EnqueueError``.
    public func enqueue(kind: String, payload: [UInt8], options: EnqueueOptions = EnqueueOptions()) async throws(EnqueueError)
        -> EnqueueResult
    {
        try await enqueue([try newJob(kind: kind, payload: payload, options: options)])[0]
    }

    /// Adds prepared jobs in one commit, after validating each. What they do not say about where they come from is filled in: the
    /// place in the caller's trace, and inside an execution parent and root.
    /// - Throws: ``EnqueueError``; nothing was added.
    public func enqueue(_ jobs: [NewJob]) async throws(EnqueueError) -> [EnqueueResult] {
        guard !middleware.isEmpty else { return try await takeIn(jobs) }
        return try await around { (jobs) async throws(EnqueueError) in try await takeIn(jobs) }(jobs)
    }

    /// The middlewares around `core`, the first outermost.
    func around(_ core: @escaping EnqueueMiddleware.Next) -> EnqueueMiddleware.Next {
        var next = core
        for one in middleware.reversed() {
            let inner = next
            next = { (jobs) async throws(EnqueueError) in try await one.around(jobs, inner) }
        }
        let outermost = next
        return { (jobs) async throws(EnqueueError) in
            let results = try await outermost(jobs)
            precondition(results.count == jobs.count, "a middleware gave \(results.count) results for \(jobs.count) jobs")
            return results
        }
    }

    /// Validates, completes and stores jobs.
    private func takeIn(_ jobs: [NewJob]) async throws(EnqueueError) -> [EnqueueResult] {
        try validate(jobs)
        return try await add(jobs)
    }

    /// Refuses jobs that break a rule.
    func validate(_ jobs: [NewJob]) throws(EnqueueError) {
        for job in jobs {
            if let problem = JobRules.problem(with: job) { throw .invalid(reason: problem) }
        }
    }

    /// Adds jobs that have been validated.
    func add(_ jobs: [NewJob]) async throws(EnqueueError) -> [EnqueueResult] {
        guard !jobs.isEmpty else { return [] }
        let span = EnqueueSpan(jobs, instruments: instruments)
        do throws(JobStoreError) {
            // Most come from outside of any trace and execution: copies of many jobs cost more than to look.
            let isComplete = span.stampsNothing && ExecutionContext.current == nil
            let results = try await store.jobs.enqueue(isComplete ? jobs : jobs.map { span.stamped(withLineage($0)) })
            span.end(results)
            return results
        } catch {
            span.end(failure: .store(error))
            throw .store(error)
        }
    }

    /// A job of `kind`, everything that `options` leave open by default.
    func newJob(
        kind: String, payload: [UInt8], options: EnqueueOptions, queue: String = "default", maxAttempts: Int = 5, timeout: Duration? = nil
    ) throws(EnqueueError) -> NewJob {
        if let delay = options.delay, delay > .zero, let problem = JobRules.durationProblem(delay, what: "delay") {
            throw .invalid(reason: problem)
        }
        var job = NewJob(kind: kind, payload: payload)
        job.queue = options.queue ?? queue
        job.priority = options.priority
        job.runAt = options.delay.map { clock.now() + $0 } ?? options.runAt
        job.maxAttempts = options.maxAttempts ?? maxAttempts
        job.timeout = options.timeout ?? timeout
        job.key = options.key
        job.durability = options.durability
        job.meta = options.meta
        job.label = options.label
        job.terms = try terms(of: options, payload: payload)
        job.after = options.after
        job.workflow = options.workflow
        job.trace = options.trace
        job.traceRelation = options.traceRelation
        return job
    }

    private func terms(of options: EnqueueOptions, payload: [UInt8]) throws(EnqueueError) -> JobTerms {
        for (duration, what) in [(options.expires, "expiry"), (options.deadline, "deadline")] {
            if let duration, let problem = JobRules.durationProblem(duration, what: what) { throw .invalid(reason: problem) }
        }
        var terms = JobTerms()
        terms.tags = Set(options.tags).sorted()
        terms.limitKey = options.limitKey
        terms.sequence = options.sequence
        do throws(UniqueFieldsProblem) {
            terms.uniqueness = try options.uniqueness?.resolved(for: payload)
        } catch {
            throw .invalid(reason: error.description)
        }
        terms.expiresAt = options.expires.map { clock.now() + $0 }
        terms.deadline = options.deadline.map { clock.now() + $0 }
        return terms
    }

    /// What begins spans and carries positions, at this moment.
    var instruments: Instruments { Instruments(own: tracer) }

    /// `job` with the current execution as its parent, unless it names one.
    func withLineage(_ job: NewJob) -> NewJob {
        guard job.parent == nil, let parent = ExecutionContext.current else { return job }
        var job = job
        job.parent = parent.executionID
        job.root = parent.rootExecutionID
        return job
    }
}
