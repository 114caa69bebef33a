// What an idle worker costs: its CPU time over 30 seconds, beside a process that only sleeps.

import Errand
import ErrandSQLite
import Glibc

enum IdleCost {
    static func run() async throws {
        let directory = temporaryDirectory()
        defer { remove(directory) }
        let worker = spawn(ownPath, ["idle-worker", directory + "/store"])
        let sleeper = spawn("/bin/sleep", ["1000"])
        sleep(3)
        let before = (cpu(of: worker), cpu(of: sleeper))
        let span = 30.0
        sleep(UInt32(span))
        let after = (cpu(of: worker), cpu(of: sleeper))
        let memory = residentKiB(of: worker)
        for pid in [worker, sleeper] {
            kill(pid, SIGKILL)
            _ = wait(for: pid)
        }
        say("idle over \(Int(span)) s: worker \(fixed((after.0 - before.0) / span * 100)) % of a CPU, \(memory) KiB resident (mark: below 0.1 %)")
        say("  baseline: sleep(1) \(fixed((after.1 - before.1) / span * 100)) %")
    }

    static func serve(directory: String) async throws {
        try await Worker(queue: JobQueue.open(directory), handlers: [Handler(kind: "nothing") { _, _ in nil }]).run()
    }

    /// CPU seconds so far, of all threads, in nanoseconds' resolution.
    private static func cpu(of pid: pid_t) -> Double {
        var clock = clockid_t()
        guard clock_getcpuclockid(pid, &clock) == 0 else { fatalError("no CPU clock for \(pid)") }
        return seconds(clock)
    }

    private static func residentKiB(of pid: pid_t) -> Int {
        guard let file = fopen("/proc/\(pid)/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, 256, file) != nil else { return 0 }
        let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return (Int(text.split(separator: " ").dropFirst().first ?? "0") ?? 0) * Int(getpagesize()) / 1024
    }
}
