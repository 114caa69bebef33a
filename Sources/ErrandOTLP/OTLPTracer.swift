// The tracer that sends its spans to an OpenTelemetry collector.

#if Web
import ErrandContext
import Synchronization
public import Errand
public import Logging
public import Tracing

/// Records spans and sends them to a collector over OTLP/HTTP, in batches, from a thread of its own.
///
/// ```swift
/// let settings = try OTLPSettings(endpoint: "http://127.0.0.1:4318")
/// let tracer = OTLPTracer(settings)
/// InstrumentationSystem.bootstrap(tracer)
/// // … run the worker …
/// await tracer.shutdown(within: .seconds(5))
/// ```
/// A collector that is slow, refuses or cannot be reached never holds up a job: spans wait in a queue of limited length, and what does
/// not fit is dropped, counted, and told in the log.
public final class OTLPTracer: Tracer {
    private let sampler: OTLPSampler
    private let exporter: SpanExporter
    private let clock: any ErrandClock
    private let thread: ThreadExecutor
    private let sending: Task<Void, Never>

    /// A tracer that sends where `settings` say.
    /// - Parameters:
    ///   - settings: Where to, as whom, and how much at once.
    ///   - logger: Told about spans that could not be delivered.
    ///   - clock: Tells the time of delays between tries.
    public convenience init(
        _ settings: OTLPSettings, logger: Logger = Logger(label: "errand.otlp"), clock: any ErrandClock = SystemClock.shared
    ) {
        self.init(settings, transport: HTTPSpanTransport(settings), logger: logger, clock: clock)
    }

    init(_ settings: OTLPSettings, transport: any SpanTransport, logger: Logger, clock: any ErrandClock) {
        sampler = settings.sampler
        self.clock = clock
        let exporter = SpanExporter(settings, transport: transport, logger: logger, clock: clock)
        let thread = ThreadExecutor(name: "errand-otlp")
        self.exporter = exporter
        self.thread = thread
        // Outside of every execution: whoever happens to make the tracer must not own what it sends. Awaited by ``shutdown(within:)``.
        sending = ExecutionContext.none { Task(executorPreference: thread) { await exporter.run() } }
    }

    /// How many spans were lost: they found the queue full, or no collector took them.
    public var lostSpans: Int { exporter.lostSpans }

    /// Sends what waits and ends; what is not delivered within `deadline` is given up. Spans that end later are dropped.
    public func shutdown(within deadline: Duration) async {
        exporter.stop()
        let timer = clock.schedule(at: clock.uptime() + deadline) { [sending] in sending.cancel() }
        await sending.value
        timer.cancel()
        thread.stop()
    }

    // MARK: Tracer

    /// Begins a span, as a child of the one that `context` holds.
    public func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind, at instant: @autoclosure () -> Instant,
        function: String, file fileID: String, line: UInt
    ) -> OTLPSpan {
        let context = context()
        let parent = context[SpanPlace.self]
        let plan = context[PlannedSpan.self]
        let traceID = parent?.position.traceID ?? plan?.traceID ?? SpanIDs.trace()
        let isSampled = sampler.isSampled(traceID: traceID, parent: parent?.position)
        let position = TraceContext(
            traceID: traceID, spanID: plan?.spanID ?? SpanIDs.span(), isSampled: isSampled, traceState: parent?.position.traceState,
            baggage: parent?.position.baggage ?? context[CarriedBaggage.self])
        // IDs are made of hexadecimal digits, here and in every position that was read.
        guard let position else { preconditionFailure("no span has the IDs \(traceID) and \(String(describing: plan?.spanID))") }
        return OTLPSpan(
            name: operationName, kind: kind, position: position, parent: parent, in: context,
            startNanoseconds: instant().nanosecondsSinceEpoch, exporter: isSampled ? exporter : nil)
    }

    /// Wakes the sender; returns at once.
    @available(*, deprecated)
    public func forceFlush() { exporter.wake() }

    // MARK: Instrument

    /// Writes W3C `traceparent`, `tracestate` and `baggage`.
    public func inject<Carrier, Inject: Injector>(_ context: ServiceContext, into carrier: inout Carrier, using injector: Inject)
    where Inject.Carrier == Carrier {
        guard let position = context[SpanPlace.self]?.position else {
            if let baggage = context[CarriedBaggage.self] { injector.inject(baggage, forKey: "baggage", into: &carrier) }
            return
        }
        injector.inject(position.traceParent, forKey: "traceparent", into: &carrier)
        if let state = position.traceState { injector.inject(state, forKey: "tracestate", into: &carrier) }
        if let baggage = position.baggage { injector.inject(baggage, forKey: "baggage", into: &carrier) }
    }

    /// Reads W3C `traceparent`, `tracestate` and `baggage`; what breaks their rules is left out.
    public func extract<Carrier, Extract: Extractor>(_ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract)
    where Extract.Carrier == Carrier {
        let baggage = extractor.extract(key: "baggage", from: carrier)
        let position = extractor.extract(key: "traceparent", from: carrier).flatMap {
            TraceContext(traceParent: $0, traceState: extractor.extract(key: "tracestate", from: carrier), baggage: baggage)
        }
        if let position {
            context[SpanPlace.self] = SpanPlace(position: position, isRemote: true)
        } else if let baggage, TraceContext.isBaggage(baggage) {
            context[CarriedBaggage.self] = baggage
        }
    }
}
#endif
