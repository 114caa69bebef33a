// Limits and pauses, set from Swift.

import Errand

enum LimitedQueue {
    static func set(_ queue: JobQueue) async throws {
        // snippet.show
        let queues = queue.store.queues
        try await queues.change(.queue("reports"), [.concurrency(2), .rate(RateLimit(10, per: .seconds(1)))])
        try await queues.change(.kind("call-partner"), [.pause])
        try await queues.change(.queue("default"), [.keyConcurrency(2), .fair(true)])
        // snippet.hide
    }
}
