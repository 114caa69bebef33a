// What a handler says about a job that did not succeed decides what becomes of it.

import Errand
import Testing

@Suite struct RetryingTests {
    private struct Busy: Error {}
    private struct Wrong: Error {}
    private struct Unknown: Error {}

    private static let handler = Handler(kind: "greet", backoff: Backoff(base: .seconds(1), maximum: .seconds(1))) { _, _ in throw Unknown()
    }
    .retrying { error, attempt in
        switch error {
        case is Busy: .after(.seconds(60 * attempt))
        case is Wrong: .never
        case let stored as StoredError where stored.type == "TimedOut": .after(.seconds(7))
        default: .backoff
        }
    }

    private func next(_ ending: Result<[UInt8]?, any Error>, cause: CancelCause? = nil, attempt: Int = 2) -> NextStep {
        let now = Timestamp(microseconds: 1_000_000)
        return Verdict(
            ending: ending, cause: cause, attempt: attempt, maxAttempts: 5, now: now,
            choice: { RetryingTests.handler.retry?($0, attempt) ?? .backoff }, retryDelay: { .seconds(1) }
        ).next
    }

    private func wait(_ seconds: Int) -> NextStep { .wait(until: Timestamp(microseconds: 1_000_000) + .seconds(seconds)) }

    @Test func `a kind decides by error and attempt how long a failed job waits`() {
        #expect(next(.failure(Busy())) == wait(120))
        #expect(next(.failure(Busy()), attempt: 3) == wait(180))
        #expect(next(.failure(Unknown())) == wait(1))
        #expect(next(.failure(CancellationError()), cause: .timedOut(after: .seconds(5))) == wait(7))
    }

    @Test func `the last attempt is the last, whatever the kind says`() {
        #expect(next(.failure(Busy()), attempt: 5) == .bury(reason: "max_attempts"))
        #expect(next(.failure(Wrong()), attempt: 5) == .bury(reason: "unrecoverable"))
    }

    @Test func `an error that no attempt can help ends the job at once`() {
        #expect(next(.failure(Wrong())) == .bury(reason: "unrecoverable"))
        #expect(next(.failure(Unrecoverable("gone")), attempt: 1) == .bury(reason: "unrecoverable"))
    }

    @Test func `whoever was told to stop cannot give the job up any more`() {
        #expect(next(.failure(Unrecoverable("gone")), cause: .shutdown) == .giveBack)
        #expect(next(.failure(CancelJob()), cause: .leaseLost) == .giveBack)
    }

    @Test func `a wait that a kind asks for is cut to what the store can hold`() {
        let now = Timestamp(microseconds: 0)
        let verdict = Verdict(
            ending: .failure(Unknown()), cause: nil, attempt: 1, maxAttempts: 2, now: now,
            choice: { _ in .after(Limits.longestDuration * 2) }, retryDelay: { .zero })
        #expect(verdict.next == .wait(until: now + Limits.longestDuration))
    }

    @Test func `a handler gives its job up, or cancels it`() async throws {
        let workshop = Workshop()
        let (hopeless, unwanted) = (try await workshop.enqueue("hopeless"), try await workshop.enqueue("unwanted"))
        try await workshop.worker(
            Handler(kind: "hopeless") { _, _ in throw Unrecoverable(Wrong()) },
            Handler(kind: "unwanted") { _, _ in throw CancelJob(reason: "withdrawn") }
        ) { $0.until = .empty(idleTimeout: .zero) }.run()
        let dead = try #require(try await workshop.detail(hopeless))
        #expect(dead.summary.state == .dead)
        #expect(dead.summary.reason == "unrecoverable")
        #expect(dead.error?.type == "Wrong")
        #expect(dead.summary.attempt == 1)
        let cancelled = try #require(try await workshop.detail(unwanted))
        #expect(cancelled.summary.state == .cancelled)
        #expect(cancelled.summary.reason == "withdrawn")
        #expect(cancelled.error == nil)
    }

    @Test func `a handler that a check has wrapped keeps what it says about retries`() {
        let wrapped = RetryingTests.handler.delegated { _, _ in nil }
        #expect(wrapped.retry?(Wrong(), 1) == .never)
    }
}
