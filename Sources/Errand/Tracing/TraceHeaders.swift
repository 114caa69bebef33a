// A trace position as the headers that instruments read and write.

import ErrandContext
import Tracing

/// W3C headers by their lower-case names: what instruments inject into and extract from.
struct TraceHeaders: Sendable, Hashable {
    /// Every header, also those of other formats that an instrument wrote.
    private(set) var values: [String: String] = [:]

    /// No headers.
    init() {}

    /// The headers that say `position`.
    init(_ position: TraceContext) {
        values["traceparent"] = position.traceParent
        values["tracestate"] = position.traceState
        values["baggage"] = position.baggage
    }

    /// Only the caller's values, without a position.
    init(baggage: String?) { values["baggage"] = baggage }

    /// The position that the headers say; `nil` when they say none that is valid.
    var position: TraceContext? {
        values["traceparent"].flatMap { TraceContext(traceParent: $0, traceState: values["tracestate"], baggage: values["baggage"]) }
    }

    /// Writes headers for an instrument.
    struct Writer: Injector {
        func inject(_ value: String, forKey key: String, into carrier: inout TraceHeaders) { carrier.values[key.lowercased()] = value }
    }

    /// Reads headers for an instrument.
    struct Reader: Extractor {
        func extract(key: String, from carrier: TraceHeaders) -> String? { carrier.values[key.lowercased()] }
    }
}
