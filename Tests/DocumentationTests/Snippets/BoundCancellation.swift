// What runs at cancellation, as the execution that registered it.

import Errand
import Logging

enum BoundCancellation {
    static func download(logger: Logger, _ transfer: @Sendable () async throws -> Void) async throws {
        // snippet.show
        try await withTaskCancellationHandlerBound {
            try await transfer()
        } onCancel: {
            logger.info("cancelled")  // this job's line, whoever cancels
        }
        // snippet.hide
    }
}
