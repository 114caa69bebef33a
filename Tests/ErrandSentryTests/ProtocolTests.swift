// Envelopes before the judges: sentry-sdk's reader and sentry-relay's normaliser, through Scripts/check-sentry.

#if Web
import Errand
import ErrandContext
@testable import ErrandSentry
import ErrandTesting
import Foundation
import Logging
import Testing

@Suite(.timeLimit(.minutes(5))) struct ProtocolTests {
    private let directory: Directory

    init() throws { directory = try Directory() }

    private func envelope(_ report: ErrorReport, _ change: (inout SentryOptions) -> Void = { _ in }) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return SentryEnvelope(report, id: EventID(using: &generator), options: SentryOptions(change), sentAt: Reports.failure).bytes
    }

    /// The worst that anybody could put into a job, a log or the options.
    private static let nasty =
        "line\nbreak\r\n\u{0}\u{1B}[31m\u{7F}\u{85}\u{2028} \"quoted\" back\\slash \u{202E}🦊👩‍👩‍👧‍👦 \u{FFFF}{{ default }} <b>"

    @Test func `sentry-sdk reads our envelopes, and sentry-relay keeps every event as it is`() async throws {
        let nasty = ProtocolTests.nasty
        let talkative = { (logger: Logger) in
            for level in Logger.Level.allCases {
                logger.log(level: level, "at \(level)", metadata: ["deep": ["list": .array(["a", ["b": "c"]])], "n": "1"])
            }
        }
        let envelopes: [(String, [UInt8])] = [
            ("plain", envelope(Reports.make(log: talkative))),
            (
                "bare",
                envelope(Reports.make { ($0.meta, $0.parentSpanID, $0.parentExecutionID, $0.error.code) = ([:], nil, nil, nil) }) {
                    $0.serverName = nil
                }
            ),
            ("retried", envelope(Reports.make { $0.nextAttemptAt = Reports.failure })),
            ("timed-out", envelope(Reports.make { $0.outcome = .timedOut })),
            (
                "crashed",
                envelope(
                    Reports.make {
                        ($0.outcome, $0.error) = (.crashed, StoredError(type: "SIGILL", message: "trap", stack: "f()\nmain"))
                    })
            ),
            (
                "options",
                envelope(Reports.make()) {
                    ($0.release, $0.environment, $0.dist, $0.tags) = (
                        "shop@1.2.3+b ä", "prod-ä", "42.a_b-c", ["team": "mail", "a.b:c-d_e": "x"]
                    )
                }
            ),
            (
                "nasty",
                envelope(
                    Reports.make(
                        {
                            $0.error = StoredError(type: nasty, message: nasty, stack: nasty)
                            $0.meta = [nasty: nasty, "": "", "a.b": "c"]
                        },
                        log: { logger in
                            var logger = logger
                            logger[metadataKey: nasty] = .array([.string(nasty), .dictionary([nasty: "x"])])
                            logger.error("\(nasty)")
                            logger.info("")
                        })
                ) { $0.tags = ["nasty": nasty, "long": String(repeating: "👩‍👩‍👧‍👦é", count: 300), "empty": "", "blank": "\n\n"] }
            ),
            ("empty", envelope(Reports.make { $0.error = StoredError(type: "", message: "") })),
            (
                "long",
                envelope(
                    Reports.make(
                        { report in
                            report.error = StoredError(type: "E", message: String(repeating: "m", count: Limits.errorMessageBytes))
                            let record = report.breadcrumbs[0]
                            report.breadcrumbs = Array(repeating: record, count: 100)
                        }, log: { $0.info("\(String(repeating: "🦊", count: Limits.logLineBytes / 4))") }))
            ),
            (
                "frames",
                envelope(
                    Reports.make {
                        $0.error.stack = (1...5000).map { "frame \($0) " + String(repeating: "f", count: 200) }.joined(separator: "\n")
                    })
            ),
        ]
        let files = try envelopes.map { try directory.write($0.1, as: $0.0) }
        let script = try await Script.run("check-sentry", files, in: directory)
        #expect(script.status == 0, "\(script.output)")
        #expect(script.output == files.map { "ok \($0)\n" }.joined(), "\(script.output)")
    }

    @Test func `the judges refuse envelopes that are broken in one place`() async throws {
        let sound = String(decoding: envelope(Reports.make(log: { $0.info("a line") })), as: UTF8.self)
        func broken(_ name: String, _ old: String, _ new: String, keepingLength: Bool = true) throws -> String {
            #expect(sound.contains(old), "\(name)")
            var lines = sound.replacing(old, with: new, maxReplacements: 1).split(separator: "\n", omittingEmptySubsequences: false)
                .map(
                    String.init)
            // The length is right again, so that the fault itself is what is found.
            if keepingLength { lines[1] = lines[1].replacing(/"length":\d+/, with: "\"length\":\(lines[2].utf8.count)") }
            return try directory.write(Array(lines.joined(separator: "\n").utf8), as: name)
        }
        let files = [
            try broken("newline-in-tag", #""queue":"mail""#, #""queue":"ma\nil""#),
            try broken("length", "\"length\":", "\"length\":1", keepingLength: false),
            try broken("level", #""level":"info""#, #""level":"notice""#),
            try broken("platform", #""platform":"native""#, #""platform":"swift""#),
            try broken("dsn", #"{"event_id":"#, #"{"dsn":"http://a@b/1","event_id":"#),
            try broken("span", #""span_id":""#, #""span_id":"x"#),
            try broken("twice", #""logger":"errand""#, #""logger":"errand","logger":"errand""#),
            try broken("text", #""logger":"errand""#, #""logger":errand"#),
        ]
        let whole = try directory.write(Array(sound.utf8), as: "sound")
        let script = try await Script.run("check-sentry", files + [whole], in: directory)
        #expect(script.status == 1)
        let verdicts = script.output.split(separator: "\n").map { $0.split(separator: ":")[0] }
        #expect(verdicts.map(String.init) == files.map { "bad \($0)" } + ["ok \(whole)"], "\(script.output)")
    }
}
#endif
