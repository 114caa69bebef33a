// What a worker runs for a kind: user code with its types folded away.

import FoundationEssentials
import Synchronization

/// Code that does the work of one kind of job.
///
/// ```swift
/// Handler(Greet.self) { job, context in
///     context.logger.info("hello, \(job.name)")
/// }
/// ```
/// What the closure returns is the job's result; what it throws makes the attempt fail. It runs on Swift's shared pool (or the
/// executor that the worker was given), inside its execution's own scope.
public struct Handler: Sendable {
    /// Which jobs it handles.
    public let kind: String
    /// How long an execution may take when the job does not say; `nil` is as long as it wants.
    public var timeout: Duration?
    /// How long a failed job waits for its next attempt, where ``retrying(_:)`` does not say otherwise.
    public var backoff: Backoff = Backoff()
    /// How long an execution may show no sign of life until it is told to stop, as at a timeout; `nil`, the default, is as long as it
    /// wants. A sign is a call of `context.heartbeat()` or `context.progress(…)`, and every line of its log; looked for four times in that
    /// time, so that the stop comes up to a quarter later.
    public var heartbeatTimeout: Duration?
    /// Where its code runs: in the worker's own process by default.
    public var isolation: Isolation = .none

    /// Where the code of a handler runs.
    public enum Isolation: Sendable, Hashable {
        /// In the worker's own process: a crash there takes the worker down, and is put down to the execution that crashed.
        case none
        /// Each execution in a process of its own, a child of the worker that runs the same program: a crash, `exit()` or too much memory
        /// ends that execution alone, at the cost of a start of the program. Needs a program that is built on `ErrandApp`; a worker of any
        /// other refuses to run.
        case process
    }

    /// What the kind itself says about a failed attempt; `nil` leaves it to ``backoff``.
    package var retry: (@Sendable (any Error, Int) -> RetryChoice)?
    /// Runs the job and returns its result as JSON, or `nil` for none.
    package internal(set) var run: @concurrent @Sendable (ClaimedJob, ExecutionContext) async throws -> [UInt8]?

    /// Handles `J`; the value that `body` returns is the job's result, at most 256 KiB of JSON.
    public init<J: Job, Output: Encodable & Sendable>(
        _ job: J.Type, timeout: Duration? = nil, backoff: Backoff = Backoff(), isolation: Isolation = .none,
        _ body: @escaping @concurrent @Sendable (J, ExecutionContext) async throws -> Output
    ) {
        self.init(kind: J.kind, timeout: timeout, backoff: backoff, isolation: isolation) { claimed, context in
            let output = try await body(try Handler.decode(J.self, from: claimed), context)
            return Array(try JSONEncoder().encode(output))
        }
    }

    /// Handles `J` without a result.
    public init<J: Job>(
        _ job: J.Type, timeout: Duration? = nil, backoff: Backoff = Backoff(), isolation: Isolation = .none,
        _ body: @escaping @concurrent @Sendable (J, ExecutionContext) async throws -> Void
    ) {
        self.init(kind: J.kind, timeout: timeout, backoff: backoff, isolation: isolation) { claimed, context in
            try await body(try Handler.decode(J.self, from: claimed), context)
            return nil
        }
    }

    /// Handles jobs of `kind` as they are stored: payload bytes in, result bytes (JSON) out.
    public init(
        kind: String, timeout: Duration? = nil, backoff: Backoff = Backoff(), isolation: Isolation = .none,
        run: @escaping @concurrent @Sendable (ClaimedJob, ExecutionContext) async throws -> [UInt8]?
    ) {
        self.kind = kind
        self.timeout = timeout
        self.backoff = backoff
        self.isolation = isolation
        self.run = run
    }

    /// The same handler as a worker runs it: `run` has its code run elsewhere, and answers in its place.
    package func delegated(to run: @escaping @concurrent @Sendable (ClaimedJob, ExecutionContext) async throws -> [UInt8]?) -> Handler {
        var handler = self
        handler.isolation = .none
        handler.run = run
        return handler
    }

    /// A payload as a handler gets it.
    package static func decoded<J: Job>(_ type: J.Type, from payload: [UInt8]) throws -> J {
        try JSONDecoder().decode(J.self, from: Data(payload))
    }

    private static func decode<J: Job>(_ type: J.Type, from claimed: ClaimedJob) throws -> J {
        do {
            return try JSONDecoder().decode(J.self, from: Data(claimed.payload))
        } catch {
            throw StoredError(type: "PayloadNotDecodable", message: "the payload does not decode as \(J.self): \(error)")
        }
    }
}

/// Thrown by a handler that wants to run again later: the attempt is refunded.
public struct Snooze: Error, Hashable, Sendable {
    /// How long from now; ten years at most (``Limits/longestDuration``), and at once when it is negative.
    public var duration: Duration
    /// What the worker itself lacks, if that is why: it starts no other job in the meantime.
    package var hindrance: String?

    /// Run again after `duration`.
    public init(for duration: Duration) { self.duration = duration }

    /// Run again after `duration`, and no other job of this worker sooner, since it lacks what it would need.
    package init(for duration: Duration, hinderedBy hindrance: String) {
        self.duration = duration
        self.hindrance = hindrance
    }
}
