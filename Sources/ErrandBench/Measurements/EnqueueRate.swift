// Enqueueing one by one.

import Errand
import ErrandContext
import ErrandSQLite

/// Callers that enqueue one job after the other, each waiting until its job is acknowledged.
enum EnqueueRate: Measuring {
    static let name = "enqueue"
    static let summary = "Jobs enqueued one by one, by so many callers at a time that each wait for their own."
    static let usual: KeyValuePairs<BenchParameter, [Int]> = [.callers: [1, 10, 64], .jobs: [10_000], .payload: [200]]

    static func measure(_ choice: BenchChoice, in place: BenchPlace) async throws -> [BenchValue] {
        let opened = try place.openStore(durability: choice.durability)
        defer { opened.close() }
        let queue = JobQueue(store: opened.store)
        let payload = BenchPlace.payload(bytes: choice[.payload])
        // The first one of a store gives its queue and kind their numbers.
        _ = try await queue.enqueue(kind: "bench", payload: payload)
        let (callers, jobs) = (choice[.callers], choice[.jobs])
        let watch = Stopwatch()
        let times = try await withThrowingTaskGroup(of: Sample.self) { group in
            for caller in 0..<callers {
                let share = jobs / callers + (caller < jobs % callers ? 1 : 0)
                group.addTask {
                    var times = Sample()
                    for _ in 0..<share {
                        let start = Stopwatch()
                        _ = try await queue.enqueue(kind: "bench", payload: payload)
                        times.add(start.elapsed)
                    }
                    return times
                }
            }
            return try await group.reduce(into: Sample()) { $0.add($1) }
        }
        return watch.values(jobs: jobs) + BenchValue.times(times)
    }
}
