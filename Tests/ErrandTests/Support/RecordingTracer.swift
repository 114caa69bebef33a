// A tracer that remembers its spans, speaks W3C headers, and keeps to planned IDs or to its own, as tracers in the world do.

import Errand
import ErrandContext
import InMemoryTracing
import Synchronization
import Tracing

/// Spans of swift-distributed-tracing's in-memory kind, with IDs of W3C's form.
final class RecordingTracer: Tracer {
    private let followsPlans: Bool
    private let ended = Mutex<[FinishedInMemorySpan]>([])

    /// `followsPlans`: whether spans take the IDs that Errand plans for them, as its own tracer does.
    init(followsPlans: Bool = true) { self.followsPlans = followsPlans }

    /// The spans that have ended.
    var spans: [FinishedInMemorySpan] { ended.withLock { $0 } }

    /// The ended spans of a kind, in the order in which they began.
    func spans(_ kind: SpanKind) -> [FinishedInMemorySpan] {
        spans.filter { $0.kind == kind }.sorted { $0.startInstant.nanosecondsSinceEpoch < $1.startInstant.nanosecondsSinceEpoch }
    }

    func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind, at instant: @autoclosure () -> Instant,
        function: String, file fileID: String, line: UInt
    ) -> InMemorySpan {
        var context = context()
        let parent = context.inMemorySpanContext
        let plan = followsPlans ? context[PlannedSpan.self] : nil
        context[PlannedSpan.self] = nil
        let position = InMemorySpanContext(
            traceID: parent?.traceID ?? plan?.traceID ?? RecordingTracer.digits(32), spanID: plan?.spanID ?? RecordingTracer.digits(16),
            parentSpanID: parent?.spanID)
        return InMemorySpan(
            operationName: operationName, context: context, spanContext: position, kind: kind, startInstant: instant()
        ) { [self] span in ended.withLock { $0.append(span) } }
    }

    func forceFlush() {}

    func inject<Carrier, Inject: Injector>(_ context: ServiceContext, into carrier: inout Carrier, using injector: Inject)
    where Inject.Carrier == Carrier {
        if let span = context.inMemorySpanContext {
            injector.inject("00-\(span.traceID)-\(span.spanID)-\(context[Flags.self] ?? "01")", forKey: "traceparent", into: &carrier)
        }
        if let baggage = context[Baggage.self] { injector.inject(baggage, forKey: "baggage", into: &carrier) }
    }

    func extract<Carrier, Extract: Extractor>(_ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract)
    where Extract.Carrier == Carrier {
        context[Baggage.self] = extractor.extract(key: "baggage", from: carrier) ?? context[Baggage.self]
        guard let text = extractor.extract(key: "traceparent", from: carrier) else { return }
        let fields = text.split(separator: "-").map(String.init)
        context.inMemorySpanContext = InMemorySpanContext(traceID: fields[1], spanID: fields[2], parentSpanID: nil)
        context[Flags.self] = fields[3]
    }

    /// The sampled flag as it came.
    private enum Flags: ServiceContextKey { typealias Value = String }

    /// The caller's values as they came.
    enum Baggage: ServiceContextKey { typealias Value = String }

    private static func digits(_ count: Int) -> String { String((0..<count).map { _ in "123456789abcdef".randomElement()! }) }
}
