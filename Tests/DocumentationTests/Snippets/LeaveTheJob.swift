// Work that outlives the job that happened to start it.

import Errand

/// A pool that starts its keep-alive loop at first use.
actor Connections {
    private var keepAlive: Task<Void, Never>?

    // snippet.show
    func startKeepAlive() {
        guard keepAlive == nil else { return }
        keepAlive = ExecutionContext.none {
            Task { await pingUntilCancelled() }
        }
    }
    // snippet.hide

    private(set) var seenExecution: ExecutionID??

    private func pingUntilCancelled() async { seenExecution = .some(ExecutionContext.current?.executionID) }

    func waitForPing() async -> ExecutionID?? {
        await keepAlive?.value
        return seenExecution
    }
}
