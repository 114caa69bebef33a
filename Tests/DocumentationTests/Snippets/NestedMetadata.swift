// More metadata for a part of a job.

import Errand
import Logging

enum NestedMetadata {
    static func handler(logger: Logger) -> Handler {
        // snippet.show
        let handler = Handler(Greet.self) { job, context in
            context.with(metadata: ["step": "look-up"]) {
                logger.info("looking up \(job.name)")  // carries step=look-up
            }
            logger.info("hello, \(job.name)")  // does not
        }
        // snippet.hide
        return handler
    }
}
