// The promise: a backup is made while work goes on, and a restored store finishes everything that was acknowledged before it.

import Foundation
import Testing

@Suite(.timeLimit(.minutes(3))) struct BackupTests {
    @Test func `after a backup under load and the loss of the store, the restored one finishes every job`() throws {
        let sandbox = try Sandbox()
        var before: [String] = []
        for number in 0..<40 { before.append(try sandbox.run("enqueue", "--", "echo", "job \(number)").text) }
        let long = try sandbox.run(
            "enqueue", "--", "sh", "-c", "echo from $ERRAND_EXECUTION_ID; [ $ERRAND_LEASE_TOKEN = 1 ] && sleep 60; true"
        ).text
        let worker = try sandbox.start(["work", "-c", "4"])
        #expect(try eventually { try sandbox.run("show", long, "--json").objects().first?["state"] as? String == "running" })
        #expect(try eventually { try sandbox.run("logs", long).out.contains("from") })

        let backup = sandbox.directory + "/backup"
        let copied = try sandbox.run("backup", backup, "--logs", "--json")
        #expect(copied.status == 0, "\(copied.err)")
        let report = try #require(try copied.objects().first)
        #expect(report["jobs"] as? Int == 41 && report["running"] as? Int == 1 && report["logs"] as? Bool == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: backup).sorted() == ["logs.db", "queue.db"])
        let refused = try sandbox.run("backup", backup)
        #expect(refused.status == 5)
        #expect(refused.err.contains("exists: name a new directory, or replace an earlier backup with --force"))
        let late = try sandbox.run("enqueue", "--", "echo", "too late").text
        let forced = try sandbox.run("backup", backup, "--logs", "--force")
        #expect(forced.status == 0)
        #expect(forced.text.hasPrefix("\(backup): 42 jobs with their logs, "))

        // The store is lost, and the backup restored as its help says.
        worker.signal(SIGKILL)
        _ = worker.waitForEnd()
        try FileManager.default.moveItem(atPath: sandbox.store, toPath: sandbox.directory + "/lost")
        try FileManager.default.copyItem(atPath: backup, toPath: sandbox.store)
        #expect(try sandbox.run("work", "--until-empty").status == 0)
        for id in before + [late] { #expect(try sandbox.run("wait", id, "--timeout", "30s").status == 0) }
        let job = try #require(try sandbox.run("show", long, "--json").objects().first)
        let executions = try #require(job["executions"] as? [[String: Any]])
        #expect(executions.compactMap { $0["outcome"] as? String } == ["interrupted", "completed"])
        let ordinals = executions.compactMap { $0["ordinal"] as? Int }
        #expect(ordinals.count == 2 && ordinals[0] == 1 && ordinals[1] > 1_000_000)
        #expect(try sandbox.run("logs", "\(long).1").out.contains("from \(long).1"))
        #expect(try sandbox.run("doctor").status == 0)
    }

    @Test func `a damaged store stops its worker with the way out, and every verb that meets the damage`() throws {
        let sandbox = try Sandbox()
        let payload = "\"" + String(repeating: "x", count: 700_000) + "\""
        let file = sandbox.directory + "/payload.json"
        try Data(payload.utf8).write(to: URL(fileURLWithPath: file))
        var ids: [String] = []
        // So much that every command leaves the write-ahead log empty behind it.
        for _ in 0..<3 { ids.append(try sandbox.run("enqueue", "print", "@" + file).text) }
        let database = try #require(FileHandle(forUpdatingAtPath: sandbox.store + "/queue.db"))
        let size = try database.seekToEnd()
        #expect(size > 1_400_000)
        try database.seek(toOffset: 1_000_000 / 4096 * 4096)
        try database.write(contentsOf: Data(repeating: 0xA5, count: 40 * 4096))
        try database.close()

        let doctor = try sandbox.run("doctor")
        #expect(doctor.status == 1)
        #expect(doctor.lines.contains { $0.hasPrefix("failure  pages        queue.db is damaged: ") && $0.contains(".recover") })
        #expect(try sandbox.run("doctor", "--quick").lines.contains { $0.contains("queue.db: not read, as --quick asks") })

        try "handlers: { print: { run: [\"true\"] } }".write(
            toFile: sandbox.directory + "/errand.yaml", atomically: true, encoding: .utf8)
        let worker = try sandbox.run("work", "--config", sandbox.directory + "/errand.yaml", "--until-empty")
        #expect(worker.status == 4)
        #expect(worker.err.contains("the store is damaged: nothing more is claimed, and this worker leaves"))
        #expect(worker.err.contains("stop the workers and restore a backup (`errand backup` makes them)"))
        let shown = try ids.map { try sandbox.run("show", $0) }
        #expect(shown.contains { $0.status == 4 && $0.err.contains("restore a backup") })
        let backup = try sandbox.run("backup", sandbox.directory + "/copy")
        #expect(backup.status == 4)
        #expect(backup.err.contains("restore a backup"))
        #expect(!FileManager.default.fileExists(atPath: sandbox.directory + "/copy"))
    }

    @Test func `damaged logs stop no job, and moved away they are made anew`() throws {
        let sandbox = try Sandbox()
        let first = try sandbox.run("enqueue", "--", "echo", "first").text
        #expect(try sandbox.run("work", "--until-empty").status == 0)
        // Nobody has it open; the newest rows are in the write-ahead log, so that goes too.
        for suffix in ["-wal", "-shm"] { try FileManager.default.removeItem(atPath: sandbox.store + "/logs.db" + suffix) }
        try Data(repeating: 0xA5, count: 8192).write(to: URL(fileURLWithPath: sandbox.store + "/logs.db"))
        let second = try sandbox.run("enqueue", "--", "echo", "second").text
        let worker = try sandbox.run("work", "--until-empty")
        #expect(worker.status == 0)
        #expect(worker.err.contains("log lines are dropped until the store takes them again") && worker.err.contains("logs.db-shm away"))
        #expect(try sandbox.run("show", second, "--json").objects().first?["state"] as? String == "completed")
        let logs = try sandbox.run("logs", first)
        #expect(logs.status == 4)
        #expect(logs.err.contains("jobs are not affected"))
        for name in ["logs.db", "logs.db-wal", "logs.db-shm"] where FileManager.default.fileExists(atPath: "\(sandbox.store)/\(name)") {
            try FileManager.default.moveItem(atPath: "\(sandbox.store)/\(name)", toPath: "\(sandbox.directory)/\(name)")
        }
        let third = try sandbox.run("enqueue", "--", "echo", "third").text
        #expect(try sandbox.run("work", "--until-empty").status == 0)
        #expect(try sandbox.run("logs", third).out.contains("third"))
    }
}
