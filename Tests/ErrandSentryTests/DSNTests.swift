// DSNs and options: what is read, what is refused, and that nothing secret is repeated.

#if Web
import Errand
@testable import ErrandSentry
import Testing

@Suite struct DSNTests {
    struct Change: Sendable {
        let make: @Sendable (inout SentryOptions) -> Void

        init(_ make: @escaping @Sendable (inout SentryOptions) -> Void) { self.make = make }
    }

    @Test(arguments: [
        ("https://abc@o1.ingest.sentry.io/42", "https://o1.ingest.sentry.io/api/42/envelope/"),
        ("http://abc@127.0.0.1:9000/1", "http://127.0.0.1:9000/api/1/envelope/"),
        ("https://abc:hidden@sentry.example/2", "https://sentry.example/api/2/envelope/"),
        ("https://abc@sentry.example/a/b/7", "https://sentry.example/a/b/api/7/envelope/"),
        ("https://abc@[::1]:9000/7", "https://[::1]:9000/api/7/envelope/"),
        ("HTTPS://abc@sentry.example/7", "https://sentry.example/api/7/envelope/"),
    ])
    func `a DSN names the place that envelopes are posted to`(text: String, url: String) throws {
        let dsn = try SentryDSN(text)
        #expect(dsn.envelopeURL == url)
        #expect(dsn.publicKey == "abc")
    }

    @Test(arguments: [
        ("", "https://"), ("ftp://abc@host/1", "scheme"), ("abc@host/1", "https://"), ("https://host/1", "key"),
        ("https://@host/1", "key"),
        ("https://a b@host/1", "ASCII"), ("https://ab%20@host/1", "key"), ("https://abc@/1", "host"), ("https://abc@ho\"st/1", "host"),
        ("https://abc@host:0/1", "port"), ("https://abc@host:65536/1", "port"), ("https://abc@host:/1", "port"),
        ("https://abc@host:+80/1", "port"), ("https://abc@host", "project"), ("https://abc@host/", "project"),
        ("https://abc@host/one", "project"), ("https://abc@host/1/", "project"), ("https://abc@host//1", "empty part"),
        ("https://abc@host/1?x=2", "query"), ("https://abc@host/1#x", "query"), ("https://abc@[::1/1", "bracket"),
        ("https://abc@hôst/1", "ASCII"), ("https://abc@host/1\n", "ASCII"),
    ])
    func `a text that is no whole DSN is refused with the part that is wrong`(text: String, word: String) {
        let error = #expect(throws: SentryConfigurationError.self) { try SentryDSN(text) }
        #expect(error?.description.contains(word) == true, "\(error?.description ?? "nothing")")
    }

    @Test(arguments: [
        "https://publicpart:secretpart@host/one", "https://publicpart:secretpart@host:x/1", "https://publicpart:secretpart@/1",
    ])
    func `neither an error nor the description repeats key or secret`(text: String) throws {
        let error = #expect(throws: SentryConfigurationError.self) { try SentryDSN(text) }
        let description = try #require(error?.description)
        #expect(!description.contains("secretpart") && !description.contains("publicpart"))
        let dsn = try SentryDSN("https://publicpart:secretpart@host/1")
        #expect("\(dsn)" == "https://host/1")
        #expect(!String(reflecting: dsn).contains("secretpart"))
    }

    @Test(
        arguments: [
            (Change { $0.release = "a\nb" }, "release"), (Change { $0.release = "" }, "release"),
            (Change { $0.release = "a/b" }, "release"),
            (Change { $0.release = String(repeating: "x", count: 251) }, "release"), (Change { $0.environment = "a b" }, "environment"),
            (Change { $0.environment = String(repeating: "x", count: 65) }, "environment"), (Change { $0.dist = "a b" }, "dist"),
            (Change { $0.breadcrumbs = -1 }, "breadcrumbs"), (Change { $0.breadcrumbs = 1001 }, "breadcrumbs"),
            (Change { $0.tags = ["a b": "c"] }, "tags"),
            (Change { $0.tags = ["": "c"] }, "tags"), (Change { $0.tags = (0...50).reduce(into: [:]) { $0["t\($1)"] = "" } }, "tags"),
        ] as [(Change, String)])
    func `an option that servers refuse is refused at once`(change: Change, name: String) {
        let error = #expect(throws: SentryConfigurationError.self) {
            try SentryReporter(dsn: "https://abc@host/1", options: SentryOptions(change.make))
        }
        #expect(error?.description.contains("the Sentry \(name) cannot be used") == true)
    }

    @Test func `options at their limits are taken`() throws {
        _ = try SentryReporter(
            dsn: "https://abc@host/1",
            options: SentryOptions {
                $0.release = String(repeating: "x", count: 250)
                $0.environment = String(repeating: "x", count: 64)
                $0.dist = String(repeating: "x", count: 64)
                $0.breadcrumbs = 1000
                $0.tags = (1...50).reduce(into: [:]) { $0["t\($1)"] = "" }
            })
    }

    @Test func `release and environment come from the variables of Sentry's own libraries`() {
        var options = SentryOptions { $0.environment = "kept" }
        options.read(from: ["SENTRY_RELEASE": "shop@1.2", "SENTRY_ENVIRONMENT": ""])
        #expect(options.release == "shop@1.2")
        #expect(options.environment == "kept")
    }
}
#endif
