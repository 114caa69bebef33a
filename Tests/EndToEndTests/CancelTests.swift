// The promise: cancelling a running job from another process ends it, and the job, its log and the events tell the story.

import Foundation
import Testing

@Suite struct CancelTests {
    private func story(of id: String, in sandbox: Sandbox) throws -> [String] {
        try sandbox.run("events", id, "--json").objects().compactMap { $0["event"] as? String }
    }

    private func expectStory(of id: String, reason: String, in sandbox: Sandbox) throws {
        let job = try #require(try sandbox.run("show", id, "--json").objects().first)
        #expect(job["state"] as? String == "cancelled" && job["reason"] as? String == reason)
        let executions = try #require(job["executions"] as? [[String: Any]])
        #expect(executions.compactMap { $0["outcome"] as? String } == ["cancelled"])
        #expect(executions.allSatisfy { $0["finished_at"] is String })
        #expect(try sandbox.run("show", id).out.contains("reason    \(reason)"))
        #expect(try story(of: id, in: sandbox) == ["enqueued", "started", "cancelled"])
        let waited = try sandbox.run("wait", id)
        #expect(waited.status == 1 && waited.text == "\(id)\tcancelled")
    }

    @Test func `a handler in the worker's own process is cancelled from another one`() throws {
        let sandbox = try Sandbox(program: Sandbox.scenarios)
        let worker = try sandbox.start(["work"])
        let id = try sandbox.run("enqueue", "patience").text
        #expect(try eventually { try sandbox.run("logs", id).out.contains("waiting") })
        let cancelled = try sandbox.run("cancel", id, "--reason", "not needed")
        #expect(cancelled.status == 0 && cancelled.text == "\(id)\tstopped", "\(cancelled)")
        try expectStory(of: id, reason: "not needed", in: sandbox)
        #expect(worker.isRunning, "its worker goes on")
    }

    @Test func `a command and its tree are cancelled from another process`() throws {
        let sandbox = try Sandbox()
        let worker = try sandbox.start(["work"])
        let id = try sandbox.run("enqueue", "--", "sh", "-c", "sh -c 'echo $$; sleep 300' & echo $$; wait").text
        func tree() throws -> [pid_t] { try sandbox.run("logs", id).lines.compactMap { pid_t($0) } }
        #expect(try eventually { try tree().count == 2 })
        let pids = try tree()
        let cancelled = try sandbox.run("cancel", id, "--reason", "not needed")
        #expect(cancelled.status == 0 && cancelled.text == "\(id)\tstopped", "\(cancelled)")
        #expect(eventually { pids.allSatisfy { !isAlive($0) } })
        try expectStory(of: id, reason: "not needed", in: sandbox)
        #expect(worker.isRunning)
    }
}
