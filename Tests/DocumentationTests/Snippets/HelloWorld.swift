// The README's first program: enqueue a job, run it, done.

// snippet.show
import Errand
import ErrandSQLite

// snippet.hide

enum HelloWorld {
    /// Works in the current directory.
    static func run() async throws {
        // swift-format-ignore
        // snippet.show
        struct Greet: Job { static let kind = "greet"; var name: String }

        LogCapture.install()
        let queue = try JobQueue.open("errand-store")
        try await queue.enqueue(Greet(name: "Ada"))
        let greet = Handler(Greet.self) { job, context in context.logger.info("hello, \(job.name)") }
        try await Worker(queue: queue, handlers: [greet]).runUntilEmpty()
        // snippet.hide
    }
}
