// A job whose callbacks run where no job is known.

import Dispatch
import ErrandCLI
import Logging

/// Logs and prints from a plain Dispatch block, through the execution's own logger there, and from a bound block.
struct LostCallback: Job {
    static let kind = "lost-callback"
    private static let library = Logger(label: "library")

    func lose(_ context: ExecutionContext) async {
        let id = context.executionID
        let own = context.logger
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                LostCallback.library.info("\(id) lost")
                print("\(id) lost in print")
                own.info("\(id) captured")
                continuation.resume()
            }
        }
        let bound = ExecutionContext.bind { @Sendable () -> Void in
            LostCallback.library.info("\(id) bound")
            print("\(id) bound in print")
        }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                bound()
                continuation.resume()
            }
        }
    }
}
