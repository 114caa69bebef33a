// The second trap and its two cures: a callback that fires after its job has ended.

import Errand
import Logging
import Synchronization

/// An emitter as libraries have them.
final class LateResponse: Sendable {
    private let listeners = Mutex<[@Sendable () -> Void]>([])

    func onFinish(_ listener: @escaping @Sendable () -> Void) { listeners.withLock { $0.append(listener) } }
    func finish() { for listener in listeners.withLock({ $0 }) { listener() } }
}

enum LateCallback {
    static func handler(_ response: LateResponse) -> Handler {
        // snippet.show
        let logger = Logger(label: "response")

        let handler = Handler(Greet.self) { job, context in
            // Unbound: the line belongs to whoever calls finish(), or to nobody.
            response.onFinish { logger.info("finished \(job.name)") }

            // Pattern A, captured values: this logger belongs to the execution wherever it is used.
            let own = context.logger
            response.onFinish { own.info("finished \(job.name)") }

            // Pattern B, bound: the callback runs inside the execution's scope again.
            response.onFinish(ExecutionContext.bind { logger.info("finished \(job.name)") })
        }
        // snippet.hide
        return handler
    }
}
