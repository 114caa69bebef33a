// Who is told about failed executions: flags over environment, and Sentry beside the others.

#if Web
import ArgumentParser
import Errand
import Logging
import Testing

@testable import ErrandCLI

@Suite struct ReportOptionsTests {
    private struct Own: ErrorReporter {
        func report(_ report: ErrorReport) async {}
    }

    private func reporters(_ arguments: [String], _ environment: [String: String] = [:], own: [any ErrorReporter]? = nil) throws
        -> [String]
    {
        var session = World().session(World.Memory(), World.Memory())
        session.environment = environment
        session.reporters = own
        return try ReportOptions.parse(arguments).reporters(in: session, logger: Logger(label: "worker")).map { "\(type(of: $0))" }
    }

    private static let dsn = "https://abc@sentry.example/1"

    @Test func `without a DSN the worker's own log is told, or an app's own reporters`() throws {
        #expect(try reporters([]) == ["LogErrorReporter"])
        #expect(try reporters([], ["SENTRY_DSN": ""]) == ["LogErrorReporter"])
        #expect(try reporters([], own: [Own()]) == ["Own"])
    }

    @Test(arguments: [(["--sentry-dsn", dsn], [:]), ([], ["SENTRY_DSN": dsn])] as [([String], [String: String])])
    func `with a DSN Sentry is told as well`(arguments: [String], environment: [String: String]) throws {
        #expect(try reporters(arguments, environment) == ["LogErrorReporter", "SentryReporter"])
        #expect(try reporters(arguments, environment, own: [Own()]) == ["Own", "SentryReporter"])
    }

    @Test func `the flag wins over the environment, also to say nothing`() throws {
        #expect(
            try reporters(["--sentry-dsn", ReportOptionsTests.dsn], ["SENTRY_DSN": "nonsense"]) == [
                "LogErrorReporter", "SentryReporter",
            ])
        #expect(try reporters(["--sentry-dsn", ""], ["SENTRY_DSN": ReportOptionsTests.dsn]) == ["LogErrorReporter"])
    }

    @Test(
        arguments: [
            (["work", "--sentry-dsn", "https://public:secret@host/one"], [:], "the Sentry DSN"),
            (["work"], ["SENTRY_DSN": "host"], "the Sentry DSN"),
            (["work", "--sentry-dsn", dsn], ["SENTRY_ENVIRONMENT": "a b"], "the Sentry environment"),
        ] as [([String], [String: String], String)])
    func `a DSN or a setting that cannot be used ends the command with 2 before anything runs`(
        arguments: [String], environment: [String: String], words: String
    ) async {
        var world = World()
        world.environment.merge(environment) { $1 }
        let ended = await world.run(arguments)
        #expect(ended.code == 2)
        #expect(ended.err.hasPrefix("errand: \(words) cannot be used: "))
        #expect(!ended.err.contains("secret") && !ended.err.contains("public"))
        #expect(ended.err.split(separator: "\n").count == 1)
    }
}
#endif
