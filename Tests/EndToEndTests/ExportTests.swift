// The promise: an export is the store, wherever it is taken; whatever is killed on the way is finished by the same command.

import Foundation
import Testing

@Suite(.timeLimit(.minutes(5))) struct ExportTests {
    /// A store with jobs in every state that the command line can make, and logs. The worker holds one of them until it is killed.
    private func filled() throws -> (Sandbox, Sandbox.Running) {
        let sandbox = try Sandbox()
        func command(_ script: String, _ options: String...) throws -> String {
            try sandbox.run(["enqueue"] + options + ["--", "sh", "-c", script]).text
        }
        _ = try command("echo one; echo two >&2; printf 'third\\tline\\n'", "--key", "k \"1\"", "--tag", "red")
        _ = try command("echo broken >&2; exit 3", "--max-attempts", "1")
        _ = try command("echo not yet; exit 75", "--max-attempts", "2")
        _ = try command("exit 4", "--max-attempts", "1", "--sequence", "row", "--halt")
        _ = try command("echo never", "--sequence", "row", "--halt")
        try """
        handlers:
          flaky:
            run: [sh, -c, 'echo $ERRAND_ATTEMPT; [ $ERRAND_ATTEMPT != 1 ]']
            backoff: { base: 9h, maximum: 9h }
        """.write(toFile: "\(sandbox.directory)/errand.yaml", atomically: true, encoding: .utf8)
        _ = try sandbox.run("enqueue", "flaky", "--max-attempts", "9", "--sequence", "other")
        _ = try command("true", "--sequence", "other")
        for _ in 0..<6 { #expect(try sandbox.run(["work", "--once"], environment: configured(sandbox)).status == 0) }
        let running = try command("echo begun; sleep 600", "--limit-key", "ada", "--priority", "-1")
        _ = try sandbox.run("queues", "set", "default", "--key-concurrency", "1")
        _ = try command("echo later", "--limit-key", "ada")
        _ = try command("true", "--in", "1h", "--label", "tomorrow, perhaps", "--meta", "a=b")
        _ = try sandbox.run("enqueue", "mail", "{ \"to\": [1,\n2.50] }", "--unique", "u", "--expires", "1h", "--timeout", "5s")
        _ = try sandbox.run("cancel", try command("true"), "--reason", "not needed")
        let worker = try sandbox.start(["work", "-c", "1"])
        #expect(try eventually { try sandbox.run("logs", running).out.contains("begun") })
        return (sandbox, worker)
    }

    /// With handlers without Swift.
    private func configured(_ sandbox: Sandbox) -> [String: String] { ["ERRAND_CONFIG": "\(sandbox.directory)/errand.yaml"] }

    /// The records of an export but its first line, which has its own time.
    private func records(of sandbox: Sandbox, store: String? = nil) throws -> [String] {
        let export = try sandbox.run(["export"], environment: store.map { ["ERRAND_STORE": $0] } ?? [:])
        #expect(export.status == 0, "\(export.err)")
        return Array(export.lines.dropFirst())
    }

    @Test func `a store that is exported and imported is the same store elsewhere, and its live jobs are worked off there`() throws {
        let (sandbox, worker) = try filled()
        let file = "\(sandbox.directory)/jobs.jsonl"
        let export = try sandbox.run("export", file)
        worker.signal(SIGKILL)
        #expect(worker.waitForEnd().status == 128 + 9)
        #expect(export.status == 0 && export.err.contains("1 job was running"), "\(export.err)")
        let before = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").dropFirst().map(String.init)
        let jobs = try before.map { try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
        let states = Set(jobs.compactMap { $0["state"] as? String })
        #expect(states == ["completed", "dead", "cancelled", "available", "scheduled", "retryable", "running", "waiting"])

        let there = ["ERRAND_STORE": "\(sandbox.directory)/there"]
        let imported = try sandbox.run("import", file, environment: there)
        #expect(imported.status == 0, "\(imported.err)")
        let after = try records(of: sandbox, store: "\(sandbox.directory)/there")
        // But for the job that ran, and the one that waited for it here, where no limit stands.
        #expect(after.count == before.count)
        for (line, wanted) in zip(after, before) where line != wanted {
            #expect(wanted.contains(#""state":"running""#) || wanted.contains(#""limit_key":"ada""#), "\(line)\n\(wanted)")
        }
        #expect(try sandbox.run("import", file, "--json", environment: there).out.contains(#""jobs":0,"#))
        #expect(try records(of: sandbox, store: "\(sandbox.directory)/there") == after)
        #expect(try sandbox.run("logs", environment: there).out == sandbox.run("logs").out)
        let doctor = try sandbox.run("doctor", environment: there)
        #expect(doctor.status == 0, "\(doctor.out)")

        // Everything that lives runs, each execution above all that came before.
        let running = try #require(jobs.first { $0["state"] as? String == "running" }?["id"] as? String)
        _ = try sandbox.run("cancel", running, environment: there)
        _ = try sandbox.run("promote", "--all", "--yes", environment: there)
        let worked = try sandbox.run(
            "work", "--until-empty", "--idle-timeout", "3s", environment: there.merging(configured(sandbox)) { $1 })
        #expect(worked.status == 0, "\(worked.err)")
        for job in jobs where job["record"] as? String == "job" {
            let id = try #require(job["id"] as? String)
            let shown = try #require(try sandbox.run("show", id, "--json", environment: there).objects().first)
            let ordinals = (shown["executions"] as? [[String: Any]] ?? []).compactMap { $0["ordinal"] as? Int }
            #expect(ordinals == Set(ordinals).sorted())
            let known = (job["executions"] as? [[String: Any]] ?? []).count
            if ordinals.count > known { #expect(ordinals[known] > job["ordinal"] as? Int ?? .max) }
            let live = ["available", "waiting", "scheduled", "retryable"].contains(job["state"] as? String)
            if live, job["kind"] as? String == "command", (job["terms"] as? [String: Any])?["sequence"] == nil {
                #expect(ordinals.count > known, "\(shown)")
            }
        }
        // The sequence that a death has halted is halted here too.
        let halted = try sandbox.run("jobs", "--state", "waiting", "--json", environment: there).objects()
        #expect(halted.count == 1)
    }

    /// A store with 3,000 jobs, of which some have run and have logs.
    private func large() throws -> Sandbox {
        let sandbox = try Sandbox()
        let commands = (0..<120).map { number in
            let script = "for n in 1 2 3 4 5; do echo line $n of \(number); done"
            return #"{"payload":{"argv":["sh","-c","\#(script)"],"env":{"PATH":"/usr/bin:/bin"}},"key":"c\#(number)"}"#
        }
        #expect(try sandbox.run(["enqueue", "command", "--batch", "-"], input: commands.joined(separator: "\n")).status == 0)
        #expect(try sandbox.run("work", "-c", "8", "--until-empty").status == 0)
        let text = String(repeating: "x", count: 700)
        let jobs = (0..<3000).map { #"{"payload":{"n":\#($0),"text":"\#(text)"},"key":"k\#($0)","tags":["t\#($0 % 7)"]}"# }
        #expect(try sandbox.run(["enqueue", "mail", "--batch", "-"], input: jobs.joined(separator: "\n")).status == 0)
        return sandbox
    }

    /// Starts a command until it was killed 20 times before its end, at random moments within the time that it takes, three times at least
    /// in the middle of its work.
    private func killing(
        _ arguments: [String], of sandbox: Sandbox, environment: () -> [String: String] = { [:] }, isMidway: () throws -> Bool,
        didEnd: () throws -> Void
    ) throws {
        var generator = SystemRandomNumberGenerator()
        var (kills, midway) = (0, 0)
        let began = Date()
        #expect(try sandbox.run(arguments, environment: environment()).status == 0)
        let longest = Date().timeIntervalSince(began)
        try didEnd()
        // Kills that meet nothing prove nothing.
        while kills < 20 || midway < 3 && kills < 400 {
            let running = try sandbox.start(arguments, environment: environment())
            usleep(UInt32.random(in: 0...UInt32(longest * 1_000_000), using: &generator))
            running.signal(SIGKILL)
            if running.waitForEnd().status == 0 {
                try didEnd()
            } else {
                kills += 1
                if try isMidway() { midway += 1 }
            }
        }
        #expect(midway >= 3)
        #expect(try sandbox.run(arguments, environment: environment()).status == 0)
        try didEnd()
    }

    @Test func `an export that is killed 20 times at random points is finished, with nothing twice and nothing missing`() throws {
        let sandbox = try large()
        let whole = try records(of: sandbox)
        #expect(whole.count == 3120 + 600 + 1)
        let file = "\(sandbox.directory)/jobs.jsonl"
        try killing(["export", file, "--resume"], of: sandbox) {
            let size = try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int
            return size.map { $0 > 0 } ?? false
        } didEnd: {
            let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").map(String.init)
            #expect(Array(lines.dropFirst()) == whole)
            try FileManager.default.removeItem(atPath: file)
        }
    }

    @Test func `an import that is killed 20 times at random points is finished, with nothing twice and nothing missing`() throws {
        let sandbox = try large()
        let whole = try records(of: sandbox)
        let file = "\(sandbox.directory)/jobs.jsonl"
        #expect(try sandbox.run("export", file).status == 0)
        var number = 0
        func there() -> [String: String] { ["ERRAND_STORE": "\(sandbox.directory)/there-\(number)"] }
        try killing(["import", file], of: sandbox, environment: there) {
            let jobs = try sandbox.run("jobs", "-q", environment: there()).lines.count
            return jobs > 0 && jobs < 3120
        } didEnd: {
            let records = try records(of: sandbox, store: there()["ERRAND_STORE"])
            let doctor = try sandbox.run("doctor", environment: there())
            #expect(records == whole && doctor.status == 0)
            number += 1
        }
    }

    @Test func `CSV is read by others as it was meant`() throws {
        let (sandbox, worker) = try filled()
        defer { worker.signal(SIGKILL) }
        let script =
            "import csv,json,sys;print(json.dumps(list(csv.DictReader(open(sys.argv[1],newline='',encoding='utf-8'),strict=True))))"
        func table(_ part: String) throws -> [[String: String]] {
            let file = "\(sandbox.directory)/\(part).csv"
            let export = try sandbox.run("export", file, "--format", "csv", "--what", part)
            #expect(export.status == 0, "\(export.err)")
            let python = try Sandbox.Running(executable: "python3", arguments: ["-c", script, file], input: nil, environment: [:])
                .waitForEnd()
            #expect(python.status == 0, "\(python.err)")
            return try #require(try JSONSerialization.jsonObject(with: Data(python.out.utf8)) as? [[String: String]])
        }
        let records = try sandbox.run("export").objects()
        let jobs = records.filter { $0["record"] as? String == "job" }
        let rows = try table("jobs")
        #expect(rows.map { $0["id"] } == jobs.map { $0["id"] as? String })
        for (row, job) in zip(rows, jobs) {
            #expect(row["state"] == job["state"] as? String && row["label"] ?? "" == job["label"] as? String ?? "")
            #expect(row["key"] ?? "" == job["key"] as? String ?? "")
            let payload = try JSONSerialization.jsonObject(with: Data((row["payload"] ?? "").utf8)) as? NSDictionary
            let wanted = try (job["payload_text"] as? String).map { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? NSDictionary }
            #expect(payload == wanted ?? job["payload"] as? NSDictionary)
        }
        let executions = jobs.flatMap { $0["executions"] as? [[String: Any]] ?? [] }
        #expect(try table("executions").map { $0["execution_id"] } == executions.map { $0["execution_id"] as? String })
        let lines = records.filter { $0["record"] as? String == "log" }
        let messages = try table("logs").map { $0["message"] }
        #expect(messages == lines.map { $0["message"] as? String } && messages.contains("third\tline"))
        #expect(try sandbox.run("import", "\(sandbox.directory)/jobs.csv").status == 2)
    }

    @Test func `no file of the store is taken for an export, by whatever name`() throws {
        let sandbox = try Sandbox()
        #expect(try sandbox.run("enqueue", "mail").status == 0)
        let link = "\(sandbox.directory)/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "\(sandbox.store)/queue.db")
        for arguments in [
            ["export", "\(sandbox.store)/jobs.jsonl"], ["export", "--resume", "\(sandbox.store)/queue.db"], ["export", "--resume", link],
            ["import", "\(sandbox.store)/queue.db"], ["import", link], ["export", "--resume", "\(sandbox.store)/../store/logs.db"],
        ] {
            let ended = try sandbox.run(arguments)
            #expect(ended.status == 2 && ended.err.contains("lies in the store"), "\(arguments): \(ended.err)")
        }
        #expect(try sandbox.run("jobs", "-q").lines.count == 1)
    }
}
