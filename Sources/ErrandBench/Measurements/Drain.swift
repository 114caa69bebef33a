// A whole worker: every job in a task and context of its own.

import Errand
import ErrandContext
import ErrandSQLite
import Logging

/// A worker in this process that runs what stands in the store, to the last job.
enum Drain: Measuring {
    static let name = "drain"
    static let summary = "Jobs that do nothing but log so many lines, run by one worker until none is left."
    static let usual: KeyValuePairs<BenchParameter, [Int]> = [
        .concurrency: [10, 100], .lines: [0, 5], .jobs: [30_000], .batch: [100], .payload: [200],
    ]

    static func measure(_ choice: BenchChoice, in place: BenchPlace) async throws -> [BenchValue] {
        let opened = try place.openStore(durability: choice.durability)
        defer { opened.close() }
        let queue = JobQueue(store: opened.store)
        let payload = BenchPlace.payload(bytes: choice[.payload])
        let (jobs, batch, lines) = (choice[.jobs], choice[.batch], choice[.lines])
        let cycle = Stopwatch()
        for first in stride(from: 0, to: jobs, by: batch) {
            _ = try await queue.enqueue((first..<min(first + batch, jobs)).map { _ in NewJob(kind: "bench", payload: payload) })
        }
        let handler = Handler(kind: "bench") { _, context in
            for line in 0..<lines { context.logger.info("line \(line) of a job that does nothing else") }
            return nil
        }
        let configuration = Worker.Configuration {
            $0.concurrency = choice[.concurrency]
            $0.logger = BenchPlace.silence
            $0.retention = nil
        }
        let commits = opened.commits
        let drain = Stopwatch()
        try await Worker(queue: queue, handlers: [handler], configuration: configuration).runUntilEmpty(idleTimeout: .zero)
        let values = drain.values(jobs: jobs)
        let whole = cycle.values(jobs: jobs)
        let perCommit = Double(jobs) / Double(max(1, opened.commits - commits))
        let completed = try await opened.store.inspection.stats().counts.reduce(0) { $0 + ($1.state == .completed ? $1.jobs : 0) }
        guard completed == jobs else { throw BenchError("\(completed) of \(jobs) jobs were completed") }
        return values + [BenchValue("jobs_per_commit", perCommit, text: "\(Digits.short(perCommit)) jobs a commit")]
            + whole.map { BenchValue("with_enqueue_\($0.name)", $0.amount) }
    }
}
