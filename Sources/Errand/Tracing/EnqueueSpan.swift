// The PRODUCER span around an enqueue, and the position that the new jobs take along.

import ErrandContext
import Tracing

/// One call of `enqueue` from the view of a trace: one span for it, however many jobs it adds.
struct EnqueueSpan {
    /// The position that jobs without one of their own store.
    let position: TraceContext?
    private let span: (any Span)?
    /// The position that was asked for explicitly for all of the jobs, and that the span continues.
    private let explicit: TraceContext?

    /// Begins the span, as a child of the position that all of `jobs` name, otherwise of the caller's.
    init(_ jobs: [NewJob], instruments: Instruments) {
        explicit = EnqueueSpan.commonPosition(of: jobs)
        let ambient = ServiceContext.current
        let seen = instruments.position(in: ambient)
        let caller = explicit ?? seen ?? ExecutionContext.current?.trace
        guard let tracer = instruments.tracer else {
            span = nil
            position = caller
            return
        }
        // A context that holds the caller's span is taken as it is; a position that is only known as text is read into it first.
        var context = ambient ?? .topLevel
        if let caller, explicit != nil || seen == nil { context = instruments.context(TraceHeaders(caller), over: context) }
        let span = tracer.startSpan(SpanFacts.enqueueName(jobs), context: context, ofKind: .producer)
        span.attributes.merge(SpanFacts.enqueueAttributes(jobs))
        self.span = span
        let baggage = explicit?.baggage ?? ExecutionContext.current?.baggage
        position = (instruments.position(in: span.context) ?? caller).map { $0.baggage == nil ? $0.carrying(baggage: baggage) : $0 }
    }

    /// Whether ``stamped(_:)`` changes no job.
    var stampsNothing: Bool { position == nil && explicit == nil }

    /// `job` with the position that it is to store: this span's, unless it named one that the others did not.
    func stamped(_ job: NewJob) -> NewJob {
        guard job.trace == nil || job.trace == explicit else { return job }
        var job = job
        job.trace = position
        return job
    }

    /// Ends the span: the jobs are durable.
    func end(_ results: [EnqueueResult]) {
        span?.attributes.merge(SpanFacts.enqueueAttributes(results))
        span?.end()
    }

    /// Ends the span: nothing was added.
    func end(failure error: EnqueueError) {
        guard let span else { return }
        span.attributes["error.type"] = "EnqueueError"
        span.recordError(error)
        span.setStatus(SpanStatus(code: .error, message: error.description))
        span.end()
    }

    private static func commonPosition(of jobs: [NewJob]) -> TraceContext? {
        guard let position = jobs.first?.trace, jobs.allSatisfy({ $0.trace == position }) else { return nil }
        return position
    }
}
