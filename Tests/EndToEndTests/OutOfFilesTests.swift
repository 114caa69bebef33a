// A worker that is out of open files: no job pays for it, and it goes on when it has some again.

import Foundation
import Testing

@Suite(.timeLimit(.minutes(2))) struct OutOfFilesTests {
    @Test func `commands that cannot be started for want of files cost no attempt, and the worker says so`() throws {
        let sandbox = try Sandbox()
        let ids = try (0..<24).map { _ in try sandbox.run("enqueue", "--max-attempts", "1", "--", "sh", "-c", "sleep 0.2").text }
        // With room for its own files and a few commands, far from 24 at once.
        let worker = try Sandbox.Running(
            executable: "prlimit",
            arguments: ["--nofile=48:48", Sandbox.errand, "work", "-c", "24", "--until-empty", "--idle-timeout", "5s"], input: nil,
            environment: ["ERRAND_STORE": sandbox.store, "NO_COLOR": "1"])
        let end = worker.waitForEnd()
        #expect(end.status == 0, "\(end)")
        #expect(end.err.contains("no job is started for a while") && end.err.contains("Too many open files"), "\(end.err)")
        let jobs = try sandbox.run("jobs", "--json").objects()
        #expect(jobs.count == ids.count)
        #expect(jobs.allSatisfy { $0["state"] as? String == "completed" && $0["attempt"] as? Int == 1 }, "\(jobs)")
    }
}
