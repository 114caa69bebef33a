// How long a job waits for an idle worker in another process.

import Errand
import ErrandContext
import ErrandSQLite
import Glibc

/// From `enqueue` returning here to the handler's first line there.
enum PickUp: Measuring {
    static let name = "pickup"
    static let summary =
        "From enqueue returning here to the handler's first line in an idle worker in another process; negative: it was faster."
    static let usual: KeyValuePairs<BenchParameter, [Int]> = [.jobs: [500], .payload: [200]]

    static func measure(_ choice: BenchChoice, in place: BenchPlace) async throws -> [BenchValue] {
        let opened = try place.openStore(durability: choice.durability)
        defer { opened.close() }
        let child = try ChildWorker(.ping, store: place.store)
        let queue = JobQueue(store: opened.store)
        let payload = BenchPlace.payload(bytes: choice[.payload])
        // The first ones find both processes cold.
        let warmUp = min(50, choice[.jobs])
        var pickUp = Sample()
        for number in 0..<choice[.jobs] + warmUp {
            // In between both sleep, so that each job meets a worker that does.
            try await Task.sleep(for: .microseconds(5_000 + (number * 7919) % 15_000))
            _ = try await queue.enqueue(kind: ChildRole.pingKind, payload: payload)
            let returned = Stopwatch.seconds(CLOCK_BOOTTIME)
            guard let line = child.nextLine(), let started = Double(line) else { throw BenchError("the worker fell silent") }
            if number >= warmUp { pickUp.add(started - returned) }
        }
        return BenchValue.times(pickUp)
    }
}
