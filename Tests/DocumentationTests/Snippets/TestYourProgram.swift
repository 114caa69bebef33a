// A user's own test of code that enqueues.

import Errand
import ErrandTesting
import Testing

enum TestYourProgram {
    struct Welcome: Job, Equatable {
        static let kind = "welcome"
        var name: String
    }

    /// The code under test.
    static func signUp(_ name: String, queue: JobQueue) async throws {
        try await queue.enqueue(Welcome(name: name), options: EnqueueOptions { $0.delay = .seconds(3600) })
    }

    static func run(welcome: Handler) async throws -> [JobDetail] {
        // snippet.show
        let kit = JobKit(handlers: [welcome])
        try await signUp("Ada", queue: kit.queue)
        try await kit.expectEnqueued(Welcome(name: "Ada"))
        #expect(try await kit.drain().isEmpty)  // not due yet
        let ran = try await kit.advance(by: .seconds(3600))  // an hour later: what is due then, and what that enqueues
        #expect(ran.map(\.summary.state) == [.completed])
        // snippet.hide
        return ran
    }
}
