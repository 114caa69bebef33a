// Spans from their beginning to the encoded request.

#if Web
import Errand
import ErrandContext
import ErrandTesting
import FoundationEssentials
import Logging
import SwiftProtobuf
import Testing
import Tracing

@testable import ErrandOTLP

@Suite(.timeLimit(.minutes(2))) struct TracerTests {
    private let clock = ManualClock()

    private func tracer(_ transport: ScriptedTransport, change: (inout OTLPSettings) -> Void = { _ in }) throws -> OTLPTracer {
        var settings = try OTLPSettings(endpoint: "http://127.0.0.1:1")
        change(&settings)
        return OTLPTracer(
            settings, transport: transport, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), clock: clock)
    }

    private struct Broken: Error, CustomStringConvertible { var description: String { "it broke" } }

    @Test func `everything that is said about a span is in the request`() async throws {
        let transport = ScriptedTransport()
        let tracer = try tracer(transport) { $0.resource["service.name"] = "shop" }
        let headers = ["traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "v=1", "baggage": "u=a"]
        var context = ServiceContext.topLevel
        tracer.extract(headers, into: &context, using: DictionaryExtractor())
        let linked = tracer.startSpan("linked", ofKind: .internal)
        let span = tracer.startSpan("old name", context: context, ofKind: .consumer, at: Moment(nanosecondsSinceEpoch: 1000))
        span.operationName = "mail process"
        span.attributes["text"] = "a"
        span.attributes["flag"] = true
        span.attributes["number"] = 7
        span.attributes["real"] = 1.5
        span.attributes["list"] = ["a", "b"]
        span.addEvent(SpanEvent(name: "halfway", at: Moment(nanosecondsSinceEpoch: 1500), attributes: ["n": 1]))
        span.recordError(Broken(), attributes: [:], at: Moment(nanosecondsSinceEpoch: 1600))
        span.addLink(SpanLink(context: linked.context, attributes: ["why": "test"]))
        span.addLink(SpanLink(context: .topLevel, attributes: [:]))
        span.setStatus(SpanStatus(code: .error, message: "it broke"))
        span.end(at: Moment(nanosecondsSinceEpoch: 2000))
        span.end(at: Moment(nanosecondsSinceEpoch: 9000))
        span.attributes["late"] = "no"
        await tracer.shutdown(within: .seconds(5))
        let request = try #require(try transport.requests().first)
        let resource = request.resourceSpans[0].resource.attributes
        #expect(resource.first { $0.key == "service.name" }?.value.stringValue == "shop")
        #expect(resource.first { $0.key == "process.pid" }?.value.intValue ?? 0 > 0)
        let sent = try #require(try transport.spans().first { $0.name == "mail process" })
        #expect(try transport.spans().count == 1, "a span that has not ended is not sent")
        #expect(sent.traceID == SpanEncoding.bytes("4bf92f3577b34da6a3ce929d0e0e4736"))
        #expect(sent.parentSpanID == SpanEncoding.bytes("00f067aa0ba902b7"))
        #expect(sent.spanID.count == 8 && sent.spanID != sent.parentSpanID)
        #expect(sent.traceState == "v=1")
        #expect(sent.flags == 0x301, "sampled, and the parent is known to be remote")
        #expect(sent.kind == .consumer)
        #expect(sent.startTimeUnixNano == 1000 && sent.endTimeUnixNano == 2000)
        #expect(sent.attributes.map(\.key) == ["flag", "list", "number", "real", "text"])
        #expect(sent.attributes.map { String(describing: $0.value.value!).prefix(8) }.count == 5)
        #expect(sent.attributes[0].value.boolValue && sent.attributes[2].value.intValue == 7 && sent.attributes[3].value.doubleValue == 1.5)
        #expect(sent.attributes[1].value.arrayValue.values.map(\.stringValue) == ["a", "b"])
        #expect(sent.events.map(\.name) == ["halfway", "exception"])
        #expect(sent.events[1].attributes.first { $0.key == "exception.message" }?.value.stringValue == "it broke")
        #expect(sent.links.map(\.spanID) == [SpanEncoding.bytes(try #require(linked.context[SpanPlace.self]).position.spanID)])
        #expect(sent.status.code == .error && sent.status.message == "it broke")
        linked.end()
        #expect(tracer.lostSpans == 1, "a span that ends after the tracer is counted")
    }

    @Test func `a child belongs to its parent's trace, and carries what came with it`() throws {
        let tracer = try tracer(ScriptedTransport())
        let parent = tracer.startSpan("parent")
        let child = tracer.startSpan("child", context: parent.context)
        let (one, two) = (try #require(parent.context[SpanPlace.self]), try #require(child.context[SpanPlace.self]))
        #expect(one.position.traceID == two.position.traceID && one.position.spanID != two.position.spanID)
        var headers: [String: String] = [:]
        tracer.inject(child.context, into: &headers, using: DictionaryInjector())
        #expect(headers == ["traceparent": two.position.traceParent])
        #expect(one.position.isSampled, "a trace that begins here is recorded")
    }

    @Test func `baggage travels without a position, and broken headers are left out`() throws {
        let tracer = try tracer(ScriptedTransport())
        var context = ServiceContext.topLevel
        tracer.extract(["traceparent": "00-zz-zz-01", "baggage": "u=ada"], into: &context, using: DictionaryExtractor())
        let span = tracer.startSpan("root", context: context)
        var headers: [String: String] = [:]
        tracer.inject(span.context, into: &headers, using: DictionaryInjector())
        #expect(headers["baggage"] == "u=ada")
        #expect(headers["traceparent"]?.hasSuffix("-01") == true)
        var broken = ServiceContext.topLevel
        tracer.extract(["baggage": "no pair"], into: &broken, using: DictionaryExtractor())
        #expect(broken.isEmpty)
    }

    @Test func `what the caller does not record is not sent, and its IDs go on all the same`() async throws {
        let transport = ScriptedTransport()
        let tracer = try tracer(transport)
        var context = ServiceContext.topLevel
        let headers = ["traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"]
        tracer.extract(headers, into: &context, using: DictionaryExtractor())
        let span = tracer.startSpan("unseen", context: context)
        #expect(!span.isRecording)
        span.attributes["a"] = "b"
        #expect(span.attributes.isEmpty)
        var sent: [String: String] = [:]
        tracer.inject(span.context, into: &sent, using: DictionaryInjector())
        #expect(
            sent["traceparent"]?.hasPrefix("00-4bf92f3577b34da6a3ce929d0e0e4736-") == true && sent["traceparent"]?.hasSuffix("-00") == true)
        #expect(sent["traceparent"] != headers["traceparent"])
        span.end()
        await tracer.shutdown(within: .seconds(5))
        #expect(transport.bodies.isEmpty)
        #expect(tracer.lostSpans == 0)
    }

    @Test func `a span keeps as many parts and as long texts as it may, and counts the rest`() async throws {
        let transport = ScriptedTransport()
        let tracer = try tracer(transport)
        for excess in [0, 1] {
            let span = tracer.startSpan("\(excess)")
            for number in 0..<(128 + excess) {
                span.attributes["key\(number)"] = number
                span.addEvent(SpanEvent(name: "event"))
                span.addLink(SpanLink(context: span.context, attributes: [:]))
            }
            span.end()
        }
        let texts = tracer.startSpan("texts")
        texts.attributes["at"] = String(repeating: "x", count: 8192)
        texts.attributes["past"] = String(repeating: "é", count: 4096) + "x"
        texts.attributes["split"] = String(repeating: "x", count: 8191) + "é"
        texts.end()
        await tracer.shutdown(within: .seconds(5))
        let spans = try transport.spans()
        for (span, excess) in zip(spans, [0, 1]) {
            #expect([span.attributes.count, span.events.count, span.links.count] == [128, 128, 128])
            #expect([span.droppedAttributesCount, span.droppedEventsCount, span.droppedLinksCount].allSatisfy { $0 == excess })
        }
        #expect(spans[2].attributes.map(\.value.stringValue.utf8.count) == [8192, 8192, 8191])
    }

    // MARK: Sending

    @Test func `a batch goes when it is full, and an unfilled one after its delay`() async throws {
        let transport = ScriptedTransport()
        let tracer = try tracer(transport) { ($0.batchLimit, $0.delay) = (4, .seconds(5)) }
        for number in 0..<4 { tracer.startSpan("full \(number)").end() }
        await transport.waitForPosts(1)
        #expect(try transport.spans().count == 4)
        tracer.startSpan("alone").end()
        clock.advance(by: .seconds(5))
        await transport.waitForPosts(2)
        #expect(try transport.spans().last?.name == "alone")
        await tracer.shutdown(within: .seconds(5))
    }

    @Test func `the queue holds its limit and not one more, while the collector is slow`() async throws {
        let transport = ScriptedTransport(holds: true)
        let tracer = try tracer(transport) { ($0.queueLimit, $0.batchLimit) = (8, 4) }
        for _ in 0..<4 { tracer.startSpan("sent").end() }
        await transport.waitForPosts(1)
        for _ in 0..<8 { tracer.startSpan("waits").end() }
        #expect(tracer.lostSpans == 0)
        tracer.startSpan("one more").end()
        #expect(tracer.lostSpans == 1)
        transport.letGo()
        await tracer.shutdown(within: .seconds(5))
        #expect(try transport.spans().count == 12)
        #expect(tracer.lostSpans == 1)
    }

    @Test func `a busy collector is asked again after the time that it names`() async throws {
        let transport = ScriptedTransport(.response(status: 503, retryAfter: "3", body: []), ScriptedTransport.ok)
        let tracer = try tracer(transport) { $0.batchLimit = 1 }
        tracer.startSpan("once").end()
        await transport.waitForPosts(1)
        while clock.pendingTimers == 0 { await Task.yield() }
        #expect(clock.nextTimer == clock.uptime() + .seconds(3))
        clock.advance(by: .seconds(3))
        await transport.waitForPosts(2)
        await tracer.shutdown(within: .seconds(5))
        #expect(transport.bodies[0] == transport.bodies[1])
        #expect(tracer.lostSpans == 0)
    }

    @Test func `spans that the collector refuses are counted as lost`() async throws {
        var partly = Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceResponse()
        partly.partialSuccess.rejectedSpans = 2
        let transport = ScriptedTransport(
            .response(status: 400, retryAfter: nil, body: []), .response(status: 200, retryAfter: nil, body: try partly.serializedBytes()))
        let tracer = try tracer(transport) { $0.batchLimit = 3 }
        for _ in 0..<6 { tracer.startSpan("s").end() }
        await tracer.shutdown(within: .seconds(5))
        #expect(transport.bodies.count == 2)
        #expect(tracer.lostSpans == 5)
    }

    @Test func `a shutdown gives up what is not delivered by its deadline`() async throws {
        let transport = ScriptedTransport(holds: true)
        let tracer = try tracer(transport) { $0.batchLimit = 2 }
        for _ in 0..<5 { tracer.startSpan("s").end() }
        await transport.waitForPosts(1)
        // Sooner than any other timer here, so that it is seen to be set.
        async let end: Void = tracer.shutdown(within: .seconds(3))
        while clock.nextTimer != clock.uptime() + .seconds(3) { await Task.yield() }
        clock.advance(by: .seconds(3))
        await end
        #expect(tracer.lostSpans == 5)
    }
}

/// A moment of the tests' own.
private struct Moment: TracerInstant {
    var nanosecondsSinceEpoch: UInt64
    static func < (lhs: Moment, rhs: Moment) -> Bool { lhs.nanosecondsSinceEpoch < rhs.nanosecondsSinceEpoch }
}

private struct DictionaryInjector: Injector {
    func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
}

private struct DictionaryExtractor: Extractor {
    func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
}
#endif
