// How a failed execution looks as a Sentry event. Pure: same report, same bytes.

#if Web
import Errand
import ErrandContext
import Logging

/// The JSON of one event.
///
/// Sources: https://develop.sentry.dev/sdk/data-model/event-payloads/ and Relay's normaliser, which judges it in the tests.
struct SentryEvent {
    /// The longest event that servers take: 1 MB. Past it breadcrumbs go first (the oldest before the newer), then extra, then frames.
    static let bytesLimit = 1_000_000

    let report: ErrorReport
    let id: EventID
    let options: SentryOptions

    /// The event, at most ``bytesLimit`` long.
    var bytes: [UInt8] {
        // What may be trimmed, the dearest first: each takes what room the ones before it have left.
        var room = SentryEvent.bytesLimit - event(frames: [], extra: nil, breadcrumbs: []).count - SentryEvent.slack
        let frames = SentryEvent.newest(of: frames, in: &room)
        var extra: JSONObject? = extra
        if let size = extra?.bytes.count, size <= room { room -= size } else { extra = nil }
        let breadcrumbs = SentryEvent.newest(of: report.breadcrumbs.suffix(options.breadcrumbs).lazy.map(breadcrumb), in: &room)
        return event(frames: frames, extra: extra, breadcrumbs: breadcrumbs)
    }

    /// The names and brackets around what may be trimmed.
    private static let slack = 128

    /// As many of the last values as fit, in their order.
    private static func newest(of values: some BidirectionalCollection<[UInt8]>, in room: inout Int) -> [[UInt8]] {
        var kept: [[UInt8]] = []
        for value in values.reversed() {
            guard value.count + 1 <= room else { break }
            room -= value.count + 1
            kept.append(value)
        }
        return kept.reversed()
    }

    private func event(frames: [[UInt8]], extra: JSONObject?, breadcrumbs: [[UInt8]]) -> [UInt8] {
        var event = JSONObject()
        event.add("event_id", id.description)
        event.add("timestamp", report.occurredAt.description)
        event.add("platform", "native")
        event.add("level", report.outcome == .crashed ? "fatal" : "error")
        event.add("logger", "errand")
        event.add("transaction", report.kind)
        event.add("server_name", options.serverName.flatMap { SentryEvent.line($0) })
        event.add("release", options.release)
        event.add("dist", options.dist)
        event.add("environment", options.environment)
        event.add("fingerprint", ["{{ default }}", report.kind])
        event.add("sdk", sdk)
        event.add("tags", tags)
        event.add("contexts", contexts)
        event.add("exception", exception(frames))
        if let extra { event.add("extra", extra) }
        if !breadcrumbs.isEmpty {
            var values = JSONObject()
            values.add("values", json: JSONObject.array(breadcrumbs))
            event.add("breadcrumbs", values)
        }
        return event.bytes
    }

    private var sdk: JSONObject {
        var sdk = JSONObject()
        sdk.add("name", "errand")
        sdk.add("version", ErrandVersion.current)
        return sdk
    }

    private func exception(_ frames: [[UInt8]]) -> JSONObject {
        var mechanism = JSONObject()
        mechanism.add("type", "errand")
        mechanism.add("handled", json: "false".utf8)
        var value = JSONObject()
        value.add("type", SentryEvent.line(report.error.type) ?? "Error")
        value.add("value", report.error.message)
        value.add("mechanism", mechanism)
        if !frames.isEmpty {
            var stack = JSONObject()
            stack.add("frames", json: JSONObject.array(frames))
            value.add("stacktrace", stack)
        }
        var exception = JSONObject()
        exception.add("values", json: JSONObject.array([value.bytes]))
        return exception
    }

    /// The stack's frames, the outermost call first, as Sentry wants them; a stored stack begins with the innermost.
    private var frames: [[UInt8]] {
        (report.error.stack ?? "").split(separator: "\n").reversed().map { line in
            var frame = JSONObject()
            frame.add("function", String(line))
            return frame.bytes
        }
    }

    private var extra: JSONObject {
        var meta = JSONObject()
        for (name, value) in report.meta.sorted(by: { $0.key < $1.key }) { meta.add(name, value) }
        var extra = JSONObject()
        extra.add("meta", meta)
        return extra
    }
}

// MARK: Who and where

extension SentryEvent {
    /// Errand's own tags win over those of the options.
    private var tags: JSONObject {
        let own = [
            "execution_id": report.executionID.description, "job_id": report.executionID.job.description, "queue": report.queue,
            "kind": report.kind, "attempt": String(report.attempt), "outcome": report.outcome.rawValue,
        ]
        var tags = JSONObject()
        for (name, value) in options.tags.merging(own, uniquingKeysWith: { $1 }).sorted(by: { $0.key < $1.key }) {
            tags.add(name, SentryEvent.line(value))
        }
        return tags
    }

    /// `text` in one line of at most 200 characters: a newline would null a whole tag. `nil` when nothing is left.
    static func line(_ text: String) -> String? {
        var line = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(200) {
            let breaks = scalar.properties.generalCategory == .control || scalar == "\u{2028}" || scalar == "\u{2029}"
            line.append(breaks ? " " : scalar)
        }
        let text = String(line)
        return text.allSatisfy({ $0 == " " }) ? nil : text
    }

    private var contexts: JSONObject {
        var trace = JSONObject()
        trace.add("trace_id", report.trace.traceID)
        trace.add("span_id", report.trace.spanID)
        trace.add("parent_span_id", report.parentSpanID)
        trace.add("op", "queue.process")
        trace.add("status", report.outcome == .timedOut ? "deadline_exceeded" : "internal_error")
        var contexts = JSONObject()
        contexts.add("trace", trace)
        contexts.add("errand", execution)
        return contexts
    }

    private var execution: JSONObject {
        var execution = JSONObject()
        execution.add("execution_id", report.executionID.description)
        execution.add("job_id", report.executionID.job.description)
        execution.add("ordinal", report.executionID.ordinal)
        execution.add("attempt", report.attempt)
        execution.add("max_attempts", report.maxAttempts)
        execution.add("queue", report.queue)
        execution.add("kind", report.kind)
        execution.add("outcome", report.outcome.rawValue)
        execution.add("started_at", report.startedAt.description)
        execution.add("duration_ms", max(0, (report.occurredAt - report.startedAt).wholeMicroseconds / 1000))
        execution.add("next_attempt_at", report.nextAttemptAt?.description)
        execution.add("parent_execution_id", report.parentExecutionID?.description)
        execution.add("root_execution_id", report.rootExecutionID.description)
        if let code = report.error.code { execution.add("error_code", code) }
        return execution
    }
}

// MARK: What it had said

extension SentryEvent {
    private func breadcrumb(of record: LogRecord) -> [UInt8] {
        var breadcrumb = JSONObject()
        breadcrumb.add("timestamp", record.time.description)
        breadcrumb.add("level", SentryEvent.level(record.level))
        breadcrumb.add("category", record.logger ?? record.stream.rawValue)
        breadcrumb.add("message", record.message)
        if record.metadata.count > 2 { breadcrumb.add("data", json: record.metadata) }
        return breadcrumb.bytes
    }

    /// Sentry's word for a level; it has fewer than swift-log.
    static func level(_ level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "debug"
        case .info, .notice: "info"
        case .warning: "warning"
        case .error: "error"
        case .critical: "fatal"
        }
    }
}
#endif
