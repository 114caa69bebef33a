// One piece of work that many jobs wait for, and that belongs to none of them.

import Errand
import Logging

enum SharedTokenSnippet {
    static func handler(fetchToken: @escaping @Sendable () async throws -> String, logger: Logger) -> Handler {
        // snippet.show
        let token = SharedWork { try await fetchToken() }  // runs once, outside of every job

        let handler = Handler(Greet.self) { job, context in
            let token = try await token.value()
            logger.info("\(job.name) has \(token)")  // each job's own line
        }
        // snippet.hide
        return handler
    }
}
