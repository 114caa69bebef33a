// Forty printed lines per job by every way of printing, all jobs at once.

import ErrandCLI
@preconcurrency import Glibc

/// Prints lines that begin with the execution's own ID, interleaved with all the other jobs of the storm.
struct PrintStorm: Job {
    static let kind = "print-storm"
    /// How many jobs print at once: none begins a round before all have come.
    var jobs: Int

    private static let barriers = Barriers()

    /// Four lines a round, ten rounds.
    func rage(as id: ExecutionID) async {
        let barrier = await PrintStorm.barriers.barrier(of: jobs)
        for round in 1...10 {
            await barrier.arrive()
            print("\(id) print", round)
            print("\(id) ", terminator: "")
            await barrier.arrive()
            print("split ", terminator: "")
            await Task.yield()
            print("over", round, separator: " ", terminator: "\n")
            fputs("\(id) fputs \(round)\n", stderr)
            await Task { _ = puts("\(id) puts \(round)") }.value
        }
    }
}

/// One barrier for each number of parties.
actor Barriers {
    private var barriers: [Int: MeetingPoint] = [:]

    func barrier(of parties: Int) -> MeetingPoint {
        if let barrier = barriers[parties] { return barrier }
        let barrier = MeetingPoint(parties: parties)
        barriers[parties] = barrier
        return barrier
    }
}
