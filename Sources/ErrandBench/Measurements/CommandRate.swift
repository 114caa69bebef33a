// Commands, beside the same programs started by nobody but a loop.

import Errand
import ErrandContext
import ErrandHandlers
import ErrandSQLite
import Glibc

/// `true` as a command job, its output kept, beside bare posix_spawn and wait at the same concurrency.
enum CommandRate: Measuring {
    static let name = "commands"
    static let summary = "Jobs that run the program true, output kept, against bare posix_spawn and wait with as many at a time."
    static let usual: KeyValuePairs<BenchParameter, [Int]> = [.concurrency: [4], .jobs: [2000]]

    /// The two take turns, so that a noisy moment hits both.
    private static let rounds = 4

    static func measure(_ choice: BenchChoice, in place: BenchPlace) async throws -> [BenchValue] {
        let opened = try place.openStore(durability: choice.durability)
        defer { opened.close() }
        let queue = JobQueue(store: opened.store)
        let jobs = max(1, choice[.jobs] / rounds)
        let payload = Array(#"{"argv":["true"]}"#.utf8)
        let configuration = Worker.Configuration {
            $0.concurrency = choice[.concurrency]
            $0.logger = BenchPlace.silence
            $0.retention = nil
        }
        var (seconds, bare) = (0.0, 0.0)
        for _ in 0..<rounds {
            bare += try await spawn(jobs, atOnce: choice[.concurrency])
            _ = try await queue.enqueue((0..<jobs).map { _ in NewJob(kind: CommandPayload.kind, payload: payload) })
            let watch = Stopwatch()
            try await Worker(queue: queue, handlers: [commandHandler()], configuration: configuration).runUntilEmpty(idleTimeout: .zero)
            seconds += watch.elapsed
        }
        let (rate, bareRate) = (Double(jobs * rounds) / seconds, Double(jobs * rounds) / bare)
        return [
            .rate(rate, of: "commands"),
            BenchValue("ratio", rate / bareRate, text: "\(Digits.short(rate / bareRate)) of bare posix_spawn"),
            BenchValue("bare_per_second", bareRate, text: "\(Digits.grouped(bareRate)) bare/s"),
        ]
    }

    /// The seconds that so many bare programs take, so many at a time.
    private static func spawn(_ count: Int, atOnce concurrency: Int) async throws -> Double {
        let watch = Stopwatch()
        var running = 0
        var started = 0
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var children: Set<pid_t> = []
        while started < count || running > 0 {
            if started < count, running < concurrency {
                children.insert(try ChildWorker.start("/bin/true", [], &actions).get())
                started += 1
                running += 1
                continue
            }
            // One of these, and no other child of the process.
            var status: Int32 = 0
            guard let child = children.first else { break }
            let ended = children.first { waitpid($0, &status, WNOHANG) == $0 } ?? (waitpid(child, &status, 0) == child ? child : nil)
            guard let ended else { continue }
            children.remove(ended)
            running -= 1
        }
        return watch.elapsed
    }
}
