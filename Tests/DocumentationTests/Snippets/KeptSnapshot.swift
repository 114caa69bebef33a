// A delegate keeps a snapshot of who made it, since its methods cannot be bound one by one.

import Errand
import Logging

// snippet.show
final class Download: Sendable {
    private let owner = ExecutionContext.capture()
    private let logger = Logger(label: "download")

    /// Called by the client, on its own thread.
    func didReceive(bytes: Int) { owner.run { logger.info("received \(bytes) bytes") } }

    deinit { owner.run { logger.info("download gone") } }
}
