// The promise: what a job prints is in its own log, however it prints and however jobs interleave.

import Errand
import ErrandSQLite
import Foundation
import Testing

@Suite(.timeLimit(.minutes(5))) struct PrintTests {
    /// One stored line.
    private struct Line {
        var execution: String?
        var stream: String
        var message: String
        var flags: [String]

        init(_ object: [String: Any]) {
            execution = object["execution_id"] as? String
            stream = object["stream"] as? String ?? ""
            message = object["message"] as? String ?? ""
            flags = object["flags"] as? [String] ?? []
        }
    }

    @Test func `a storm of 1,000 executions with 40 printed lines each: every line whole, in order, under its own execution`() async throws
    {
        let sandbox = try Sandbox(program: Sandbox.scenarios)
        let jobs = 1000
        try await enqueue(jobs, of: "print-storm", "{\"jobs\":\(jobs)}", in: sandbox)
        let work = try sandbox.run("work", "--until-empty", "-c", "\(jobs)")
        #expect(work.status == 0)
        // Nothing of it leaks to where the program was started.
        #expect(work.out.isEmpty)
        #expect(!work.err.contains(" fputs "))
        var byExecution: [String: [Line]] = [:]
        var strays: [String] = []
        for line in try sandbox.run("logs", "--json").objects().map(Line.init) {
            if let execution = line.execution { byExecution[execution, default: []].append(line) } else { strays.append(line.message) }
        }
        #expect(strays == [])
        #expect(byExecution.count == jobs)
        var wrong: [String] = []
        for (id, lines) in byExecution {
            let printed = lines.filter { $0.stream == "stdout" }.map(\.message)
            let errors = lines.filter { $0.stream == "stderr" }.map(\.message)
            let expected = (1...10).flatMap { ["\(id) print \($0)", "\(id) split over \($0)", "\(id) puts \($0)"] }
            if printed != expected || errors != (1...10).map({ "\(id) fputs \($0)" }) || lines.contains(where: { !$0.flags.isEmpty }) {
                wrong.append(id)
            }
        }
        #expect(wrong == [])
    }

    @Test func `unbound callbacks land in the bucket of none, captured loggers are flagged, bound ones are right`() async throws {
        let sandbox = try Sandbox(program: Sandbox.scenarios)
        try await enqueue(1, of: "lost-callback", "{}", in: sandbox)
        let work = try sandbox.run("work", "--until-empty")
        #expect(work.status == 0)
        let lines = try sandbox.run("logs", "--json").objects().map(Line.init)
        let id = try #require(lines.compactMap(\.execution).first)
        func found(_ text: String) -> [Line] { lines.filter { $0.message == "\(id) \(text)" } }
        #expect(found("lost").map(\.execution) == [nil] && found("lost").map(\.flags) == [["unattributed"]])
        #expect(found("lost in print").map(\.execution) == [nil] && found("lost in print").map(\.flags) == [["unattributed"]])
        // Nothing that went to the terminal before stays away from it: the bucket holds copies.
        #expect(work.out == "\(id) lost in print\n")
        #expect(work.err.contains("\(id) lost"))
        #expect(found("captured").map(\.execution) == [id] && found("captured").map(\.flags) == [["ambient_lost"]])
        #expect(found("bound").map(\.execution) == [id] && found("bound").map(\.flags) == [[]])
        #expect(found("bound in print").map(\.execution) == [id] && found("bound in print").map(\.flags) == [[]])
        let bucket = try sandbox.run("logs", "--flag", "unattributed").lines
        #expect(bucket.count == 2 && bucket.allSatisfy { $0.hasPrefix("worker:") && $0.hasSuffix("{unattributed}") })
        let leak = try #require(try sandbox.run("logs", "--flag", "ambient_lost", "--json").objects().first)
        let metadata = try #require(leak["metadata"] as? [String: Any])
        #expect((metadata["site"] as? String)?.hasPrefix("ScenarioApp/LostCallback.swift:") == true)
        let flags = try #require(try sandbox.run("stats", "--json").objects().first?["log_flags"] as? [String: Int])
        #expect(flags == ["after_end": 0, "crossed": 0, "ambient_lost": 1, "unattributed": 2, "truncated": 0, "dropped": 0])
    }

    private func enqueue(_ count: Int, of kind: String, _ payload: String, in sandbox: Sandbox) async throws {
        let store = try SQLiteStore.open(directory: sandbox.store)
        _ = try await JobQueue(store: store.store).enqueue(
            Array(repeating: NewJob(kind: kind, payload: Array(payload.utf8)), count: count))
        store.close()
    }
    @Test func `a worker that was started with closed streams keeps their numbers free of its own files`() throws {
        let sandbox = try Sandbox()
        let command = "for n in 0 1 2; do readlink /proc/$PPID/fd/$n; done"
        let id = try sandbox.run("enqueue", "--", "sh", "-c", command).text
        let shell = try Sandbox.Running(
            executable: "/bin/sh", arguments: ["-c", "exec \(Sandbox.errand) work --once <&- >&- 2>&-"], input: nil,
            environment: ["ERRAND_STORE": sandbox.store])
        #expect(shell.waitForEnd().status == 0)
        let lines = try sandbox.run("logs", id, "--json").objects().compactMap { $0["message"] as? String }
        #expect(lines == ["/dev/null", "/dev/null", "/dev/null"])
    }
}
