// The CONSUMER span around an execution, or what stands for it where no tracer is installed.

import ErrandContext
import Tracing

/// One execution's span, begun before its scope opens and ended after its scope has closed.
struct ExecutionSpan: Sendable {
    /// Where the execution stands: the same IDs in its span, logs, reports, and in the environment of its child processes.
    let position: TraceContext
    /// What the execution's scope starts from: its own position and the caller's values, as instruments carry them, nothing else.
    let context: ServiceContext
    private let span: (any Span)?

    /// Begins the span of `job`. Called outside of every scope: nothing that happens to surround a worker becomes a parent.
    init(_ job: ClaimedJob, instruments: Instruments) {
        let plan = ExecutionTracePlan(job)
        guard let tracer = instruments.tracer else {
            position = plan.position
            context = instruments.isCarrying ? instruments.context(TraceHeaders(plan.position)) : .topLevel
            span = nil
            return
        }
        var parent = instruments.context(plan.parent.map { TraceHeaders($0) } ?? TraceHeaders(baggage: plan.position.baggage))
        parent[PlannedSpan.self] = plan.position
        let span = tracer.startSpan(SpanFacts.executionName(job), context: parent, ofKind: .consumer)
        span.attributes.merge(SpanFacts.executionAttributes(job))
        // Read back rather than believed: a tracer of another mind has its own IDs, and logs must carry those that it sends.
        let seen = instruments.position(in: span.context) ?? plan.position
        position = seen.baggage == nil ? seen.carrying(baggage: plan.position.baggage) : seen
        if let enqueuer = plan.enqueuer { span.addLink(SpanLink(context: instruments.context(TraceHeaders(enqueuer)), attributes: [:])) }
        // Only where IDs follow from the execution's is it known which one the previous span had.
        if let previous = plan.previous, seen.spanID == plan.position.spanID, seen.traceID == plan.position.traceID {
            var attributes: SpanAttributes = [:]
            attributes["errand.link"] = "previous_execution"
            span.addLink(SpanLink(context: instruments.context(TraceHeaders(previous)), attributes: attributes))
        }
        var own = span.context
        own[PlannedSpan.self] = nil
        context = own
        self.span = span
    }

    /// Ends the span with what became of the execution.
    func end(_ verdict: Verdict) {
        guard let span else { return }
        span.attributes.merge(SpanFacts.endAttributes(verdict))
        if let event = SpanFacts.exceptionEvent(verdict) { span.addEvent(event) }
        if let status = SpanFacts.status(verdict) { span.setStatus(status) }
        span.end()
    }
}
