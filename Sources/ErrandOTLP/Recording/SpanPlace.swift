// Where a span stands, as service contexts carry it.

#if Web
import ErrandContext
import Tracing

/// The span that a service context belongs to, here or in another process.
struct SpanPlace: Sendable, Hashable, ServiceContextKey {
    typealias Value = SpanPlace
    static var nameOverride: String? { "errand-otlp-span" }

    var position: TraceContext
    /// Whether it came out of headers.
    var isRemote: Bool
}

/// The caller's values where no position came with them.
enum CarriedBaggage: ServiceContextKey {
    typealias Value = String
    static var nameOverride: String? { "errand-otlp-baggage" }
}

/// New IDs, from the system's generator.
enum SpanIDs {
    /// 32 hexadecimal digits that are not all zero.
    static func trace() -> String { Hex.digits(.random(in: .min ... .max)) + Hex.digits(.random(in: 1 ... .max)) }

    /// 16 hexadecimal digits that are not all zero.
    static func span() -> String { Hex.digits(.random(in: 1 ... .max)) }
}
#endif
