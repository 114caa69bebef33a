// The promise: a worker can be told to stop, a running job can be told to end, from anywhere.

import Foundation
import Testing

@Suite struct StopTests {
    @Test func `cancelling a running command from another process ends its whole tree`() throws {
        let sandbox = try Sandbox()
        let worker = try sandbox.start(["work"])
        // A tree that ignores TERM, with a grandchild in a session of its own.
        let id = try sandbox.run(
            "enqueue", "--", "sh", "-c",
            "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo grandchild $$; sleep 300' & echo child $$; sleep 300; wait"
        ).text
        func pids() throws -> [pid_t] {
            try sandbox.run("logs", id, "--json").objects().compactMap {
                pid_t(($0["message"] as? String ?? "").split(separator: " ").last ?? "")
            }
        }
        #expect(try eventually { try pids().count == 2 })
        let tree = try pids()
        let cancelled = try sandbox.run("cancel", id, "--reason", "no longer needed")
        #expect(cancelled.status == 0, "\(cancelled.err)")
        // How long it takes is measured by Scripts/bench/all cancel; here it must happen at all.
        #expect(eventually { tree.allSatisfy { !isAlive($0) } })
        let job = try #require(try sandbox.run("show", id, "--json").objects().first)
        #expect(job["state"] as? String == "cancelled")
        worker.signal(SIGTERM)
        #expect(worker.waitForEnd().status == 0)
    }

    @Test func `SIGTERM drains: what runs finishes, nothing new starts, exit 0`() throws {
        let sandbox = try Sandbox()
        let go = sandbox.directory + "/go"
        let first = try sandbox.run("enqueue", "--", "sh", "-c", "echo started; until [ -e '\(go)' ]; do sleep 0.05; done").text
        let second = try sandbox.run("enqueue", "--", "true").text
        let worker = try sandbox.start(["work", "-c", "1"])
        #expect(try eventually { try sandbox.run("logs", first).out.contains("started") })
        worker.signal(SIGTERM)
        #expect(eventually { worker.errorSoFar.contains("draining") })
        #expect(FileManager.default.createFile(atPath: go, contents: nil))
        #expect(worker.waitForEnd().status == 0)
        let states = try sandbox.run("jobs", "--json").objects().reduce(into: [:]) {
            $0[$1["id"] as? String ?? ""] = $1["state"] as? String
        }
        #expect(states == [first: "completed", second: "available"])
    }

    @Test func `after the grace period a command is ended and its attempt refunded`() throws {
        let sandbox = try Sandbox()
        let id = try sandbox.run("enqueue", "--", "sh", "-c", "echo started; sleep 300").text
        let worker = try sandbox.start(["work", "--grace", "200ms"])
        #expect(try eventually { try sandbox.run("logs", id).out.contains("started") })
        worker.signal(SIGTERM)
        #expect(worker.waitForEnd().status == 0)
        let job = try #require(try sandbox.run("show", id, "--json").objects().first)
        #expect(job["state"] as? String == "available")
        #expect(job["attempt"] as? Int == 0)
        #expect((job["executions"] as? [[String: Any]])?.compactMap { $0["outcome"] as? String } == ["interrupted"])
    }

    @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
    func `a second signal stops hard`(signal: Int32, status: Int32) throws {
        let sandbox = try Sandbox()
        let id = try sandbox.run("enqueue", "--", "sh", "-c", "echo started; sleep 300").text
        let worker = try sandbox.start(["work", "--log-format", "json"])
        #expect(try eventually { try sandbox.run("logs", id).out.contains("started") })
        worker.signal(signal)
        #expect(eventually { worker.errorSoFar.contains("draining") })
        worker.signal(signal)
        #expect(worker.waitForEnd().status == status)
    }

    @Test func `a timeout ends the command and counts as an attempt`() throws {
        let sandbox = try Sandbox()
        let id = try sandbox.run("enqueue", "--timeout", "300ms", "--", "sleep", "300").text
        #expect(try sandbox.run("work", "--until-empty").status == 0)
        let job = try #require(try sandbox.run("show", id, "--json").objects().first)
        #expect(job["state"] as? String == "dead")
        #expect((job["executions"] as? [[String: Any]])?.compactMap { $0["outcome"] as? String } == ["timed_out"])
    }
}
