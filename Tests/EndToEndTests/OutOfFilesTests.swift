// A worker that is out of open files: no job pays for it, and it goes on when it has some again.

import Foundation
import Testing

@Suite(.timeLimit(.minutes(2))) struct OutOfFilesTests {
    @Test func `commands that cannot be started for want of files cost no attempt, and the worker says so`() throws {
        let sandbox = try Sandbox()
        for _ in 0..<24 { try sandbox.run("enqueue", "--max-attempts", "1", "--", "sh", "-c", "sleep 0.2") }
        try work(in: sandbox)
    }

    @Test func `nor do handlers with a process of their own that cannot be started`() throws {
        let sandbox = try Sandbox(program: Sandbox.isolated)
        for _ in 0..<24 { try sandbox.run("enqueue", "do", #"{"deeds":["nap"]}"#, "--max-attempts", "1") }
        try work(in: sandbox)
    }

    /// With room for its own files and a few processes, far from 24 at once; without what it would inherit of this process.
    private func work(in sandbox: Sandbox) throws {
        let script = """
            for file in /proc/$$/fd/*; do number=${file##*/}; if ((number > 2 && number != 255)); then exec {number}>&-; fi; done
            ulimit -n 48; exec "$@"
            """
        let worker = try Sandbox.Running(
            executable: "bash",
            arguments: ["-c", script, "bash", sandbox.program, "work", "-c", "24", "--until-empty", "--idle-timeout", "5s"], input: nil,
            environment: ["ERRAND_STORE": sandbox.store, "NO_COLOR": "1"])
        let end = worker.waitForEnd()
        #expect(end.status == 0, "\(end)")
        #expect(end.err.contains("no job is started for a while") && end.err.contains("Too many open files"), "\(end.err)")
        let jobs = try sandbox.run("jobs", "--json").objects()
        #expect(jobs.count == 24)
        #expect(jobs.allSatisfy { $0["state"] as? String == "completed" && $0["attempt"] as? Int == 1 }, "\(jobs)")
    }
}
