// Proof that log capture works: a line written by an ordinary logger must arrive in its execution's log.

import Logging

extension LogCapture {
    /// Whether a line that an ordinary `Logger` writes inside an execution reaches that execution's log in this process.
    package static func isInPlace(clock: any ErrandClock) async -> Bool {
        struct NoSink: LogSink {
            func hasLines(_ log: ExecutionLog, isUrgent: Bool) {}
        }
        let context = ExecutionContext(
            executionID: ExecutionID(JobID(rawValue: 0), 1), attempt: 1, maxAttempts: 1, queue: "errand", kind: "canary", parent: nil,
            root: nil, trace: nil, meta: [:], sink: NoSink(), now: { clock.now() })
        await context.run {
            let logger = Logger(label: "errand.canary")
            // A foreign backend would only print the canary. One that spreads lines over several may hold ours among them.
            guard logger.handler is ExecutionLogHandler || logger.handler is MultiplexLogHandler else { return }
            // At the highest level, so that no threshold decides.
            logger.critical("testing that log lines reach the execution that wrote them")
        }
        return context.log.takePending() != nil
    }
}
