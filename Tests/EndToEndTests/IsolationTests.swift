// The promise: a handler in a process of its own is the same execution, and dies alone.

import Foundation
import Testing

@Suite struct IsolationTests {
    private let sandbox: Sandbox

    init() throws { sandbox = try Sandbox(program: Sandbox.isolated) }

    private func enqueue(_ deeds: String..., options: [String] = [], environment: [String: String] = [:]) throws -> String {
        let payload = try #require(String(bytes: JSONSerialization.data(withJSONObject: ["deeds": deeds]), encoding: .utf8))
        return try sandbox.run(["enqueue", "do", payload] + options, environment: environment).text
    }

    /// Runs a worker until nothing is left, without the seconds that a backtrace takes.
    @discardableResult
    private func work(_ options: String...) throws -> Sandbox.Output {
        let output = try sandbox.run(["work", "--until-empty"] + options, environment: ["SWIFT_BACKTRACE": "enable=no"])
        #expect(output.status == 0, "\(output.err.suffix(2000))")
        return output
    }

    private func job(_ id: String) throws -> [String: Any] { try #require(try sandbox.run("show", id, "--json").objects().first) }

    private func outcomes(_ job: [String: Any]) throws -> [String] {
        try #require(job["executions"] as? [[String: Any]]).compactMap { $0["outcome"] as? String }
    }

    private func error(_ job: [String: Any]) throws -> (type: String?, message: String?) {
        let error = try #require(job["error"] as? [String: Any])
        return (error["type"] as? String, error["message"] as? String)
    }

    private func lines(_ id: String) throws -> [[String: Any]] { try sandbox.run("logs", id, "--json", "-n", "100000").objects() }
    private func messages(_ id: String) throws -> [String] { try lines(id).compactMap { $0["message"] as? String } }

    @Test func `the child is the same execution: identity, meta, trace, environment, result`() throws {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let id = try enqueue("say", options: ["--meta", "who=me"], environment: ["TRACEPARENT": parent])
        let worker = try sandbox.start(["work", "--until-empty"], environment: ["NOTIFY_SOCKET": "/nowhere"])
        #expect(worker.waitForEnd().status == 0)
        let said = try messages(id)
        #expect(
            said.starts(with: ["ERRAND_EXECUTION_ID=\(id).1", "ERRAND_LEASE_TOKEN=1", "ERRAND_ATTEMPT=1", #"ERRAND_META={"who":"me"}"#]))
        let own = try #require(said.first { $0.hasPrefix("TRACEPARENT=") }?.dropFirst("TRACEPARENT=".count))
        #expect(own.hasPrefix("00-0af7651916cd43dd8448eb211c80319c-") && own != parent)
        #expect(said.contains("NOTIFY_SOCKET="))
        #expect(said.contains(#"current \#(id).1 ["who": "me"] \#(own)"#), "\(said)")
        #expect(!said.contains { $0.contains("pid \(worker.pid) ") }, "\(said)")
        let identities = try lines(id).map { [$0["execution_id"] as? String, $0["span_id"] as? String] }
        #expect(identities.allSatisfy { $0 == ["\(id).1", String(own.split(separator: "-")[2])] })
        #expect(try job(id)["result"] as? String == "done in \(id).1")
        #expect(try outcomes(job(id)) == ["completed"])
    }

    @Test func `a step that the child has recorded is not run again in the next one, and a cursor goes on`() throws {
        let id = try enqueue("step", "rows", "throw once", options: ["--max-attempts", "2"])
        let twice = try enqueue("step twice", options: ["--max-attempts", "1"])
        try work()
        let said = try messages(id)
        #expect(said.filter { $0.hasPrefix("drawn by") } == ["drawn by \(id).1"], "\(said)")
        #expect(said.filter { $0 == "number 42" }.count == 2)
        #expect(said.filter { $0.hasPrefix("rows from") } == ["rows from 0", "rows from 10"])
        #expect(said.contains("step \"number\" was completed by \(id).1: not run again"))
        #expect(try outcomes(job(id)) == ["failed", "completed"])
        #expect(try error(job(twice)).message?.contains("is used twice") == true)
    }

    @Test func `what the child says of its progress and of what is to follow reaches the job`() throws {
        let (hopeless, unwanted) = (try enqueue("progress", "unrecoverable"), try enqueue("cancel"))
        try work()
        let dead = try job(hopeless)
        #expect(dead["state"] as? String == "dead")
        #expect(dead["reason"] as? String == "unrecoverable")
        #expect(try outcomes(dead) == ["failed"])
        #expect(try error(dead).type == "Trouble")
        let progress = try #require(dead["progress"] as? [String: Any])
        #expect(progress["fraction"] as? Double == 1)
        #expect(progress["message"] as? String == "step 100")
        let cancelled = try job(unwanted)
        #expect(cancelled["state"] as? String == "cancelled")
        #expect(cancelled["reason"] as? String == "not wanted")
    }

    @Test func `lines of loggers, of print and past the C library's streams are in the execution's log, numbered without a gap`() throws {
        let id = try enqueue("log", "print", "many", "write", "late")
        try work()
        let lines = try lines(id)
        #expect(lines.compactMap { $0["seq"] as? Int } == Array(1...lines.count))
        let streams = lines.reduce(into: [:]) { $0[$1["message"] as? String ?? ""] = $1["stream"] as? String }
        #expect(streams["logged"] == "log" && streams["own"] == "log" && streams["printed"] == "stdout" && streams["written"] == "stderr")
        let ordered = lines.compactMap { $0["message"] as? String }.filter { $0 != "written" }
        #expect(ordered == ["logged", "own", "printed"] + (0..<2000).map { "line \($0)" } + ["taken along"])
        #expect(lines.first { $0["message"] as? String == "taken along" }?["flags"] as? [String] == ["ambient_lost"])
        #expect(lines.first { $0["message"] as? String == "logged" }?["level"] as? String == "warning")
    }

    @Test func `a payload and a result of any shape arrive as they are`() throws {
        let text = #"{"a":[1,2,{"b":"\u00e4 \n"}],"c":"\#(String(repeating: "x", count: 200_000))"}"#
        let id = try sandbox.run("enqueue", "raw", "-", input: text).text
        try work()
        let result = try #require(try job(id)["result"] as? [String: Any])
        let expected = try JSONSerialization.jsonObject(with: Data(text.utf8))
        #expect(result as NSDictionary == expected as? NSDictionary)
    }

    @Test func `what is thrown keeps type and text; a snooze costs nothing; a child job knows its parent`() throws {
        let thrown = try enqueue("throw", options: ["--max-attempts", "2"])
        let snoozed = try enqueue("snooze")
        let parent = try enqueue("enqueue")
        try work()
        #expect(try job(thrown)["state"] as? String == "dead")
        #expect(try error(job(thrown)) == ("Trouble", "the printer is on fire"))
        #expect(try outcomes(job(thrown)) == ["failed", "failed"])
        #expect(try outcomes(job(snoozed)) == ["snoozed", "completed"])
        #expect(try job(snoozed)["attempt"] as? Int == 1)
        let child = try #require(try sandbox.run("jobs", "--kind", "raw", "--json").objects().first)
        let detail = try job(try #require(child["id"] as? String))
        #expect(detail["parent_execution_id"] as? String == "\(parent).1", "\(detail)")
    }

    @Test(arguments: [
        ("trap", "SIG", "Fatal error: as the job asked for"), ("index", "SIG", "Fatal error: Index out of range"),
        ("kill", "SIGKILL", "memory"), ("exit", "exit status 3", "instead of returning"), ("scribble", "descriptor 3", "killed"),
    ])
    func `a process that dies is a crash of its execution alone: 50 good jobs beside it keep their attempts, after 3 it is poison`(
        deed: String, start: String, words: String
    ) throws {
        for _ in 0..<50 { #expect(try sandbox.run("enqueue", "good", "{}").status == 0) }
        let culprit = try enqueue("log", deed, options: ["--max-attempts", "1", "--priority", "-1"])
        let worker = try work("--log-level", "info")
        #expect(!worker.err.contains("rescued"))
        for summary in try sandbox.run("jobs", "--kind", "good", "--limit", "0", "--json").objects() {
            #expect(summary["state"] as? String == "completed" && summary["attempt"] as? Int == 1 && summary["crashes"] as? Int == 0)
            #expect(try outcomes(job(try #require(summary["id"] as? String))) == ["completed"])
        }
        let dead = try job(culprit)
        #expect(dead["state"] as? String == "dead" && dead["reason"] as? String == "poison", "\(dead)")
        #expect(dead["attempt"] as? Int == 0 && dead["crashes"] as? Int == 3)
        #expect(try outcomes(dead) == ["crashed", "crashed", "crashed"])
        let message = try #require(try error(dead).message)
        #expect(message.contains(start) && message.contains(words) && message.contains("handler of kind do"), "\(message)")
        let log = try lines(culprit)
        #expect(log.contains { $0["message"] as? String == "own" })
        #expect(log.last?["message"] as? String == "crashed: \(message)" && log.last?["level"] as? String == "critical")
    }

    @Test func `a cancellation reaches the handler's task, and one that ignores it is killed`() throws {
        let polite = try enqueue("wait")
        let deaf = try enqueue("ignore")
        let worker = try sandbox.start(["work"])
        #expect(try eventually { try [polite, deaf].allSatisfy { try messages($0).count == 1 } })
        let pids = try [polite, deaf].map { try #require(pid_t(messages($0)[0].split(separator: " ")[1])) }
        #expect(pids.allSatisfy(isAlive))
        #expect(try sandbox.run("cancel", polite, deaf).status == 0)
        #expect(try eventually { try [polite, deaf].allSatisfy { try job($0)["state"] as? String == "cancelled" } })
        #expect(try messages(polite).last == "cancelled")
        #expect(!pids.contains(where: isAlive))
        worker.signal(SIGTERM)
        #expect(worker.waitForEnd().status == 0)
    }

    @Test func `a timeout and a shutdown end the child like any handler`() throws {
        let slow = try enqueue("wait", options: ["--timeout", "300ms", "--max-attempts", "1"])
        try work()
        #expect(try outcomes(job(slow)) == ["timed_out"])
        #expect(try messages(slow).last == "cancelled")
        let cut = try enqueue("wait")
        let worker = try sandbox.start(["work", "--grace", "0s"])
        #expect(try eventually { try messages(cut).count == 1 })
        worker.signal(SIGTERM)
        #expect(worker.waitForEnd().status == 0)
        #expect(try outcomes(job(cut)) == ["interrupted"])
        #expect(try job(cut)["attempt"] as? Int == 0)
    }

    @Test func `a child ends with its worker, however that dies`() throws {
        let ids = [try enqueue("wait"), try enqueue("ignore")]
        let worker = try sandbox.start(["work"])
        #expect(try eventually { try ids.allSatisfy { try messages($0).count == 1 } })
        let pids = try ids.map { try #require(pid_t(messages($0)[0].split(separator: " ")[1])) }
        worker.signal(SIGKILL)
        #expect(worker.waitForEnd().status == 128 + SIGKILL)
        #expect(eventually { !pids.contains(where: isAlive) })
    }

    @Test func `nobody starts such a process by hand`() throws {
        let output = try sandbox.run("--isolated-execution")
        #expect(output.status == 2)
        #expect(output.err.contains("is how a worker starts a process for one execution"), "\(output.err)")
    }
}
