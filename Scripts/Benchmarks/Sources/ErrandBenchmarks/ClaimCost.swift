// What a claim costs beside a full store: 100,000 jobs of an unhandled kind at the head, a million finished, against an empty one.

import Errand
import ErrandSQLite
import Glibc

enum ClaimCost {
    private static let payload = Array(#"{"n":1,"text":"0123456789012345678901234567890123456789"}"#.utf8)

    static func run() async throws {
        let directories = [temporaryDirectory(), temporaryDirectory()]
        defer { directories.forEach(remove) }
        let empty = try SQLiteStore.open(directory: directories[0] + "/store")
        let full = try SQLiteStore.open(directory: directories[1] + "/store")
        let description = WorkerDescription(
            kinds: ["work"], queues: ["default": 1000], concurrency: 1000, host: "benchmark", pid: getpid(), version: "0",
            startedAt: SystemClock.shared.now(), lease: .seconds(600))
        let emptyWorker = try await empty.store.jobs.join(description)
        let fullWorker = try await full.store.jobs.join(description)

        say("filling a store with 1,000,000 finished jobs and 100,000 available ones of another kind …")
        for _ in 0..<100 {
            try await enqueue(10_000, kind: "work", in: full)
            for _ in 0..<10 { try await complete(try await claim(1000, in: full, by: fullWorker), in: full, by: fullWorker) }
        }
        for _ in 0..<10 { try await enqueue(10_000, kind: "unhandled", in: full) }

        say("claim (one exchange, one commit): wall µs per call and ratio full/empty, interleaved")
        for batch in [1, 10, 100] {
            var times = (empty: Sample(), full: Sample(), ratio: Sample())
            for round in 0..<220 {
                try await enqueue(batch, kind: "work", in: empty)
                try await enqueue(batch, kind: "work", in: full)
                // In turn the one and the other first, so that neither always finds the processor's caches warm.
                var first: (time: Double, jobs: [ClaimedJob])
                var second: (time: Double, jobs: [ClaimedJob])
                if round % 2 == 0 {
                    first = try await timed { try await claim(batch, in: empty, by: emptyWorker) }
                    second = try await timed { try await claim(batch, in: full, by: fullWorker) }
                } else {
                    second = try await timed { try await claim(batch, in: full, by: fullWorker) }
                    first = try await timed { try await claim(batch, in: empty, by: emptyWorker) }
                }
                precondition(first.jobs.count == batch && second.jobs.count == batch)
                try await complete(first.jobs, in: empty, by: emptyWorker)
                try await complete(second.jobs, in: full, by: fullWorker)
                guard round >= 20 else { continue }
                times.empty.add(first.time)
                times.full.add(second.time)
                times.ratio.add(second.time / first.time)
            }
            say("batch \(batch)")
            say("  empty  \(times.empty.line(unit: "µs", scale: 1e6))")
            say("  full   \(times.full.line(unit: "µs", scale: 1e6))")
            say("  ratio of medians \(fixed(times.full.median / times.empty.median)), median of paired ratios \(fixed(times.ratio.median))  (mark: 1.6)")
        }
        empty.close()
        full.close()
    }

    private static func timed<Result>(_ body: () async throws -> Result) async rethrows -> (time: Double, jobs: Result) {
        let start = seconds(CLOCK_MONOTONIC)
        let result = try await body()
        return (seconds(CLOCK_MONOTONIC) - start, result)
    }

    private static func enqueue(_ count: Int, kind: String, in store: SQLiteStore) async throws {
        _ = try await store.store.jobs.enqueue((0..<count).map { _ in NewJob(kind: kind, payload: payload) })
    }

    private static func claim(_ count: Int, in store: SQLiteStore, by worker: WorkerID) async throws -> [ClaimedJob] {
        try await store.store.jobs.exchange(
            ExchangeRequest(
                worker: worker, claim: ClaimRequest(limit: count, queues: [.init(queue: "default", limit: count)], kinds: ["work"]))
        ).claimed
    }

    private static func complete(_ jobs: [ClaimedJob], in store: SQLiteStore, by worker: WorkerID) async throws {
        let now = SystemClock.shared.now()
        let reply = try await store.store.jobs.exchange(
            ExchangeRequest(
                worker: worker,
                reports: jobs.map { ExecutionReport(execution: $0.execution, outcome: .completed, next: .complete, finishedAt: now) }))
        precondition(reply.results.allSatisfy { $0 == .accepted })
    }
}
