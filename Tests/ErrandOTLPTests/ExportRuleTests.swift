// What answers of a collector mean.

#if Web
import ErrandContext
import SwiftProtobuf
import Testing

@testable import ErrandOTLP

@Suite struct ExportRuleTests {
    private let now = Timestamp("2026-01-01T00:00:00Z")!

    private func step(_ answer: ExportAnswer, after tried: Int = 1) -> ExportStep {
        ExportRule.step(answer, after: tried, now: now) { .seconds(7) }
    }

    private func status(_ status: Int, retryAfter: String? = nil, body: [UInt8] = []) -> ExportAnswer {
        .response(status: status, retryAfter: retryAfter, body: body)
    }

    @Test(arguments: [200, 202, 204])
    func `success is delivery`(code: Int) {
        #expect(step(status(code)) == .delivered)
        #expect(step(status(code, body: Array("ok\n".utf8))) == .delivered, "a body that is no message changes nothing")
    }

    @Test(arguments: [429, 502, 503, 504])
    func `a server that is busy or away is asked again`(code: Int) {
        #expect(step(status(code)) == .again(after: .seconds(7), reason: "status \(code)"))
        #expect(step(status(code), after: ExportRule.tries) == .givenUp(reason: "status \(code)"))
    }

    @Test(arguments: [400, 401, 403, 404, 413, 301, 500, 501])
    func `any other status is final`(code: Int) {
        #expect(step(status(code)) == .givenUp(reason: "status \(code)"))
        #expect(step(status(code, body: Array("who are you?\nline".utf8))) == .givenUp(reason: "status \(code): who are you?"))
        #expect(step(status(code, body: [0x1B, 0x5B])) == .givenUp(reason: "status \(code)"), "no escape sequence gets into the log")
    }

    @Test func `no answer is a reason to ask again, up to the last try`() {
        let away = ExportAnswer.unreachable(reason: "refused")
        #expect(step(away, after: ExportRule.tries - 1) == .again(after: .seconds(7), reason: "refused"))
        #expect(step(away, after: ExportRule.tries) == .givenUp(reason: "refused"))
    }

    @Test(arguments: [
        ("3", Duration.seconds(3)), ("0", .zero), ("60", .seconds(60)), ("61", .seconds(60)), ("99999999999999999999", .seconds(60)),
        ("Thu, 01 Jan 2026 00:00:10 GMT", .seconds(10)), ("Thu, 01 Jan 2026 01:00:00 GMT", .seconds(60)),
        ("Wed, 31 Dec 2025 23:59:59 GMT", .zero), ("soon", .seconds(7)), ("-1", .seconds(7)), ("", .seconds(7)),
        ("Thu, 32 Jan 2026 00:00:00 GMT", .seconds(7)),
    ])
    func `the server's wish for a delay is honoured, up to a minute`(text: String, delay: Duration) {
        #expect(step(status(503, retryAfter: text)) == .again(after: delay, reason: "status 503"))
    }

    @Test func `a partial success tells how many were refused, and is not repeated`() throws {
        var response = Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceResponse()
        response.partialSuccess.rejectedSpans = 3
        response.partialSuccess.errorMessage = "too old"
        #expect(step(status(200, body: try response.serializedBytes())) == .partly(rejected: 3, reason: "too old"))
        response.partialSuccess.rejectedSpans = 0
        #expect(step(status(200, body: try response.serializedBytes())) == .partly(rejected: 0, reason: "too old"), "a warning")
        response.partialSuccess.errorMessage = ""
        #expect(step(status(200, body: try response.serializedBytes())) == .delivered)
    }
}
#endif
