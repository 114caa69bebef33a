// 20,000 jobs over 50 limit keys of which one runs at a time, by two workers of 64 slots: no two of a key at once, each key in order.

import Errand
import ErrandSQLite
import Glibc
import Logging
import Synchronization

enum KeyedWorkers {
    private struct Numbered: Job {
        static let kind = "numbered"
        var key: Int
        var number: Int
        var limitKey: String? { "key\(key)" }
    }

    private struct State {
        var running: Set<Int> = []
        var last: [Int: Int] = [:]
        var overlaps = 0
        var outOfOrder = 0
        var done = 0
    }

    static func run() async throws {
        let directory = temporaryDirectory()
        defer { remove(directory) }
        let (jobs, keys) = (20_000, 50)
        let state = Mutex(State())
        let queue = try JobQueue.open(directory + "/store")
        try await queue.store.queues.change(.queue("default"), [.keyConcurrency(1)])
        for first in stride(from: 0, to: jobs, by: 1000) {
            _ = try await queue.enqueue((first..<first + 1000).map { Numbered(key: $0 % keys, number: $0) }, options: EnqueueOptions())
        }
        let handler = Handler(Numbered.self) { job, _ in
            state.withLock { state in
                if !state.running.insert(job.key).inserted { state.overlaps += 1 }
                if state.last[job.key].map({ $0 >= job.number }) ?? false { state.outOfOrder += 1 }
                state.last[job.key] = job.number
            }
            await Task.yield()
            state.withLock { state in
                state.running.remove(job.key)
                state.done += 1
            }
        }
        let configuration = Worker.Configuration {
            $0.concurrency = 64
            $0.logger = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
        }
        let begin = seconds(CLOCK_MONOTONIC)
        let other = try JobQueue.open(directory + "/store")
        try await withThrowingTaskGroup { group in
            for queue in [queue, other] {
                group.addTask { try await Worker(queue: queue, handlers: [handler], configuration: configuration).runUntilEmpty() }
            }
            try await group.waitForAll()
        }
        let elapsed = seconds(CLOCK_MONOTONIC) - begin
        let end = state.withLock { $0 }
        say("jobs \(end.done) over \(keys) keys, two workers of 64 slots: \(Int(Double(end.done) / elapsed)) jobs/s")
        say("two of a key at once: \(end.overlaps), out of order: \(end.outOfOrder)")
        precondition(end.done == jobs && end.overlaps == 0 && end.outOfOrder == 0)
    }
}
