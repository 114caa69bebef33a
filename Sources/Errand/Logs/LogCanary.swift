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
            // At the highest level, so that a handler's threshold does not decide; a backend that is not ours would print it: say why.
            Logger(label: "errand.canary").critical("testing that log lines reach the execution that wrote them")
        }
        return context.log.takePending() != nil
    }
}
