// The tracer and the instrument that are at work, if any, and what they make of a position.

import ErrandContext
import Tracing

/// What a program has installed for tracing; nothing installed is a valid answer.
struct Instruments: Sendable {
    /// Begins spans; `nil` when no tracer is installed.
    let tracer: (any Tracer)?
    /// Carries positions between processes; `nil` when nothing is installed.
    private let instrument: (any Instrument)?

    /// `own` if it is given, otherwise what the process has bootstrapped.
    init(own: (any Tracer)?) {
        if let own {
            tracer = own
            instrument = own
        } else {
            let found = InstrumentationSystem.tracer
            tracer = found is NoOpTracer ? nil : found
            let carrier = InstrumentationSystem.instrument
            instrument = carrier is NoOpInstrument ? nil : carrier
        }
    }

    /// An instrument without a tracer.
    init(carrier: any Instrument) {
        tracer = nil
        instrument = carrier
    }

    /// Whether anything carries positions.
    var isCarrying: Bool { instrument != nil }

    /// The position that `context` holds, as the instrument tells it; `nil` when it tells none in W3C's format.
    func position(in context: ServiceContext?) -> TraceContext? {
        guard let context, let instrument else { return nil }
        var headers = TraceHeaders()
        instrument.inject(context, into: &headers, using: TraceHeaders.Writer())
        return headers.position
    }

    /// What the instrument reads out of `headers`, over `base`.
    func context(_ headers: TraceHeaders, over base: ServiceContext = .topLevel) -> ServiceContext {
        var context = base
        instrument?.extract(headers, into: &context, using: TraceHeaders.Reader())
        return context
    }
}

/// The IDs that a span shall have. A tracer of Errand's own gives them to it, so that they follow from the execution ID, and later
/// executions can link to it; any other tracer chooses its own.
package enum PlannedSpan: ServiceContextKey {
    /// The whole position.
    package typealias Value = TraceContext
    /// Shown in descriptions.
    package static var nameOverride: String? { "errand-planned-span" }
}
