// Where an execution belongs in a trace, decided from what its claim knows. Pure.

import ErrandContext

/// The place of one execution in a trace, before any tracer has a say.
struct ExecutionTracePlan: Sendable, Hashable {
    /// The span that is the parent; `nil` begins a trace.
    let parent: TraceContext?
    /// Where the execution itself stands, unless a tracer of another mind says otherwise.
    let position: TraceContext
    /// Where the enqueuer stood, for a job that only links there.
    let enqueuer: TraceContext?
    /// Where the execution before this one stood, by the same rules.
    let previous: TraceContext?

    /// Plans for `job`.
    init(_ job: ClaimedJob) {
        // A job that links begins a trace of its own; the caller's own values travel with it all the same.
        let isLinked = job.traceRelation == .link
        // Jobs of one workflow belong to one trace, whoever adds them when.
        let caller = isLinked ? nil : job.trace ?? job.workflow.map { TraceContext.place(of: $0) }
        func place(_ execution: ExecutionID) -> TraceContext {
            let span = TraceContext.span(of: execution, in: caller)
            return isLinked ? span.carrying(baggage: job.trace?.baggage) : span
        }
        parent = caller
        enqueuer = isLinked ? job.trace : nil
        position = place(job.execution)
        previous = job.previous.map(place)
    }
}

extension TraceContext {
    /// The same position with these values of the caller's.
    func carrying(baggage: String?) -> TraceContext {
        guard let baggage, self.baggage != baggage else { return self }
        return TraceContext(traceID: traceID, spanID: spanID, isSampled: isSampled, traceState: traceState, baggage: baggage) ?? self
    }
}
