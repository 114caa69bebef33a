// The store alone: enqueue, claim, complete, without a worker around it.

import Errand
import ErrandContext
import ErrandSQLite
import Glibc

/// The complete cycle of jobs through the store, one caller, a batch at a time.
enum StoreCycle: Measuring {
    static let name = "cycle"
    static let summary = "Enqueue, claim and complete at the store alone, a batch at a time: what a worker adds is not in it."
    static let usual: KeyValuePairs<BenchParameter, [Int]> = [.batch: [100, 1000], .jobs: [100_000], .payload: [200]]

    static func measure(_ choice: BenchChoice, in place: BenchPlace) async throws -> [BenchValue] {
        let opened = try place.openStore(durability: choice.durability)
        defer { opened.close() }
        let client = StoreClient(store: opened.store, worker: try await StoreClient.join(opened.store), batch: choice[.batch])
        let input = client.input(payload: BenchPlace.payload(bytes: choice[.payload]))
        var held: [ClaimedJob] = []
        var done = 0
        let watch = Stopwatch()
        while done < choice[.jobs] {
            _ = try await opened.store.jobs.enqueue(input)
            done += held.count
            held = try await client.exchange(completing: held)
        }
        return watch.values(jobs: done)
    }
}

/// A worker that is nothing but its name: it claims and completes whatever it is told to.
struct StoreClient {
    let store: Store
    let worker: WorkerID
    let batch: Int

    /// Registers it.
    static func join(_ store: Store) async throws -> WorkerID {
        try await store.jobs.join(
            WorkerDescription(
                kinds: ["bench"], queues: ["default": 1], concurrency: 1, host: "bench", pid: getpid(), version: ErrandVersion.current,
                startedAt: SystemClock.shared.now(), lease: .seconds(3600)))
    }

    /// A batch of jobs that it can claim.
    func input(payload: [UInt8], kind: String = "bench") -> [NewJob] {
        Array(repeating: NewJob(kind: kind, payload: payload), count: batch)
    }

    /// One step: completes `held` and claims a batch; gives that.
    /// - Throws: ``BenchError`` when the store does not give or take what it should.
    func exchange(completing held: [ClaimedJob], claims: Bool = true) async throws -> [ClaimedJob] {
        let now = SystemClock.shared.now()
        let reports = held.map { ExecutionReport(execution: $0.execution, outcome: .completed, next: .complete, finishedAt: now) }
        let claim = ClaimRequest(limit: batch, queues: [.init(queue: "default", limit: batch)], kinds: ["bench"])
        let reply = try await store.jobs.exchange(ExchangeRequest(worker: worker, reports: reports, claim: claims ? claim : nil))
        guard reply.results.allSatisfy({ $0 == .accepted }), reply.claimed.count == (claims ? batch : 0) else {
            throw BenchError("the store gave \(reply.claimed.count) jobs where there were \(batch)")
        }
        return reply.claimed
    }
}
