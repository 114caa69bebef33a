// What users really have: jobs that share limits, jobs for later, jobs for now, and others that enqueue meanwhile.

import Errand
import ErrandContext
import ErrandSQLite
import Glibc
import Synchronization

/// A third of the jobs plain, a third with limit keys of which one runs at a time, a third a moment later; enqueued while they run.
enum MixedLoad: Measuring {
    static let name = "mixed"
    static let summary =
        "Jobs for now, jobs for a moment later and jobs with limit keys, each a third, enqueued by so many callers while they run."
    static let usual: KeyValuePairs<BenchParameter, [Int]> = [
        .concurrency: [64], .callers: [4], .batch: [10], .lines: [1], .jobs: [30_000], .payload: [200],
    ]
    /// How many limit keys there are.
    private static let keys = 50

    private struct State {
        var running: Set<String> = []
        var overlaps = 0
        var waits = Sample()
        var done = 0
    }

    static func measure(_ choice: BenchChoice, in place: BenchPlace) async throws -> [BenchValue] {
        let opened = try place.openStore(durability: choice.durability)
        defer { opened.close() }
        let queue = JobQueue(store: opened.store)
        _ = try await opened.store.queues.change(.queue("default"), [.keyConcurrency(1)])
        let (callers, jobs, batch, lines) = (choice[.callers], choice[.jobs], choice[.batch], choice[.lines])
        let payload = BenchPlace.payload(bytes: choice[.payload])
        let state = Mutex(State())
        let (ended, end) = AsyncStream<Void>.makeStream()
        let handler = Handler(kind: "bench") { job, context in
            let started = SystemClock.shared.now()
            state.withLock { state in
                if let key = job.terms.limitKey, !state.running.insert(key).inserted { state.overlaps += 1 }
                // The others wait for their time, or for their key, as they should.
                if job.terms.limitKey == nil, let due = job.dueAt { state.waits.add(Double((started - due).wholeMicroseconds) * 1e-6) }
            }
            for line in 0..<lines { context.logger.info("line \(line) of a job that does nothing else") }
            await Task.yield()
            let isLast = state.withLock { state in
                if let key = job.terms.limitKey { state.running.remove(key) }
                state.done += 1
                return state.done == jobs
            }
            if isLast { end.finish() }
            return nil
        }
        let configuration = Worker.Configuration {
            $0.concurrency = choice[.concurrency]
            $0.logger = BenchPlace.silence
            $0.retention = nil
        }
        let worker = Worker(queue: queue, handlers: [handler], configuration: configuration)
        let watch = Stopwatch()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run() }
            for caller in 0..<callers {
                group.addTask {
                    for first in stride(from: caller * batch, to: jobs, by: callers * batch) {
                        _ = try await queue.enqueue((first..<min(first + batch, jobs)).map { job(number: $0, payload) })
                    }
                }
            }
            group.addTask {
                for await _ in ended {}
                worker.drain()
            }
            try await group.waitForAll()
        }
        let values = watch.values(jobs: jobs)
        let found = state.withLock { $0 }
        guard found.overlaps == 0 else { throw BenchError("two jobs with one limit key ran at once, \(found.overlaps) times") }
        return values + BenchValue.times(found.waits)
    }

    private static func job(number: Int, _ payload: [UInt8]) -> NewJob {
        var job = NewJob(kind: "bench", payload: payload)
        if number % 3 == 1 { job.terms.limitKey = "key\(number % keys)" }
        if number % 3 == 2 { job.runAt = SystemClock.shared.now() + .milliseconds(number % 200) }
        return job
    }
}
