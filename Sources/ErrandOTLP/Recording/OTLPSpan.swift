// A span while it is open: gathers what is said about it, and hands it over when it ends.

#if Web
import ErrandContext
import Synchronization
public import Tracing

/// A span of ``OTLPTracer``.
///
/// Keeps at most 128 attributes, 128 events and 128 links, texts of at most 8 KiB; what is beyond is left out and counted in the span.
public final class OTLPSpan: Span {
    /// The context that the span's own children and log lines belong to.
    public let context: ServiceContext
    private let kind: SpanKind
    private let position: TraceContext
    private let parent: SpanPlace?
    private let startNanoseconds: UInt64
    /// Takes the span when it ends; `nil` for one that is not sampled.
    private let exporter: SpanExporter?
    private let state: Mutex<State>

    private struct State {
        var name: String
        var attributes: SpanAttributes = [:]
        var events: [SpanEvent] = []
        var droppedEvents = 0
        var links: [SpanLink] = []
        var droppedLinks = 0
        var status: SpanStatus?
        var hasEnded = false
    }

    /// How many events, and how many links, a span keeps: OpenTelemetry's default limit.
    static let partsLimit = 128

    init(
        name: String, kind: SpanKind, position: TraceContext, parent: SpanPlace?, in context: ServiceContext, startNanoseconds: UInt64,
        exporter: SpanExporter?
    ) {
        var own = context
        own[SpanPlace.self] = SpanPlace(position: position, isRemote: false)
        own[CarriedBaggage.self] = nil
        // The IDs were meant for this span alone.
        own[PlannedSpan.self] = nil
        self.context = own
        self.kind = kind
        self.position = position
        self.parent = parent
        self.startNanoseconds = startNanoseconds
        self.exporter = exporter
        state = Mutex(State(name: name))
    }

    /// Whether anything that is said about the span will be sent.
    public var isRecording: Bool { exporter != nil && !state.withLock(\.hasEnded) }

    /// What the span is called.
    public var operationName: String {
        get { state.withLock(\.name) }
        set { change { $0.name = newValue } }
    }

    /// What is said about the span.
    public var attributes: SpanAttributes {
        get { state.withLock(\.attributes) }
        set { change { $0.attributes = newValue } }
    }

    /// Sets how the span ended; `ok`, once set, stays.
    public func setStatus(_ status: SpanStatus) {
        change { if $0.status?.code != .ok { $0.status = status } }
    }

    /// Adds an event.
    public func addEvent(_ event: SpanEvent) {
        change { state in
            if state.events.count < OTLPSpan.partsLimit { state.events.append(event) } else { state.droppedEvents += 1 }
        }
    }

    /// Adds an event that tells of an error.
    public func recordError<Instant: TracerInstant>(
        _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
    ) {
        guard isRecording else { return }
        var all = attributes
        all["exception.type"] = String(reflecting: type(of: error))
        all["exception.message"] = "\(error)"
        addEvent(SpanEvent(name: "exception", at: instant(), attributes: all))
    }

    /// Adds a link to another span.
    public func addLink(_ link: SpanLink) {
        change { state in
            if state.links.count < OTLPSpan.partsLimit { state.links.append(link) } else { state.droppedLinks += 1 }
        }
    }

    /// Ends the span and hands it over to be sent; a second call does nothing.
    public func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        guard let exporter else { return }
        let ended = state.withLock { state -> State? in
            guard !state.hasEnded else { return nil }
            state.hasEnded = true
            return state
        }
        // Written outside of the lock: an attribute may be somebody's description, which may log or read the span.
        if let ended { exporter.add(message(ended, endNanoseconds: instant().nanosecondsSinceEpoch)) }
    }

    private func change(_ body: (inout State) -> Void) {
        guard exporter != nil else { return }
        state.withLock { if !$0.hasEnded { body(&$0) } }
    }

    private func message(_ state: State, endNanoseconds: UInt64) -> SpanMessage {
        var message = SpanMessage()
        message.traceID = SpanEncoding.bytes(position.traceID)
        message.spanID = SpanEncoding.bytes(position.spanID)
        message.traceState = position.traceState ?? ""
        message.flags = SpanEncoding.flags(isSampled: position.isSampled, isRemote: parent?.isRemote ?? false)
        if let parent { message.parentSpanID = SpanEncoding.bytes(parent.position.spanID) }
        message.name = SpanEncoding.cut(state.name)
        message.kind = SpanEncoding.kind(kind)
        message.startTimeUnixNano = startNanoseconds
        message.endTimeUnixNano = max(startNanoseconds, endNanoseconds)
        (message.attributes, message.droppedAttributesCount) = SpanEncoding.attributes(state.attributes)
        message.events = state.events.map(SpanEncoding.event)
        message.droppedEventsCount = UInt32(state.droppedEvents)
        message.links = state.links.compactMap(SpanEncoding.link)
        message.droppedLinksCount = UInt32(state.droppedLinks)
        if let status = state.status { message.status = SpanEncoding.status(status) }
        return message
    }
}
#endif
