// The promise: commands say how far they are and what is to follow, and whoever waits learns it.

import Foundation
import Testing

@Suite struct OutcomeTests {
    private let sandbox: Sandbox

    init() throws { sandbox = try Sandbox() }

    private func configure(_ yaml: String) throws {
        try yaml.write(toFile: sandbox.directory + "/errand.yaml", atomically: true, encoding: .utf8)
    }

    private func work() throws {
        let output = try sandbox.run("work", "--until-empty", "--config", sandbox.directory + "/errand.yaml")
        #expect(output.status == 0, "\(output.err.suffix(2000))")
    }

    private func job(_ id: String) throws -> [String: Any] { try #require(try sandbox.run("show", id, "--json").objects().first) }

    @Test func `a command's progress and result are there for whoever asks`() throws {
        let line = #"{"level":"info","message":"resizing","progress":0.4}"#
        let id = try sandbox.run("enqueue", "--", "sh", "-c", "echo '\(line)'; echo '{\"pages\": 7}' >&3").text
        #expect(try sandbox.run("work", "--until-empty").status == 0)
        #expect(try sandbox.run("wait", id, "--result", "--timeout", "60s").out == "{\"pages\": 7}\n")
        let progress = try #require(try job(id)["progress"] as? [String: Any])
        #expect(progress["fraction"] as? Double == 0.4)
        #expect(progress["message"] as? String == "resizing")
        #expect(try sandbox.run("logs", id).out.contains("resizing"))
    }

    @Test func `a command that falls silent is ended, one that prints is not`() throws {
        try configure(
            """
            handlers:
              silent: { run: [sh, -c, "echo here; sleep 600"], heartbeat: 400ms, max_attempts: 1 }
              talking: { run: [sh, -c, "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.15; done"], heartbeat: 800ms, max_attempts: 1 }
            """)
        let config = ["--config", sandbox.directory + "/errand.yaml"]
        let silent = try sandbox.run(["enqueue", "silent", "{}"] + config).text
        let talking = try sandbox.run(["enqueue", "talking", "{}"] + config).text
        try work()
        let ended = try job(silent)
        #expect(ended["state"] as? String == "dead")
        #expect((ended["executions"] as? [[String: Any]])?.first?["outcome"] as? String == "timed_out")
        #expect((ended["error"] as? [String: Any])?["type"] as? String == "HeartbeatTimedOut")
        #expect(try job(talking)["state"] as? String == "completed")
    }

    @Test func `an exit status that no attempt can help ends the job at once`() throws {
        try configure("handlers: { check: { run: [sh, -c, exit 65], max_attempts: 5, unrecoverable: [65], backoff: 1h } }")
        let id = try sandbox.run("enqueue", "check", "{}", "--config", sandbox.directory + "/errand.yaml").text
        try work()
        let ended = try job(id)
        #expect(ended["state"] as? String == "dead")
        #expect(ended["reason"] as? String == "unrecoverable")
        #expect((ended["executions"] as? [[String: Any]])?.count == 1)
    }
}
