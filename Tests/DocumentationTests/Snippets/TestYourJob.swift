// A user's own test of a handler.

import Errand
import ErrandTesting

enum TestYourJob {
    static func run(handler: Handler) async throws -> JobState? {
        // snippet.show
        let model = ModelStore()
        let queue = JobQueue(store: model.store, clock: model.clock)
        let id = try await queue.enqueue(Greet(name: "Ada"))
        try await Worker(queue: queue, handlers: [handler]).runUntilEmpty()
        let state = try await queue.store.inspection.job(id)?.summary.state  // .completed
        // snippet.hide
        return state
    }
}
