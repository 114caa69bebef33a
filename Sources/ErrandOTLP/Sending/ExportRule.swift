// What an answer of the collector means: delivered, again, or given up. Pure.

#if Web
import ErrandContext
import Errand
import SwiftProtobuf

/// What to do after an answer.
enum ExportStep: Sendable, Equatable {
    /// The collector has the spans.
    case delivered
    /// It has them without some, and says why; sending again would not help. Zero spans is a warning.
    case partly(rejected: Int64, reason: String)
    /// The same request again, after this long.
    case again(after: Duration, reason: String)
    /// It will not take them.
    case givenUp(reason: String)
}

/// The rules of OTLP/HTTP.
///
/// Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
enum ExportRule {
    /// How often one request is made: with delays of up to 1, 2, 4, 8 and 16 seconds between.
    static let tries = 6
    /// The longest wait that a collector may ask for.
    static let longestWait: Duration = .seconds(60)

    /// What `answer` means after the `tries`-th try, at the time `now`; `delay` tells how long to wait where the collector does not.
    static func step(_ answer: ExportAnswer, after tried: Int, now: Timestamp, delay: () -> Duration) -> ExportStep {
        switch answer {
        case .unreachable(let reason):
            return tried < tries ? .again(after: delay(), reason: reason) : .givenUp(reason: reason)
        case .response(let status, let retryAfter, let body):
            switch status {
            case 200..<300: return accepted(body)
            case 429, 502, 503, 504:
                let reason = "status \(status)"
                guard tried < tries else { return .givenUp(reason: reason) }
                let wait = retryAfter.flatMap { waitingTime($0, now: now) }.map { min(max($0, .zero), longestWait) } ?? delay()
                return .again(after: wait, reason: reason)
            default: return .givenUp(reason: "status \(status)\(explanation(body))")
            }
        }
    }

    /// `Retry-After`: seconds, or a date; RFC 9110, 10.2.3.
    static func waitingTime(_ text: String, now: Timestamp) -> Duration? {
        if !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) {
            return Int64(text).map { .seconds(min($0, 86_400)) } ?? longestWait
        }
        return httpDate(text).map { $0 - now }
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`; RFC 9110, 5.6.7, the one form that is still sent.
    private static func httpDate(_ text: String) -> Timestamp? {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let month = months.firstIndex(of: String(words[2])) else { return nil }
        let number = month + 1 < 10 ? "0\(month + 1)" : "\(month + 1)"
        return Timestamp("\(words[3])-\(number)-\(words[1])T\(words[4])Z")
    }

    private static func accepted(_ body: [UInt8]) -> ExportStep {
        // An empty body is an empty message; one that cannot be read belongs to a delivery all the same.
        guard let response = try? Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceResponse(serializedBytes: body),
            response.hasPartialSuccess
        else { return .delivered }
        let partly = response.partialSuccess
        guard partly.rejectedSpans > 0 || !partly.errorMessage.isEmpty else { return .delivered }
        return .partly(rejected: max(0, partly.rejectedSpans), reason: partly.errorMessage)
    }

    /// What a refusing server says in plain words, if it does.
    private static func explanation(_ body: [UInt8]) -> String {
        guard !body.isEmpty, let text = String(validating: body.prefix(200), as: UTF8.self),
            text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F || $0 == "\n" })
        else { return "" }
        return ": \(text.split(separator: "\n").first ?? "")"
    }
}
#endif
