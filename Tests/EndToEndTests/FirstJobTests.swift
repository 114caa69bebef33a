// The first minutes of a new user: enqueue a command, work, look at the log.

import Foundation
import Testing

@Suite struct FirstJobTests {
    @Test func `a command is enqueued without a worker, run by the next one, and its log is read back under its execution ID`() throws {
        let sandbox = try Sandbox()
        let enqueued = try sandbox.run("enqueue", "--", "sh", "-c", "echo hello; echo trouble >&2")
        #expect(enqueued.status == 0, "\(enqueued.err)")
        #expect(enqueued.text.count == 13)

        let worked = try sandbox.run("work", "--until-empty")
        #expect(worked.status == 0, "\(worked.err)")

        let records = try sandbox.run("logs", enqueued.text, "--json").objects()
        #expect(
            Set(records.map { $0["execution_id"] as? String }) == ["\(enqueued.text).1"]
                || records.allSatisfy { ($0["job_id"] as? String) == enqueued.text })
        #expect(Set(records.compactMap { $0["message"] as? String }) == ["hello", "trouble"])
        #expect(Set(records.compactMap { $0["stream"] as? String }) == ["stdout", "stderr"])
        #expect(records.compactMap { $0["seq"] as? Int } == [1, 2])

        let shown = try #require(try sandbox.run("show", enqueued.text, "--json").objects().first)
        #expect(shown["state"] as? String == "completed")
        #expect(shown["v"] as? Int == 1)
    }

    @Test func `a command's exit status is its outcome, and the failure message names the next command to type`() throws {
        let sandbox = try Sandbox()
        let id = try sandbox.run("enqueue", "--", "sh", "-c", "echo about to fail; exit 3").text
        try sandbox.run("work", "--until-empty")
        let shown = try #require(try sandbox.run("show", id, "--json").objects().first)
        #expect(shown["state"] as? String == "dead")
        let error = try #require(shown["error"] as? [String: Any])
        #expect(error["code"] as? Int == 3)
        let executions = try #require(shown["executions"] as? [[String: Any]])
        #expect(executions.map { $0["outcome"] as? String } == ["failed"])
        #expect(try sandbox.run("wait", id).status == 1)
        let human = try sandbox.run("show", id)
        #expect(human.out.contains("errand logs \(id)") || human.err.contains("errand logs \(id)"), "\(human.out)\(human.err)")
    }

    @Test func `a program that does not exist fails its attempt with code 127`() throws {
        let sandbox = try Sandbox()
        let id = try sandbox.run("enqueue", "--", "no-such-program-here").text
        try sandbox.run("work", "--until-empty")
        let shown = try #require(try sandbox.run("show", id, "--json").objects().first)
        #expect((shown["error"] as? [String: Any])?["code"] as? Int == 127)
    }

    @Test func `the same idempotency key gives the same job, another payload under it is a conflict`() throws {
        let sandbox = try Sandbox()
        let first = try sandbox.run("enqueue", "mail", #"{"to":1}"#, "--key", "order-7")
        let again = try sandbox.run("enqueue", "mail", #"{"to":1}"#, "--key", "order-7")
        let other = try sandbox.run("enqueue", "mail", #"{"to":2}"#, "--key", "order-7")
        #expect([first.status, again.status, other.status] == [0, 0, 5])
        #expect(Set([first.text, again.text, other.text]).count == 1)
        #expect(try sandbox.run("jobs", "--json").lines.count == 1)
    }

    @Test func `big integers and byte order of the payload come back as they were given`() throws {
        let sandbox = try Sandbox()
        let payload = #"{"b":123456789012345678901234567890,  "a":1.10}"#
        let id = try sandbox.run("enqueue", "mail", payload).text
        #expect(try sandbox.run("show", id, "--json").out.contains(#""payload":"# + payload))
    }

    @Test func `a kind from errand yaml gets its payload on standard input and its identity in the environment`() throws {
        let sandbox = try Sandbox()
        let script = sandbox.directory + "/handler.sh"
        try "read line; echo \"$ERRAND_KIND $ERRAND_QUEUE $ERRAND_ATTEMPT $ERRAND_META $line\"\n".write(
            toFile: script, atomically: true, encoding: .utf8)
        let configuration = sandbox.directory + "/errand.yaml"
        try "handlers:\n  greet: { run: [sh, \(script)], timeout: 30s }\n".write(toFile: configuration, atomically: true, encoding: .utf8)
        let id = try sandbox.run("enqueue", "greet", #"{"name":"Ada"}"#, "--meta", "traceId=t-1").text
        let worked = try sandbox.run("work", "--until-empty", "--config", configuration)
        #expect(worked.status == 0, "\(worked.err)")
        let record = try #require(try sandbox.run("logs", id, "--json").objects().first)
        #expect(record["message"] as? String == #"greet default 1 {"traceId":"t-1"} {"name":"Ada"}"#)
        #expect(record["meta"] as? [String: String] == ["traceId": "t-1"])
    }

    @Test func `wait and follow end with the job and give its outcome`() throws {
        let sandbox = try Sandbox()
        let worker = try sandbox.start(["work"])
        let good = try sandbox.run("enqueue", "--wait", "--", "true")
        #expect(good.status == 0, "\(good.err)")
        let bad = try sandbox.run("enqueue", "--wait", "--exit-code", "--", "sh", "-c", "exit 9")
        #expect(bad.status == 9, "\(bad.err)")
        let followed = try sandbox.run("enqueue", "--follow", "--", "sh", "-c", "echo one; echo two")
        #expect(followed.out.contains("one") && followed.out.contains("two"))
        worker.signal(SIGTERM)
        #expect(worker.waitForEnd().status == 0)
    }
}
