// The README's late callback: the same line, lost and kept.

import Errand
import Logging

enum WhoseLine {
    static func handler(_ response: LateResponse, logger: Logger) -> Handler {
        // snippet.show
        Handler(Greet.self) { job, context in
            logger.info("greeting \(job.name)")  // this job's line
            response.onFinish { logger.info("sent to \(job.name)") }  // a line of whoever calls finish(), or of nobody
            response.onFinish(ExecutionContext.bind { logger.info("sent to \(job.name)") })  // this job's line, however late
        }
        // snippet.hide
    }
}
