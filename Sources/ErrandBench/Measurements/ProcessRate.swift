// Many processes on one store.

import Errand
import ErrandContext
import ErrandSQLite

/// Processes that all enqueue one job after the other, each waiting for its acknowledgement: how many in all, and how evenly they get
/// their turns.
enum ProcessRate: Measuring {
    static let name = "processes"
    static let summary = "Jobs enqueued one by one by so many processes at a time, and how evenly they get their turns."
    static let usual: KeyValuePairs<BenchParameter, [Int]> = [.processes: [2, 64], .seconds: [5]]

    static func measure(_ choice: BenchChoice, in place: BenchPlace) async throws -> [BenchValue] {
        let opened = try place.openStore(durability: choice.durability)
        defer { opened.close() }
        let children = try (0..<choice[.processes]).map { _ in
            try ChildWorker(.enqueue, store: place.store, seconds: choice[.seconds], durability: choice.durability)
        }
        for child in children { child.go() }
        let counts = try children.map { child in
            guard let line = child.nextLine(), let jobs = Int(line) else { throw BenchError("a process fell silent") }
            return jobs
        }
        let jobs = counts.reduce(0, +)
        let stored = try await opened.store.inspection.stats().counts.reduce(0) { $0 + $1.jobs }
        guard stored == jobs + children.count else {
            throw BenchError("\(jobs + children.count) jobs were enqueued, and the store has \(stored)")
        }
        let evenness = Double(counts.min() ?? 0) / Double(max(1, counts.max() ?? 1))
        return [
            .rate(Double(jobs) / Double(choice[.seconds])),
            BenchValue("least_to_most", evenness, text: "the slowest made \(Digits.fixed(evenness, decimals: 2)) of the quickest"),
        ]
    }
}
