// How long a job waits for an idle worker in another process: from `enqueue` returning here to the handler's first line there.

import Errand
import ErrandSQLite
import Glibc

enum PickUp {
    private struct Ping: Job {
        static let kind = "ping"
        var number: Int
    }

    static func run() async throws {
        let directory = temporaryDirectory()
        defer { remove(directory) }
        let queue = try JobQueue.open(directory + "/store")
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { fatalError("pipe") }
        let worker = spawn(ownPath, ["pickup-worker", directory + "/store"], output: ends[1])
        close(ends[1])
        let reader = LineReader(descriptor: ends[0])
        guard reader.next() == "ready" else { fatalError("the worker did not start") }

        var pickUp = Sample()
        var returned = Sample()
        for number in 0..<600 {
            // Idle in between, so that each job meets a worker that sleeps.
            usleep(UInt32.random(in: 5_000...25_000))
            let begin = seconds(CLOCK_BOOTTIME)
            try await queue.enqueue(Ping(number: number))
            let end = seconds(CLOCK_BOOTTIME)
            guard let line = reader.next(), let started = Double(line) else { fatalError("the worker fell silent") }
            guard number >= 100 else { continue }
            returned.add(end - begin)
            pickUp.add(started - end)
        }
        kill(worker, SIGTERM)
        _ = wait(for: worker)

        say("pick-up, enqueue returned → handler's first line in another process (mark: p50 below 1 ms; a negative time: it ran before enqueue's caller did)")
        say("  pick-up   \(pickUp.line(unit: "ms", scale: 1e3))")
        say("  enqueue   \(returned.line(unit: "ms", scale: 1e3))   (durable)")
        say("  baseline  \(bareWakeUp().line(unit: "ms", scale: 1e3))   (one byte through a pipe to a sleeping process, one way)")
    }

    static func serve(directory: String) async throws {
        let queue = try JobQueue.open(directory)
        let worker = Worker(
            queue: queue,
            handlers: [
                Handler(Ping.self) { _, _ in
                    say("\(seconds(CLOCK_BOOTTIME))")
                }
            ])
        say("ready")
        signal(SIGTERM) { _ in _exit(0) }
        try await worker.run()
    }

    /// The machine's own part of it: half of a round trip of one byte between two processes that sleep in read().
    private static func bareWakeUp() -> Sample {
        var there: [Int32] = [0, 0]
        var back: [Int32] = [0, 0]
        guard pipe(&there) == 0, pipe(&back) == 0 else { fatalError("pipe") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, there[0], 0)
        posix_spawn_file_actions_adddup2(&actions, back[1], 1)
        for end in there + back where end > 2 { posix_spawn_file_actions_addclose(&actions, end) }
        let echo = "import os\nwhile True:\n b=os.read(0,1)\n if not b: break\n os.write(1,b)"
        var argv: [UnsafeMutablePointer<CChar>?] = ["/usr/bin/python3", "-c", echo].map { (argument: String) in strdup(argument) }
        argv.append(nil)
        var pid = pid_t()
        guard posix_spawn(&pid, "/usr/bin/python3", &actions, nil, &argv, environ) == 0 else { fatalError("spawn") }
        var byte: UInt8 = 1
        var sample = Sample()
        for round in 0..<600 {
            usleep(UInt32.random(in: 5_000...15_000))
            let begin = seconds(CLOCK_MONOTONIC)
            write(there[1], &byte, 1)
            guard read(back[0], &byte, 1) == 1 else { fatalError("the echo stopped") }
            if round >= 100 { sample.add((seconds(CLOCK_MONOTONIC) - begin) / 2) }
        }
        close(there[1])
        close(there[0])
        close(back[1])
        kill(pid, SIGKILL)
        _ = wait(for: pid)
        return sample
    }
}

/// Reads lines from a descriptor, blocking.
final class LineReader {
    private let descriptor: Int32
    private var pending: [UInt8] = []

    init(descriptor: Int32) { self.descriptor = descriptor }

    func next() -> String? {
        while true {
            if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                defer { pending.removeSubrange(...end) }
                return String(decoding: pending[..<end], as: UTF8.self)
            }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return nil }
            pending += buffer[..<count]
        }
    }
}
