// Enqueueing many at a time.

import Errand
import ErrandContext
import ErrandSQLite

/// Callers that enqueue many jobs with each call.
enum BulkRate: Measuring {
    static let name = "bulk"
    static let summary = "Jobs enqueued so many with each call, by so many callers at a time."
    static let usual: KeyValuePairs<BenchParameter, [Int]> = [.callers: [1, 2], .batch: [1000], .jobs: [200_000], .payload: [200]]

    static func measure(_ choice: BenchChoice, in place: BenchPlace) async throws -> [BenchValue] {
        let opened = try place.openStore(durability: choice.durability)
        defer { opened.close() }
        let queue = JobQueue(store: opened.store)
        let payload = BenchPlace.payload(bytes: choice[.payload])
        _ = try await queue.enqueue(kind: "bench", payload: payload)
        let (callers, jobs, batch) = (choice[.callers], choice[.jobs], choice[.batch])
        let watch = Stopwatch()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<callers {
                group.addTask {
                    for first in stride(from: caller * batch, to: jobs, by: callers * batch) {
                        let size = min(batch, jobs - first)
                        _ = try await queue.enqueue((0..<size).map { _ in NewJob(kind: "bench", payload: payload) })
                    }
                }
            }
            try await group.waitForAll()
        }
        return watch.values(jobs: jobs)
    }
}
