// One execution from claim to report, as a pipeline of named steps inside one scope.

import Logging

/// Runs one execution. Everything that belongs to it (decoding, handler, reports, hooks) happens inside its own context; only then
/// is the report handed back to the worker, which writes it.
package struct ExecutionPipeline: Sendable {
    let handlers: [String: Handler]
    let hooks: [ExecutionHook]
    let reporting: Reporting
    let clock: any ErrandClock
    let logger: Logger
    /// After how many crashes of its own a job is poison.
    let convictionLimit: Int?
    /// Told when the worker lacks what executions need, and for how long none should be started.
    let hindered: @Sendable (String, Duration) -> Void

    /// Runs `job` to its end, inside `span`.
    func run(_ job: ClaimedJob, in context: ExecutionContext, span: ExecutionSpan, signal: CancelSignal) async -> ExecutionReport {
        let (verdict, finishedAt) = await context.run(from: span.context) {
            signal.open()
            announceStart(of: job)
            await tellHooks(.started, context)
            let ending = await handle(job, context)
            if case .failure(let snooze as Snooze) = ending, let reason = snooze.hindrance { hindered(reason, snooze.duration) }
            var verdict = judge(ending, job, cause: signal.cause).honouring(deadline: job.terms.deadline, at: clock.now())
            // Here and nowhere later: from now on the error is stored, logged, traced and reported.
            if let redaction = context.log.redaction { verdict.redact(by: redaction) }
            await report(verdict, job, context)
            await tellHooks(verdict.hookEvent, context)
            markCrash(verdict, context)
            let finishedAt = clock.now()
            announceEnd(of: job, verdict, at: finishedAt)
            signal.close()
            context.log.end(at: finishedAt)
            return (verdict, finishedAt)
        }
        span.end(verdict)
        return ExecutionReport(
            execution: job.execution, outcome: verdict.outcome, next: verdict.next, error: verdict.error, result: verdict.result,
            finishedAt: finishedAt)
    }

    private func handle(_ job: ClaimedJob, _ context: ExecutionContext) async -> Result<[UInt8]?, any Error> {
        guard let handler = handlers[job.kind] else {
            return .failure(
                StoredError(type: "NoHandler", message: "this worker claimed a job of kind \(job.kind) without having a handler for it"))
        }
        if let unreadable = UnreadablePayload(job) { return .failure(unreadable) }
        do {
            return .success(try await handler.run(job, context))
        } catch {
            return .failure(error)
        }
    }

    private func judge(_ ending: Result<[UInt8]?, any Error>, _ job: ClaimedJob, cause: CancelCause?) -> Verdict {
        var generator = SystemRandomNumberGenerator()
        let backoff = handlers[job.kind]?.backoff ?? Backoff()
        // Whoever was told to stop was ended, however that went.
        if case .failure(let crash as HandlerCrash) = ending, cause == nil {
            let delay = backoff.delay(after: job.crashes + 1, using: &generator)
            return Verdict(
                crash, of: job.execution, afterCrashes: job.crashes, limit: convictionLimit, retryAt: clock.now() + delay)
        }
        let retry = handlers[job.kind]?.retry
        return Verdict(
            ending: ending, cause: cause, attempt: job.attempt, maxAttempts: job.maxAttempts, now: clock.now(),
            choice: { retry?($0, job.attempt) ?? .backoff },
            retryDelay: { backoff.delay(after: job.attempt, using: &generator) })
    }

    private func report(_ verdict: Verdict, _ job: ClaimedJob, _ context: ExecutionContext) async {
        // A payload that cannot be opened is no failure of the job; the worker's own log tells of it.
        guard let error = verdict.error, verdict.outcome != .snoozed else { return }
        await reporting.send(
            ErrorReport(
                job, in: context, outcome: verdict.outcome, error: error, nextAttemptAt: verdict.waitsUntil, occurredAt: clock.now()))
    }

    /// The log of an execution that crashed ends visibly, as it does when its worker died with it.
    private func markCrash(_ verdict: Verdict, _ context: ExecutionContext) {
        guard verdict.outcome == .crashed, let error = verdict.error else { return }
        context.log.remark("crashed: \(error.message)", level: .critical, at: clock.now())
    }

    private func tellHooks(_ event: ExecutionHook.Event, _ context: ExecutionContext) async {
        for hook in hooks { await hook.call(event, context) }
    }

    // MARK: The worker's own log: one line per start and end, written outside of the execution's scope

    private func announceStart(of job: ClaimedJob) {
        guard logger.logLevel <= .info else { return }
        ExecutionContext.none {
            logger.info("execution started", metadata: identity(of: job))
        }
    }

    private func announceEnd(of job: ClaimedJob, _ verdict: Verdict, at time: Timestamp) {
        if verdict.outcome == .snoozed, let error = verdict.error {
            ExecutionContext.none {
                logger.error("\(error.message); it is tried again in \(UnreadablePayload.delay)", metadata: identity(of: job))
            }
        }
        guard logger.logLevel <= .info else { return }
        ExecutionContext.none {
            var metadata = identity(of: job)
            metadata["outcome"] = "\(verdict.outcome.rawValue)"
            metadata["duration_ms"] = "\(max(0, (time - job.startedAt).wholeMicroseconds / 1000))"
            if let error = verdict.error { metadata["error"] = "\(error)" }
            if let next = verdict.waitsUntil { metadata["next_attempt_at"] = "\(next)" }
            logger.info("execution ended", metadata: metadata)
        }
    }

    private func identity(of job: ClaimedJob) -> Logger.Metadata {
        [
            "execution_id": "\(job.execution)", "job_id": "\(job.execution.job)", "queue": "\(job.queue)", "kind": "\(job.kind)",
            "attempt": "\(job.attempt)",
        ]
    }
}

extension Verdict {
    /// Takes secrets out of what is told about the end.
    fileprivate mutating func redact(by redaction: Redaction) {
        error = error?.redacted(by: redaction)
        if case .cancel(let reason?) = next { next = .cancel(reason: redaction.redacted(reason)) }
    }

    /// When the job runs again, if it waits.
    var waitsUntil: Timestamp? {
        if case .wait(let until) = next { until } else { nil }
    }

    /// What hooks are told.
    var hookEvent: ExecutionHook.Event {
        switch (outcome, next) {
        case (.completed, _): .completed
        case (.snoozed, .wait(let until)): .snoozed(until: until)
        case (.cancelled, _): .cancelled
        case (_, .giveBack): .interrupted
        case (_, .wait(let until)): .retrying(at: until, error ?? StoredError(type: "Unknown", message: ""))
        default: .died(error ?? StoredError(type: "Unknown", message: ""))
        }
    }
}
