// The promise: a workflow ends as its policies say, whatever becomes of its workers, and is told as one tree in one trace.

import Foundation
import Testing

@Suite struct WorkflowTests {
    /// A job of a random graph, and how it must end.
    private struct Node {
        var name: String
        var after: [Int]
        var ignores: Bool
        var fails: Bool
        var end: String
    }

    private func graph(_ count: Int, using generator: inout SystemRandomNumberGenerator) -> [Node] {
        var nodes: [Node] = []
        for index in 0..<count {
            let wanted = index == 0 ? 0 : Int.random(in: 0...3, using: &generator)
            let after = Set((0..<wanted).map { _ in Int.random(in: max(0, index - 60)..<index, using: &generator) }).sorted()
            let ignores = Int.random(in: 0..<2, using: &generator) == 0
            let fails = Int.random(in: 0..<40, using: &generator) == 0
            let isInVain = !ignores && after.contains { nodes[$0].end != "completed" }
            nodes.append(
                Node(
                    name: "n\(index)", after: after, ignores: ignores, fails: fails,
                    end: isInVain ? "cancelled" : fails ? "dead" : "completed"))
        }
        return nodes
    }

    @Test func `a workflow of 1,000 jobs with failures and killed workers ends as its policies say, in one tree and one trace`() throws {
        let sandbox = try Sandbox()
        var generator = SystemRandomNumberGenerator()
        let nodes = graph(1000, using: &generator)
        var jobs: [String: Any] = [:]
        for node in nodes {
            var job: [String: Any] = ["run": ["sh", "-c", "exit \(node.fails ? 3 : 0)"], "after": node.after.map { nodes[$0].name }]
            if node.ignores, !node.after.isEmpty { job["if_failed"] = "ignore" }
            jobs[node.name] = job
        }
        let file: [String: Any] = [
            "name": "random", "jobs": jobs, "on_success": ["run": ["true"]], "on_completed": ["run": ["true"]],
        ]
        let text = String(decoding: try JSONSerialization.data(withJSONObject: file), as: UTF8.self)
        let start = try #require(try sandbox.run("workflow", "start", "-", "--json", input: text).objects().first)
        let id = try #require(start["id"] as? String)
        let followers = try #require(start["followers"] as? [String])

        var kills = 0
        func live() throws -> Int { try #require(try sandbox.run("workflow", "show", id, "--json").objects().first?["live"] as? Int) }
        var left = try live()
        while left > 0, kills < 12 {
            let workers = try (0..<2).map { _ in try sandbox.start(["work", "-c", "4", "--suspect-after", "0"]) }
            // After some more have ended, and some have begun.
            let before = left
            _ = try eventually {
                let now = try live()
                return now <= before - 40 || now == 0
            }
            usleep(UInt32.random(in: 0...20_000, using: &generator))
            for worker in workers {
                worker.signal(SIGKILL)
                _ = worker.waitForEnd()
            }
            kills += 2
            left = try live()
        }
        let last = try sandbox.run("work", "-c", "8", "--suspect-after", "0", "--until-empty", "--idle-timeout", "5s")
        #expect(last.status == 0, "\(last.err.suffix(1000))")

        let wanted = Dictionary(uniqueKeysWithValues: nodes.map { ($0.name, $0.end) })
        let shown = try sandbox.run("trace", id, "--json", "--limit", "5000").objects()
        let members = shown.filter { $0["workflow"] as? String == id }
        #expect(members.count == 1000)
        var ran = 0
        for job in members {
            let name = try #require(job["name"] as? String)
            #expect(job["state"] as? String == wanted[name], "\(name): \(job)")
            let executions = try #require(job["executions"] as? [[String: Any]])
            ran += executions.count
            #expect(executions.count { $0["outcome"] as? String == "completed" } <= 1, "\(name) completed more than once")
            #expect(job["state"] as? String != "cancelled" || executions.isEmpty, "\(name) was run in vain")
        }
        // Kills that meet nothing prove nothing.
        #expect(kills > 2 && ran > members.count { $0["state"] as? String != "cancelled" })
        #expect(Set(shown.map { $0["trace_id"] as? String }).count == 1, "it belongs to several traces")
        let isGood = nodes.allSatisfy { $0.end == "completed" }
        let ends = try followers.map { try #require(try sandbox.run("show", $0, "--json").objects().first?["state"] as? String) }
        #expect(ends == [isGood ? "completed" : "cancelled", "completed"])
        let status = try #require(try sandbox.run("workflow", "show", id, "--json").objects().first)
        for end in ["completed", "dead", "cancelled"] {
            #expect(status[end] as? Int == nodes.count { $0.end == end }, "\(end): \(status)")
        }
        let tree = try sandbox.run("trace", id, "--limit", "5000").out
        #expect(nodes.allSatisfy { tree.contains(" \($0.name) ") } || tree.contains("more job"), "\(tree.prefix(2000))")
        #expect(try sandbox.run("workflow", "wait", id).status == (isGood ? 0 : 1))
    }

    @Test func `jobs named on the command line are waited for, cancelled and retried as a tree`() throws {
        let sandbox = try Sandbox()
        let first = try sandbox.run("enqueue", "--name", "first", "--", "sh", "-c", "test -e \(sandbox.directory)/ready").text
        let second = try sandbox.run("enqueue", "--after", first, "--", "sh", "-c", "echo after $ERRAND_AFTER").text
        let third = try sandbox.run("enqueue", "--after", second, "--if-failed", "ignore", "--", "true").text
        let shown = try sandbox.run("show", second).out
        #expect(shown.contains("blocked") && shown.contains("waits for 1 of the 1 that it comes after"))
        #expect(shown.contains("\(first)  first  available"))
        #expect(try sandbox.run("jobs", "--state", "blocked", "-q").lines == [third, second])
        let dry = try sandbox.run("cancel", first, "--tree", "--dry-run")
        #expect(dry.lines == [third, second, first] && dry.err.contains("with all that hangs on them: 3 jobs"))
        // Cancelled with all that hangs on it: the last one would ignore it.
        #expect(try sandbox.run("cancel", first, "--tree").status == 0)
        #expect(try sandbox.run("jobs", "--state", "cancelled", "-q").lines == [third, second, first])
        #expect(try sandbox.run("retry", first, "--tree").status == 0)
        _ = try sandbox.run("work", "--until-empty", "--idle-timeout", "1s")
        // The first has failed, the second is cancelled for it, the third does not mind.
        func states() throws -> [String] {
            try [first, second, third].map { try #require(try sandbox.run("show", $0, "--json").objects().first?["state"] as? String) }
        }
        #expect(try states() == ["dead", "cancelled", "completed"])
        #expect(try sandbox.run("show", second).out.contains("after \(first), which died"))
        #expect(FileManager.default.createFile(atPath: "\(sandbox.directory)/ready", contents: nil))
        #expect(try sandbox.run("retry", first, "--tree").status == 0)
        _ = try sandbox.run("work", "--until-empty", "--idle-timeout", "1s")
        #expect(try states() == ["completed", "completed", "completed"])
        #expect(try sandbox.run("logs", second).out.contains("after \(first)"))
        let tree = try sandbox.run("trace", third).lines
        #expect(tree.filter { $0.contains("command") }.map { $0.prefix { $0 == " " }.count } == [0, 2, 4])
    }

    @Test func `what cannot be waited for is refused in a sentence that names it`() throws {
        let sandbox = try Sandbox()
        let job = try sandbox.run("enqueue", "a").text
        #expect(try sandbox.run("enqueue", "--after", "0000000000000", "--", "true").status == 3)
        let file = """
            jobs:
              build: { run: [make], after: [tset] }
              test: { run: [make, test], after: build }
            """
        let typo = try sandbox.run("workflow", "start", "-", input: file)
        #expect(typo.status == 2)
        #expect(
            typo.err.contains("standard input:2:3: \"build\" waits for \"tset\"") && typo.err.contains("did you mean \"test\"?"),
            "\(typo.err)")
        let circle = try sandbox.run("workflow", "start", "-", input: file.replacing("tset", with: "test"))
        #expect(circle.status == 2 && circle.err.contains("in a circle, \"build\" after \"test\" after \"build\""), "\(circle.err)")
        let wrong = try sandbox.run("workflow", "start", "-", input: "jobs:\n  a: { kind: b, prioritty: 3, timeout: soon }\n")
        #expect(
            wrong.status == 2 && wrong.err.contains("2:17: unknown key \"prioritty\"") && wrong.err.contains("did you mean \"priority\"?"))
        let late = try sandbox.run("workflow", "start", "-", input: "jobs: {a: {run: [\"true\"]}}").text
        _ = try sandbox.run("work", "--until-empty", "--idle-timeout", "1s")
        let ended = try sandbox.run("enqueue", "--workflow", late, "--", "true")
        #expect(ended.status != 0 && ended.err.contains("has ended, and nothing can be added to it"), "\(ended.err)")
        let own = try sandbox.run("workflow", "start", "--open").text
        let itself = try sandbox.run("enqueue", "--workflow", own, "--after", own, "--", "true")
        #expect(itself.status != 0 && itself.err.contains("cannot wait for the end of that workflow"), "\(itself.err)")
        _ = try sandbox.run("cancel", job)
        let vain = try sandbox.run("enqueue", "--after", job, "--", "true")
        #expect(vain.status == 0 && vain.err.contains("\(job) is cancelled: the job is cancelled at once"), "\(vain.err)")
        #expect(try sandbox.run("show", vain.text, "--json").objects().first?["state"] as? String == "cancelled")
        let batch = try sandbox.run(
            "enqueue", "a", "--batch", "-", input: "{\"after\": [\"b\"]}\n{\"after\": [\"\(job)\"], \"if_failed\": \"x\"}\n")
        #expect(
            batch.status == 2 && batch.err.contains("line 1: \"after\": \"b\" is no ID")
                && batch.err.contains("line 2: \"if_failed\" is none of"))
    }

    @Test func `a line that waits for what is not there is told, and keeps no other from being added`() throws {
        let sandbox = try Sandbox()
        let lines = (1...1200).map { $0 == 700 ? "{\"after\": [\"06zzzzzzzzzzz\"]}\n" : "{\"payload\": \($0)}\n" }.joined()
        let added = try sandbox.run("enqueue", "a", "--batch", "-", input: lines)
        #expect(added.status == 6 && added.lines.count == 1199, "\(added.err)")
        #expect(added.err.contains("line 700: it shall run after 06zzzzzzzzzzz, which is not on record"), "\(added.err)")
        #expect(Set(added.lines).count == 1199)
    }

    @Test func `a key stands for the jobs that it was given with, and IDs of workflows and jobs are told apart`() throws {
        let sandbox = try Sandbox()
        let id = try sandbox.run("workflow", "start", "-", "--key", "k", input: "jobs: {a: {run: [\"true\"]}}").text
        #expect(try sandbox.run("workflow", "start", "-", "--key", "k", input: "jobs: {a: {run: [\"true\"]}}").text == id)
        let other = try sandbox.run("workflow", "start", "-", "--key", "k", input: "jobs: {b: {run: [\"true\"]}}")
        #expect(other.status == 5 && other.err.contains("belongs to the workflow \(id), which has other jobs"), "\(other.err)")
        let shown = try sandbox.run("show", id)
        #expect(shown.status == 3 && shown.err.contains("is a workflow's, for `errand workflow`"), "\(shown.err)")
        let job = try sandbox.run("jobs", "-q").text
        let wrong = try sandbox.run("workflow", "show", job)
        #expect(wrong.status == 3 && wrong.err.contains("that is a job's ID"), "\(wrong.err)")
        let follower = try sandbox.run("workflow", "start", "-", input: "jobs: {a: {run: [x]}}\non_success: {run: [y], after: a}\n")
        #expect(follower.status == 2 && follower.err.contains("2:24: unknown key \"after\" in \"on_success\""), "\(follower.err)")
        let policy = try sandbox.run("workflow", "start", "-", input: "jobs: {a: {run: [x], if_failed: hold}}")
        #expect(policy.status == 2 && policy.err.contains("\"if_failed\" says more about \"after\""), "\(policy.err)")
    }

    @Test func `a job that holds on to what has failed is named, with the way out`() throws {
        let sandbox = try Sandbox()
        let file = "jobs:\n  a: {run: [\"false\"]}\n  b: {run: [\"true\"], after: [a, a], if_failed: hold}\n"
        let id = try sandbox.run("workflow", "start", "-", input: file).text
        _ = try sandbox.run("work", "--until-empty", "--idle-timeout", "1s")
        let held = try sandbox.run("jobs", "--state", "blocked", "-q").text
        #expect(try sandbox.run("workflow", "show", id).out.contains("errand promote --despite-dependencies \(held)"))
        #expect(try sandbox.run("show", held).out.contains("errand promote --despite-dependencies \(held)"))
        #expect(try sandbox.run("promote", held).out.contains("--despite-dependencies lets it go on"))
        #expect(try sandbox.run("promote", held, "--despite-dependencies").status == 0)
        _ = try sandbox.run("work", "--until-empty", "--idle-timeout", "1s")
        #expect(try sandbox.run("workflow", "wait", id).text == "\(id)\tfailed\t1 of 2 completed, 1 dead")
    }

    @Test func `a batch is added to an open workflow, and what follows runs after the last of it`() throws {
        let sandbox = try Sandbox()
        let id = try sandbox.run("workflow", "start", "--open", "--name", "import").text
        let after = try sandbox.run("enqueue", "--after", id, "--", "echo", "all in").text
        let lines = (0..<1500).map { "{\"kind\": \"command\", \"payload\": {\"argv\": [\"true\"], \"x\": \($0)}}\n" }.joined()
        #expect(try sandbox.run("enqueue", "--batch", "-", "--workflow", id, input: lines.replacing(", \"x\": 0", with: "")).status != 4)
        #expect(try sandbox.run("workflow", "close", id).status == 0)
        _ = try sandbox.run("workflow", "cancel", id)
        #expect(try sandbox.run("show", after, "--json").objects().first?["state"] as? String == "cancelled")
        #expect(try sandbox.run("workflow", "wait", id).status == 1)
        #expect(try sandbox.run("workflow", "-q").lines == [id])
    }

    @Test func `a workflow that was exported while it ran goes on in another store`() throws {
        let sandbox = try Sandbox()
        let file = """
            name: moved
            jobs:
              a: { run: [echo, a] }
              b: { run: [test, -e, \(sandbox.directory)/ready], after: a }
              c: { run: [echo, "after $ERRAND_AFTER"], after: b }
              d: { run: [echo, d], after: [b, c], if_failed: hold }
            on_success: { run: [echo, all] }
            """
        let id = try sandbox.run("workflow", "start", "-", input: file).text
        _ = try sandbox.run("work", "--until-empty", "--idle-timeout", "1s")
        // One has completed, one is dead, one was cancelled for it, one holds on; what follows waits.
        let before = try sandbox.run("jobs", "--json").objects().map { "\($0["name"] ?? "") \($0["state"] ?? "")" }
        let text = try sandbox.run("export").out
        let other = ["ERRAND_STORE": sandbox.directory + "/other"]
        for _ in 0..<2 {
            let read = try sandbox.run("import", "-", input: text, environment: other)
            #expect(read.status == 0, "\(read.err)")
        }
        #expect(
            try sandbox.run("jobs", "--json", environment: other).objects().map { "\($0["name"] ?? "") \($0["state"] ?? "")" } == before)
        let status = try sandbox.run("workflow", "show", id, "--json", environment: other).objects()
        #expect(status.first?["state"] as? String == "running" && status.first?["live"] as? Int == 1, "\(status)")
        #expect(FileManager.default.createFile(atPath: "\(sandbox.directory)/ready", contents: nil))
        #expect(try sandbox.run("workflow", "retry", id, environment: other).text == "\(id)\t2 retried")
        _ = try sandbox.run("work", "--until-empty", "--idle-timeout", "1s", environment: other)
        #expect(try sandbox.run("workflow", "wait", id, environment: other).text == "\(id)\tcompleted\t4 of 4 completed")
        #expect(try sandbox.run("jobs", "--state", "completed", "-q", environment: other).lines.count == 5)
        // And so does one that was exported after its end.
        let again = ["ERRAND_STORE": sandbox.directory + "/again"]
        let ended = try sandbox.run("export", environment: other).out
        #expect(try sandbox.run("import", "-", input: ended, environment: again).status == 0)
        #expect(try sandbox.run("workflow", "show", id, "--json", environment: again).objects().first?["state"] as? String == "completed")
    }

    @Test func `a handler in a process of its own reads what its job has waited for`() throws {
        let sandbox = try Sandbox(program: Sandbox.isolated)
        let file = """
            jobs:
              first: { kind: raw, payload: { pages: 3 } }
              second: { kind: do, payload: { deeds: [take first, take lost] }, max_attempts: 1, after: first }
            """
        let id = try sandbox.run("workflow", "start", "-", input: file).text
        _ = try sandbox.run("work", "--until-empty", "--idle-timeout", "1s")
        let second = try #require(try sandbox.run("jobs", "--workflow", id, "-q").lines.first)
        let logs = try sandbox.run("logs", second).out
        #expect(logs.contains("took {\"pages\":3}"), "\(logs)")
        #expect(try sandbox.run("show", second).out.contains("the job has not waited for \"lost\": it has waited for first"))
    }
}
