// A worker that reports to a Sentry server, beside its own log.

#if Web
// snippet.show
import Errand
import ErrandSentry
import Logging

// snippet.hide

enum SentrySnippet {
    static func worker(queue: JobQueue, handlers: [Handler], dsn: String, logger: Logger) throws -> Worker {
        // snippet.show
        let sentry = try SentryReporter(
            dsn: dsn,
            options: SentryOptions {
                $0.release = "shop@1.4.2"
                $0.environment = "staging"
                $0.attempts = .every  // also attempts that are tried again
            })
        let worker = Worker(queue: queue, handlers: handlers, reporters: [LogErrorReporter(logger: logger), sentry])
        // snippet.hide
        return worker
    }
}
#endif
