// What a worker costs that has nothing to do.

import Errand
import ErrandContext
import ErrandSQLite
import Glibc

/// A worker in a process of its own, idle beside so many jobs that it does not run.
enum IdleCost: Measuring {
    static let name = "idle"
    static let summary =
        "Processor time and memory of an idle worker, a process of its own, beside so many waiting jobs that it does not run."
    static let usual: KeyValuePairs<BenchParameter, [Int]> = [.stored: [0, 100_000], .seconds: [10]]
    static let hasDurability = false

    static func measure(_ choice: BenchChoice, in place: BenchPlace) async throws -> [BenchValue] {
        let opened = try place.openStore()
        let payload = BenchPlace.payload(bytes: 200)
        for first in stride(from: 0, to: choice[.stored], by: 1000) {
            let size = min(1000, choice[.stored] - first)
            _ = try await opened.store.jobs.enqueue((0..<size).map { _ in NewJob(kind: "bench", payload: payload) })
        }
        opened.close()
        let child = try ChildWorker(.idle, store: place.store)
        // Its start is not idleness; nor is the checkpoint a second later.
        try await Task.sleep(for: .seconds(3))
        let before = child.spent
        try await Task.sleep(for: .seconds(choice[.seconds]))
        let share = (child.spent - before) / Double(choice[.seconds]) * 100
        let resident = Double(child.resident) / 1_048_576
        return [
            BenchValue("cpu_percent", share, text: "\(Digits.fixed(share, decimals: 3)) % of a CPU"),
            BenchValue("resident_mib", resident, text: "\(Digits.short(resident)) MiB resident"),
        ]
    }
}
