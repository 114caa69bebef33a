// Where a worker reports failed executions to, besides its own log.

import ArgumentParser
import Errand
import Logging

#if Web
import ErrandSentry
#endif

/// Error trackers.
struct ReportOptions: ParsableArguments {
    #if Web
    @Option(
        help: ArgumentHelp(
            "Report jobs that die to this Sentry server; default: SENTRY_DSN, which `ps` does not show. \"\" reports nothing.",
            valueName: "dsn"))
    var sentryDsn: String?
    #endif

    /// Everything that is told about failed executions: the app's own reporters, or the one that writes to the worker's log, and Sentry
    /// where a DSN is given.
    /// - Throws: ``Failure`` with status 2 for a DSN or a setting of Sentry that cannot be used.
    func reporters(in session: Session, logger: Logger) throws -> [any ErrorReporter] {
        var reporters = session.reporters ?? [LogErrorReporter(logger: logger)]
        #if Web
        if let dsn = sentryDsn ?? session.environment["SENTRY_DSN"], !dsn.isEmpty {
            var options = SentryOptions()
            options.read(from: session.environment)
            options.logger = logger
            options.clock = session.clock
            do throws(SentryConfigurationError) {
                reporters.append(try SentryReporter(dsn: dsn, options: options))
            } catch {
                throw Failure(.usage, error.description)
            }
        }
        #endif
        return reporters
    }
}
