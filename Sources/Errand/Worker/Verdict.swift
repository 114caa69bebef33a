// The judgement on an ended handler: outcome, next step and stored error. Pure.

/// What became of an execution and where its job goes.
package struct Verdict: Sendable, Hashable {
    package var outcome: Outcome
    package var next: NextStep
    package var error: StoredError?
    package var result: [UInt8]?

    /// Judges how a handler ended.
    /// - Parameters:
    ///   - ending: What it returned or threw.
    ///   - cause: Why it had been told to stop, if it had. A handler that returned all the same has completed.
    ///   - choice: What the kind says about a failed attempt.
    ///   - retryDelay: How long a failed attempt waits when the kind leaves that open; asked only when there is another attempt.
    package init(
        ending: Result<[UInt8]?, any Error>, cause: CancelCause?, attempt: Int, maxAttempts: Int, now: Timestamp,
        choice: (any Error) -> RetryChoice = { _ in .backoff }, retryDelay: () -> Duration
    ) {
        func wait(_ delay: Duration) -> NextStep { .wait(until: now + min(max(delay, .zero), Limits.longestDuration)) }
        func retryOrBury(_ outcome: Outcome, _ error: StoredError, thrown: (any Error)? = nil) -> Verdict {
            let next: NextStep =
                switch choice(thrown ?? error) {
                case .never: .bury(reason: NextStep.unrecoverable)
                case _ where attempt >= maxAttempts: .bury(reason: "max_attempts")
                case .after(let delay): wait(delay)
                case .backoff: wait(retryDelay())
                }
            return Verdict(outcome: outcome, next: next, error: error)
        }
        switch (ending, cause) {
        case (.success(let result), _):
            if let result, result.count > Limits.resultBytes {
                self = retryOrBury(.failed, .resultTooLarge(bytes: result.count))
            } else {
                self = Verdict(outcome: .completed, next: .complete, result: result)
            }
        case (.failure, .requested(let reason)): self = Verdict(outcome: .cancelled, next: .cancel(reason: reason))
        case (.failure, .shutdown): self = Verdict(outcome: .interrupted, next: .giveBack)
        case (.failure, .leaseLost): self = Verdict(outcome: .lost, next: .giveBack)
        case (.failure, .timedOut(let timeout)):
            self = retryOrBury(
                .timedOut, StoredError(type: "TimedOut", message: "the execution did not end within its timeout of \(timeout)"))
        case (.failure, .silent(let limit)):
            self = retryOrBury(
                .timedOut, StoredError(type: "HeartbeatTimedOut", message: "the execution showed no sign of life for \(limit)"))
        case (.failure(let error as Unrecoverable), nil):
            self = Verdict(outcome: .failed, next: .bury(reason: NextStep.unrecoverable), error: error.error)
        case (.failure(let error as CancelJob), nil):
            self = Verdict(outcome: .cancelled, next: .cancel(reason: error.reason))
        case (.failure, .deadline):
            self = Verdict(
                outcome: .timedOut, next: .bury(reason: "deadline"),
                error: StoredError(type: "DeadlineReached", message: "the job did not end by its deadline"))
        case (.failure(let error as Snooze), nil):
            self = Verdict(outcome: .snoozed, next: wait(error.duration))
        case (.failure(let unreadable as UnreadablePayload), nil):
            self = Verdict(outcome: .snoozed, next: wait(UnreadablePayload.delay), error: unreadable.error)
        case (.failure(let error), nil): self = retryOrBury(.failed, StoredError(error), thrown: error)
        }
    }

    /// The same for a job that must have ended by `deadline`.
    package func honouring(deadline: Timestamp?, at now: Timestamp) -> Verdict {
        var verdict = self
        verdict.next = next.honouring(deadline: deadline, at: now)
        return verdict
    }

    init(outcome: Outcome, next: NextStep, error: StoredError? = nil, result: [UInt8]? = nil) {
        self.outcome = outcome
        self.next = next
        self.error = error
        self.result = result
    }
}

extension NextStep {
    /// Why a job is buried that its handler has given up.
    static let unrecoverable = "unrecoverable"
}

extension StoredError {
    /// Fails an execution whose result is not kept.
    package static func resultTooLarge(bytes: Int) -> StoredError {
        StoredError(
            type: "ResultTooLarge",
            message: "the result has \(bytes) bytes, and at most \(Limits.resultBytes) are kept: store it elsewhere and return a reference")
    }
}
