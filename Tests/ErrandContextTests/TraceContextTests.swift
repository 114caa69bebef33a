// W3C Trace Context and Baggage: https://www.w3.org/TR/trace-context/ and https://www.w3.org/TR/baggage/

import ErrandContext
import Testing

struct TraceContextTests {
    private static let traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let spanID = "00f067aa0ba902b7"

    @Test func `a trace parent is read and written`() throws {
        let trace = try #require(TraceContext(traceParent: "00-\(Self.traceID)-\(Self.spanID)-01"))
        #expect(trace.traceID == Self.traceID)
        #expect(trace.spanID == Self.spanID)
        #expect(trace.isSampled)
        #expect(trace.traceParent == "00-\(Self.traceID)-\(Self.spanID)-01")
    }

    @Test(arguments: [("00", false), ("01", true), ("02", false), ("03", true), ("ff", true)])
    func `only the lowest flag says whether a trace is sampled`(flags: String, isSampled: Bool) throws {
        let trace = try #require(TraceContext(traceParent: "00-\(Self.traceID)-\(Self.spanID)-\(flags)"))
        #expect(trace.isSampled == isSampled)
        #expect(trace.traceParent.hasSuffix(isSampled ? "-01" : "-00"))
    }

    @Test func `a later version may append fields, and is written as version 00`() throws {
        let trace = try #require(TraceContext(traceParent: "cc-\(Self.traceID)-\(Self.spanID)-01-what-the-future-will-be-like"))
        #expect(trace.traceParent == "00-\(Self.traceID)-\(Self.spanID)-01")
    }

    @Test(arguments: [
        "", "00", "00-\(traceID)-\(spanID)", "00-\(traceID)-\(spanID)-01-extra", "ff-\(traceID)-\(spanID)-01", "0-\(traceID)-\(spanID)-01",
        "000-\(traceID)-\(spanID)-01", "0x-\(traceID)-\(spanID)-01", "00-\(traceID.uppercased())-\(spanID)-01",
        "00-\(traceID)-\(spanID.uppercased())-01", "00-\(traceID)-\(spanID)-0A", "00-\(traceID)-\(spanID)-1", "00-\(traceID)-\(spanID)-+1",
        "00-\(String(repeating: "0", count: 32))-\(spanID)-01", "00-\(traceID)-\(String(repeating: "0", count: 16))-01",
        "00-\(traceID)0-\(spanID)-01", "00-\(traceID.dropLast())-\(spanID)-01", "00-\(traceID)-\(spanID)g-01",
        "00-\(traceID)-\(spanID.dropLast())-01", " 00-\(traceID)-\(spanID)-01", "00-\(traceID)-\(spanID)-01\n",
        "00-\(traceID.dropLast())é-\(spanID)-01", "cc-\(traceID)-\(spanID)-01.extra",
    ])
    func `a broken trace parent is refused`(text: String) {
        #expect(TraceContext(traceParent: text) == nil)
    }

    @Test func `a trace state holds 32 members and not one more`() {
        func state(_ members: Int) -> String? {
            let text = (0..<members).map { "k\($0)=v" }.joined(separator: ",")
            return TraceContext(traceID: Self.traceID, spanID: Self.spanID, isSampled: true, traceState: text)?.traceState
        }
        #expect(state(32) != nil)
        #expect(state(33) == nil)
    }

    @Test func `baggage holds 64 members and 8,192 bytes and not one more`() {
        func baggage(_ text: String) -> String? {
            TraceContext(traceID: Self.traceID, spanID: Self.spanID, isSampled: true, baggage: text)?.baggage
        }
        #expect(baggage((0..<64).map { "k\($0)=v" }.joined(separator: ",")) != nil)
        #expect(baggage((0..<65).map { "k\($0)=v" }.joined(separator: ",")) == nil)
        #expect(baggage("k=" + String(repeating: "v", count: 8190))?.utf8.count == 8192)
        #expect(baggage("k=" + String(repeating: "v", count: 8191)) == nil)
    }

    @Test(arguments: [
        "a=1", "a=1,b=2", "a=1 , b=2", " a=1\t,\tb=2 ", "a=1,,b=2", "a=1,", ",a=1", "a= x", "a=~!\"#;", "t61@vendor=x", "0tenant-1@sys/*=x",
        "a_-*/0=v", "\(String(repeating: "k", count: 256))=\(String(repeating: "v", count: 256))",
        "\(String(repeating: "1", count: 241))@\(String(repeating: "s", count: 14))=v",
    ])
    func `a trace state that follows its grammar is carried as it came`(text: String) {
        #expect(state(text) == text)
    }

    @Test(arguments: [
        "", " ", ",", ", ,", "novalue", "=v", "a", "a=", "a= ", "A=1", "1=1", "_a=1", "a b=1", "a=b=c", "a=1,a=2", "a=\u{7F}", "a=é",
        "a=\0",
        "a=b\r\nX-Evil: 1", "a=b\tc", "a@=v", "@b=v", "a@b@c=v", "a@1=v", "a@b,c=1", "a=1;b=2,c",
        "\(String(repeating: "k", count: 257))=v", "k=\(String(repeating: "v", count: 257))",
        "\(String(repeating: "1", count: 242))@s=v", "t@\(String(repeating: "s", count: 15))=v",
        "a=\(String(repeating: " ", count: 20_000))b",
    ])
    func `a trace state that breaks its grammar is left out, and the position stays`(text: String) {
        #expect(state(text) == nil)
    }

    @Test(arguments: [
        "a=b", "a=", "a = b , c=d", "a=b;p", "a=b ; p = 1 ; q", "a=%20%C3%A9", "!#$%&'*+-.^_`|~09aZ=x", "a=b=c",
        "a=!#$%&'()*+-./:<=>?@[]^_`{|}~",
    ])
    func `baggage that follows its grammar is carried as it came`(text: String) {
        #expect(baggage(text) == text)
    }

    @Test(arguments: [
        "", " ", ",", "novalue", "=v", "a=b,", "a=b,,c=d", "a=b,c", "a b=c", "a=b c", "a=\"b\"", "a=b\\", "a=b;", "a=b;;p", "a=b;p q",
        "(a)=b",
        "a=b\r\nX-Evil: 1", "a=\u{7F}", "a=é", "é=a", "a=\0",
    ])
    func `baggage that breaks its grammar is left out, and the position stays`(text: String) {
        #expect(baggage(text) == nil)
    }

    private func state(_ text: String) -> String? {
        let trace = TraceContext(traceParent: "00-\(Self.traceID)-\(Self.spanID)-01", traceState: text)
        #expect(trace != nil)
        return trace?.traceState
    }

    private func baggage(_ text: String) -> String? {
        let trace = TraceContext(traceParent: "00-\(Self.traceID)-\(Self.spanID)-01", baggage: text)
        #expect(trace != nil)
        return trace?.baggage
    }

    @Test func `executions of one job share a trace of its own, each with a span of its own`() {
        let job = JobID(rawValue: 5)
        let first = TraceContext.span(of: ExecutionID(job, 1), in: nil)
        let second = TraceContext.span(of: ExecutionID(job, 2), in: nil)
        let other = TraceContext.span(of: ExecutionID(JobID(rawValue: 6), 1), in: nil)
        #expect(first.traceID == second.traceID)
        #expect(first.spanID != second.spanID)
        #expect(first.traceID != other.traceID)
        #expect(first == TraceContext.span(of: ExecutionID(job, 1), in: nil))
    }

    @Test func `an execution continues its caller's trace`() throws {
        let caller = try #require(
            TraceContext(traceParent: "00-\(Self.traceID)-\(Self.spanID)-00", traceState: "a=1", baggage: "b=2"))
        let span = TraceContext.span(of: ExecutionID(JobID(rawValue: 5), 1), in: caller)
        #expect(span.traceID == Self.traceID)
        #expect(span.spanID != Self.spanID)
        #expect(!span.isSampled)
        #expect(span.traceState == "a=1")
        #expect(span.baggage == "b=2")
    }

    @Test func `10,000 spans are all valid and all different`() {
        var spans: Set<String> = []
        for job in Int64(0)..<1000 {
            for ordinal in Int64(1)...10 {
                let span = TraceContext.span(of: ExecutionID(JobID(rawValue: job << 22), ordinal), in: nil)
                #expect(TraceContext(traceParent: span.traceParent) != nil)
                spans.insert(span.spanID)
            }
        }
        #expect(spans.count == 10_000)
    }
}
