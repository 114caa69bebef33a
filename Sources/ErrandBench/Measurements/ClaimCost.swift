// What a claim costs beside a full store, against an empty one.

import Errand
import ErrandContext
import ErrandSQLite

/// Claims from two stores in turn: one that is empty, and one that holds many finished jobs and a tenth as many that are available to
/// others.
enum ClaimCost: Measuring {
    static let name = "claim"
    static let summary =
        "Time of a claim beside so many finished jobs, and a tenth as many waiting of a kind that nobody runs, against an empty store."
    static let usual: KeyValuePairs<BenchParameter, [Int]> = [.stored: [100_000], .batch: [10, 100]]
    static let hasDurability = false

    static func measure(_ choice: BenchChoice, in place: BenchPlace) async throws -> [BenchValue] {
        let inner = try BenchPlace(in: place.path)
        let (empty, full) = (try inner.openStore(), try place.openStore())
        defer {
            empty.close()
            full.close()
        }
        let payload = BenchPlace.payload(bytes: 50)
        let few = StoreClient(store: empty.store, worker: try await StoreClient.join(empty.store), batch: choice[.batch])
        let many = StoreClient(store: full.store, worker: try await StoreClient.join(full.store), batch: choice[.batch])
        try await fill(many, choice[.stored], payload)
        var times = (few: Sample(), many: Sample(), ratio: Sample())
        for round in 0..<220 {
            for client in [few, many] { _ = try await client.store.jobs.enqueue(client.input(payload: payload)) }
            // In turn the one and the other first, so that neither always finds the processor's caches warm.
            var seconds: [Double] = [0, 0]
            for turn in [round % 2, 1 - round % 2] {
                let client = [few, many][turn]
                let watch = Stopwatch()
                let held = try await client.exchange(completing: [])
                seconds[turn] = watch.elapsed
                _ = try await client.exchange(completing: held, claims: false)
            }
            guard round >= 20 else { continue }
            times.few.add(seconds[0])
            times.many.add(seconds[1])
            times.ratio.add(seconds[1] / seconds[0])
        }
        let (few50, many50) = (times.few.median * 1e6, times.many.median * 1e6)
        return [
            BenchValue("ratio", times.ratio.median, text: "\(Digits.short(times.ratio.median)) times an empty store's"),
            BenchValue("full_us", many50, text: "\(Digits.short(many50)) µs"),
            BenchValue("empty_us", few50, text: "against \(Digits.short(few50)) µs"),
        ]
    }

    private static func fill(_ client: StoreClient, _ stored: Int, _ payload: [UInt8]) async throws {
        let filler = StoreClient(store: client.store, worker: client.worker, batch: 1000)
        for _ in 0..<(stored + 999) / 1000 {
            _ = try await client.store.jobs.enqueue(filler.input(payload: payload))
            _ = try await filler.exchange(completing: try await filler.exchange(completing: []), claims: false)
        }
        for _ in 0..<(stored / 10 + 999) / 1000 {
            _ = try await client.store.jobs.enqueue(filler.input(payload: payload, kind: "bench-others"))
        }
    }
}
