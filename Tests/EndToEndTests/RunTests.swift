// The promise: a handler can be tried by itself, without a store, and leaves nothing behind.

import Foundation
import Glibc
import Testing

@Suite struct RunTests {
    @Test func `one job runs right here: log on standard error, result on standard output, no store`() throws {
        let sandbox = try Sandbox()
        try "handlers: { sum: { run: [sh, -c, \"cat; echo adding; echo 3 >&3\"] }, bad: { run: [sh, -c, \"echo oh; exit 4\"] } }"
            .write(toFile: sandbox.directory + "/errand.yaml", atomically: true, encoding: .utf8)
        let temporary = sandbox.directory + "/tmp"
        try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: true)
        func run(_ arguments: String...) throws -> Sandbox.Output {
            try sandbox.run(["run", "--config", sandbox.directory + "/errand.yaml"] + arguments, environment: ["TMPDIR": temporary])
        }
        let good = try run("sum", "[1,2]")
        #expect(good.status == 0 && good.out == "3\n")
        #expect(good.err.contains("[1,2]") && good.err.contains("adding"))
        let bad = try run("bad")
        #expect(bad.status == 1 && bad.err.contains("oh") && bad.err.contains("exit status 4"))
        // A file whose settings do not go with one slot and one queue.
        let other = sandbox.directory + "/other.yaml"
        try "worker: { spare: 3 }\nqueues: { slow: {} }\nhandlers: { one: { run: [sh, -c, 'echo 1 >&3'] } }"
            .write(toFile: other, atomically: true, encoding: .utf8)
        #expect(try sandbox.run(["run", "one", "--config", other], environment: ["TMPDIR": temporary]).out == "1\n")
        #expect(!good.err.contains("execution started"))
        #expect(try run("unknown").status == 2)
        #expect(try run("sum", "{").status == 2)
        #expect(try FileManager.default.contentsOfDirectory(atPath: temporary) == [])
        #expect(!FileManager.default.fileExists(atPath: sandbox.store))
    }

    @Test func `a command after -- runs as enqueue would have it run`() throws {
        let sandbox = try Sandbox()
        let ended = try sandbox.run("run", "--", "sh", "-c", "echo hi; exit 3")
        #expect(ended.status == 1 && ended.err.contains("hi") && ended.err.contains("exit status 3"), "\(ended)")
        #expect(try sandbox.run("run").status == 2)
    }

    @Test func `a job that would run again ends the verb, and says so`() throws {
        let sandbox = try Sandbox()
        let ended = try sandbox.run("run", "command", #"{"argv":["sh","-c","echo hi; exit 75"]}"#)
        #expect(ended.status == 1 && ended.err.contains("hi") && ended.err.contains("it would run again"))
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func `a signal ends the job and what it has started, and nothing is left behind`(number: Int32) throws {
        let sandbox = try Sandbox()
        let running = try sandbox.start(
            ["run", "command", #"{"argv":["sh","-c","echo $$; exec sleep 300"]}"#], environment: ["TMPDIR": sandbox.directory])
        var child: pid_t?
        #expect(
            eventually {
                child = running.errorSoFar.split(separator: "\n").first.flatMap { pid_t($0) }
                return child != nil
            })
        running.signal(number)
        #expect(running.waitForEnd().status == 128 + number)
        #expect(eventually { child.map { !isAlive($0) } ?? false })
        #expect(try FileManager.default.contentsOfDirectory(atPath: sandbox.directory).filter { $0.hasPrefix("errand-run") } == [])
    }
}
