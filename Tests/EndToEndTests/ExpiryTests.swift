// The promise: what is not worth running any more does not run.

import Foundation
import Testing

@Suite(.timeLimit(.minutes(3))) struct ExpiryTests {
    @Test func `a job that has not started in time is cancelled as expired, and says that it is overdue before`() throws {
        let sandbox = try Sandbox()
        let id = try sandbox.run("enqueue", "--expires", "50ms", "--", "echo", "too late").text
        #expect(
            try eventually { try sandbox.run("show", id).out.contains("overdue, cancelled as soon as a worker looks") })
        let other = try sandbox.run("enqueue", "--expires", "1h", "--", "echo", "in time").text
        #expect(try sandbox.run("work", "--until-empty").status == 0)
        let job = try #require(try sandbox.run("show", id, "--json").objects().first)
        #expect(job["state"] as? String == "cancelled" && job["reason"] as? String == "expired")
        #expect((job["executions"] as? [Any])?.isEmpty == true)
        #expect(try sandbox.run("wait", other).status == 0)
    }

    @Test func `what runs at its deadline is stopped, and dead whatever attempts are left`() throws {
        let sandbox = try Sandbox()
        let id = try sandbox.run("enqueue", "--deadline", "1s", "--timeout", "1h", "--max-attempts", "5", "--", "sleep", "60").text
        #expect(try sandbox.run("work", "--until-empty").status == 0)
        let job = try #require(try sandbox.run("show", id, "--json").objects().first)
        #expect(job["state"] as? String == "dead" && job["reason"] as? String == "deadline", "\(job)")
        let executions = try #require(job["executions"] as? [[String: Any]])
        #expect(executions.compactMap { $0["outcome"] as? String } == ["timed_out"])
        #expect((executions.first?["error"] as? [String: Any])?["type"] as? String == "DeadlineReached")
    }

    @Test func `an attempt that would come after the deadline does not`() throws {
        let sandbox = try Sandbox()
        let id = try sandbox.run("enqueue", "--deadline", "1500ms", "--max-attempts", "50", "--", "false").text
        #expect(try sandbox.run("work", "--until-empty", "--idle-timeout", "10s").status == 0)
        let job = try #require(try sandbox.run("show", id, "--json").objects().first)
        #expect(job["state"] as? String == "dead" && job["reason"] as? String == "deadline", "\(job)")
    }
}
