// What the spans of Errand say about themselves: names, attributes and status, as OpenTelemetry's conventions for messaging have them.

import ErrandContext
import Tracing

/// Names and attributes, worked out from jobs and verdicts. Pure.
///
/// Source: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/; what it has no word for is named `errand.…`.
enum SpanFacts {
    // MARK: Enqueueing

    /// `<queue> enqueue`, or `enqueue` when several queues take part.
    static func enqueueName(_ jobs: [NewJob]) -> String { queue(of: jobs).map { "\($0) enqueue" } ?? "enqueue" }

    /// What is known before the store has answered.
    static func enqueueAttributes(_ jobs: [NewJob]) -> SpanAttributes {
        var attributes = messaging(operation: "enqueue", type: "send")
        if let queue = queue(of: jobs) { attributes["messaging.destination.name"] = queue }
        if let kind = jobs.first?.kind, jobs.allSatisfy({ $0.kind == kind }) { attributes["errand.job.kind"] = kind }
        if jobs.count > 1 { attributes["messaging.batch.message_count"] = jobs.count }
        return attributes
    }

    /// What the store has answered: the job's ID, where it is one job.
    static func enqueueAttributes(_ results: [EnqueueResult]) -> SpanAttributes {
        var attributes: SpanAttributes = [:]
        let added = results.count { if case .added = $0 { true } else { false } }
        attributes["errand.jobs.added"] = added
        guard results.count == 1 else { return attributes }
        attributes["messaging.message.id"] = results[0].id.description
        attributes["errand.job.id"] = results[0].id.description
        if case .added = results[0] { return attributes }
        attributes["errand.enqueue.result"] = results[0].word
        return attributes
    }

    private static func queue(of jobs: [NewJob]) -> String? {
        guard let queue = jobs.first?.queue, jobs.allSatisfy({ $0.queue == queue }) else { return nil }
        return queue
    }

    // MARK: Executing

    /// `<queue> process`.
    static func executionName(_ job: ClaimedJob) -> String { "\(job.queue) process" }

    /// What is known when an execution starts.
    static func executionAttributes(_ job: ClaimedJob) -> SpanAttributes {
        var attributes = messaging(operation: "process", type: "process")
        attributes["messaging.destination.name"] = job.queue
        attributes["messaging.message.id"] = job.execution.job.description
        attributes["errand.job.id"] = job.execution.job.description
        attributes["errand.job.kind"] = job.kind
        attributes["errand.execution.id"] = job.execution.description
        attributes["errand.attempt"] = job.attempt
        attributes["errand.max_attempts"] = job.maxAttempts
        if let previous = job.previous {
            attributes["errand.execution.previous_id"] = previous.description
        } else if let dueAt = job.dueAt {
            attributes["errand.job.wait_ms"] = Int(max(.zero, job.startedAt - dueAt).wholeMicroseconds / 1000)
        }
        return attributes
    }

    /// What is known when it has ended.
    static func endAttributes(_ verdict: Verdict) -> SpanAttributes {
        var attributes: SpanAttributes = [:]
        attributes["errand.outcome"] = verdict.outcome.rawValue
        if isFailure(verdict.outcome) { attributes["error.type"] = verdict.error?.type ?? verdict.outcome.rawValue }
        if let next = verdict.waitsUntil { attributes["errand.next_attempt_at"] = next.description }
        return attributes
    }

    /// The status of an ended execution: `ok` where it ended as it was meant to (a snooze and a cancellation among that), an error
    /// where it failed, whether or not another attempt follows, and none where it was cut and simply runs again.
    static func status(_ verdict: Verdict) -> SpanStatus? {
        switch verdict.outcome {
        case .completed, .snoozed, .cancelled: SpanStatus(code: .ok)
        case .failed, .timedOut, .crashed: SpanStatus(code: .error, message: verdict.error?.description)
        case .interrupted, .lost: nil
        }
    }

    /// The event that tells what went wrong, by the conventions for exceptions.
    static func exceptionEvent(_ verdict: Verdict) -> SpanEvent? {
        guard isFailure(verdict.outcome), let error = verdict.error else { return nil }
        var attributes: SpanAttributes = [:]
        attributes["exception.type"] = error.type
        attributes["exception.message"] = error.message
        if let stack = error.stack { attributes["exception.stacktrace"] = stack }
        return SpanEvent(name: "exception", attributes: attributes)
    }

    private static func isFailure(_ outcome: Outcome) -> Bool {
        switch outcome {
        case .failed, .timedOut, .crashed: true
        case .completed, .snoozed, .cancelled, .interrupted, .lost: false
        }
    }

    private static func messaging(operation: String, type: String) -> SpanAttributes {
        var attributes: SpanAttributes = [:]
        attributes["messaging.system"] = "errand"
        attributes["messaging.operation.name"] = operation
        attributes["messaging.operation.type"] = type
        return attributes
    }
}
