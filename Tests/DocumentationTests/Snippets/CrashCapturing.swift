// Crash capture in a program that is not built on ErrandApp.

import Errand

enum CrashCapturing {
    static func run(queue: JobQueue, handler: Handler) async throws {
        // snippet.show
        try CrashCapture.install()
        try await Worker(queue: queue, handlers: [handler]).runUntilEmpty()
        // snippet.hide
    }
}
