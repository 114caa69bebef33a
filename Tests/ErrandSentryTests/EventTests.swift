// What an event says, and what it lets go of when it grows too long.

#if Web
import Errand
import ErrandContext
@testable import ErrandSentry
import ErrandTesting
import Logging
import Testing

@Suite struct EventTests {
    @Test func `an event says which execution failed, of what, and where it stands`() throws {
        let event = try ReadEvent(Reports.make())
        #expect(event.text("event_id")?.count == 32)
        #expect(event.text("platform") == "native")
        #expect(event.text("level") == "error")
        #expect(event.text("timestamp") == "2026-11-22T18:42:52.250000Z")
        #expect(event.text("transaction") == "send-email")
        let execution = ExecutionID(JobID(rawValue: 4711), 2)
        #expect(
            event.tags == [
                "execution_id": "\(execution)", "job_id": "\(execution.job)", "queue": "mail", "kind": "send-email", "attempt": "2",
                "outcome": "failed",
            ])
        let trace = event.object("contexts", "trace")
        #expect(trace["trace_id"] as? String == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(trace["parent_span_id"] as? String == "00f067aa0ba902b7")
        #expect((trace["span_id"] as? String)?.count == 16)
        #expect(trace["op"] as? String == "queue.process")
        let errand = event.object("contexts", "errand")
        #expect(errand["root_execution_id"] as? String == "\(Reports.parent)")
        #expect(errand["parent_execution_id"] as? String == "\(Reports.parent)")
        #expect(errand["duration_ms"] as? Int == 2250)
        #expect(errand["error_code"] as? Int == 550)
        #expect(errand["max_attempts"] as? Int == 3)
        #expect(event.exception["type"] as? String == "SMTPError")
        #expect(event.exception["value"] as? String == "550 no such user")
        let mechanism = try #require(event.exception["mechanism"] as? [String: Any])
        #expect(mechanism["handled"] as? Bool == false)
        #expect(event.object("extra", "meta")["tenant"] as? String == "a")
    }

    @Test func `a crash is fatal, whether or not the job runs again`() throws {
        let event = try ReadEvent(
            Reports.make {
                $0.outcome = .crashed
                $0.nextAttemptAt = Reports.failure
            })
        #expect(event.text("level") == "fatal")
        #expect(event.object("contexts", "errand")["next_attempt_at"] as? String == "\(Reports.failure)")
    }

    @Test func `neither payload nor key is in an event`() throws {
        let event = try ReadEvent(Reports.make())
        #expect(!String(decoding: event.bytes, as: UTF8.self).contains("secret"))
        #expect(event.members["user"] == nil)
    }

    @Test func `breadcrumbs are the last records, with Sentry's words for levels`() throws {
        let report = Reports.make(log: { logger in
            for level in Logger.Level.allCases { logger.log(level: level, "at \(level)", metadata: ["n": "1"]) }
        })
        let all = try ReadEvent(report).breadcrumbs
        #expect(all.map { $0["level"] as? String } == ["debug", "debug", "info", "info", "warning", "error", "fatal"])
        #expect(all.map { $0["message"] as? String } == Logger.Level.allCases.map { "at \($0)" })
        #expect(all.allSatisfy { $0["category"] as? String == "send-email" && ($0["data"] as? [String: Any])?["n"] as? String == "1" })
        let two = try ReadEvent(report) { $0.breadcrumbs = 2 }.breadcrumbs
        #expect(two.map { $0["message"] as? String } == ["at error", "at critical"])
        #expect(try ReadEvent(report) { $0.breadcrumbs = 0 }.breadcrumbs.isEmpty)
    }

    @Test(arguments: [
        ("a\nb", "a b"), ("a\r\n\tb", "a   b"), ("a\u{2028}b\u{85}", "a b "), ("tab\u{0}", "tab "), ("", nil), ("\n\n", nil),
        ("🦊", "🦊"),
    ])
    func `a tag's value is one line, or nothing`(text: String, line: String?) { #expect(SentryEvent.line(text) == line) }

    @Test func `a tag's value of 200 characters is kept, of 201 cut`() throws {
        let event = try ReadEvent(Reports.make()) {
            $0.tags = ["kept": String(repeating: "é", count: 200), "cut": String(repeating: "é", count: 201), "queue": "another"]
        }
        #expect(event.tags["kept"] == String(repeating: "é", count: 200))
        #expect(event.tags["cut"] == String(repeating: "é", count: 200))
        // Errand's own win.
        #expect(event.tags["queue"] == "mail")
    }

    // MARK: Too long

    /// A report whose event is exactly `length` bytes long, by the length of a frame.
    private func report(of length: Int) throws -> ErrorReport {
        func make(_ frame: Int) -> ErrorReport {
            Reports.make({ $0.error.stack = String(repeating: "f", count: frame) }, log: { $0.info("a breadcrumb") })
        }
        let rest = try ReadEvent(make(1)).bytes.count - 1
        return make(length - rest)
    }

    @Test func `at the limit everything stays, well past it breadcrumbs go first`() throws {
        let longest = SentryEvent.bytesLimit - 128
        let whole = try ReadEvent(report(of: longest))
        #expect(whole.bytes.count == longest)
        #expect(whole.breadcrumbs.count == 1 && !whole.object("extra").isEmpty && whole.frames.count == 1)
        let past = try ReadEvent(report(of: longest + 129))
        #expect(past.bytes.count <= SentryEvent.bytesLimit)
        #expect(past.breadcrumbs.isEmpty && !past.object("extra").isEmpty && past.frames.count == 1)
    }

    @Test func `the oldest breadcrumbs go before the newer ones`() throws {
        let report = Reports.make(
            { $0.error.stack = String(repeating: "f", count: 990_000) },
            log: { logger in
                for number in 1...100 { logger.info("breadcrumb \(number)") }
            })
        let event = try ReadEvent(report)
        #expect(event.bytes.count <= SentryEvent.bytesLimit)
        let kept = event.breadcrumbs.compactMap { $0["message"] as? String }
        #expect((1..<100).contains(kept.count))
        #expect(kept == (101 - kept.count...100).map { "breadcrumb \($0)" })
    }

    @Test func `after breadcrumbs extra goes, then the outermost frames`() throws {
        let outer = try ReadEvent(
            Reports.make {
                $0.error.stack = "inner\n" + Array(repeating: String(repeating: "f", count: 99_000), count: 11).joined(separator: "\n")
            }
        )
        #expect(outer.bytes.count <= SentryEvent.bytesLimit)
        #expect(outer.frames.last == "inner")
        #expect(outer.frames.count == 11)
        let full = try ReadEvent(
            Reports.make({
                $0.error.stack = String(repeating: "f", count: 996_000)
                $0.meta = ["long": String(repeating: "m", count: 8000)]
            }))
        #expect(full.frames.count == 1)
        #expect(full.object("extra").isEmpty)
    }

    @Test func `the longest names, messages and tags leave an event within the limit`() throws {
        let escaped = String(repeating: "\u{1}", count: Limits.errorMessageBytes)
        let event = try ReadEvent(
            Reports.make({
                $0.error = StoredError(type: escaped, message: escaped)
                $0.meta = ["m": String(repeating: "\u{1}", count: Limits.metaBytes)]
            })
        ) { $0.tags = (1...50).reduce(into: [:]) { $0["t\($1)"] = String(repeating: "🦊", count: 200) } }
        #expect(event.bytes.count <= SentryEvent.bytesLimit)
        #expect(event.tags.count == 56)
    }

    // MARK: The frame

    @Test func `an envelope has two lines of headers, and the event's length in bytes`() throws {
        var generator = SeededGenerator(seed: 1)
        let id = EventID(using: &generator)
        let envelope = SentryEnvelope(
            Reports.make { $0.error.message = "ü🦊" }, id: id, options: SentryOptions(), sentAt: Reports.failure
        ).bytes
        let lines = envelope.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        #expect(lines.count == 4 && lines[3].isEmpty)
        #expect(String(decoding: lines[0], as: UTF8.self) == #"{"event_id":"\#(id)","sent_at":"2026-11-22T18:42:52.250000Z"}"#)
        #expect(
            String(decoding: lines[1], as: UTF8.self)
                == #"{"type":"event","content_type":"application/json","length":\#(lines[2].count)}"#)
        #expect(envelope.count < 20_000_000)
    }

    @Test func `an event's ID is a random UUID without dashes`() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 1...100 {
            let id = EventID(using: &generator).description
            #expect(id.wholeMatch(of: /[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}/) != nil, "\(id)")
        }
    }
}
#endif
