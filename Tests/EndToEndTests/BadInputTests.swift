// The promise: bad input gives a clear sentence and the right exit code, and nothing is added.

import Foundation
import Testing

@Suite struct BadInputTests {
    @Test(arguments: [
        [#"{"a":1,}"#], [#"{"a":1,"a":2}"#], ["{"], ["nope"], [#""\u0000""#],
        [String(repeating: "[", count: 65) + String(repeating: "]", count: 65)],
        ["{}", "--queue", "No Spaces"], ["{}", "--priority", "101"], ["{}", "--in", "-5s"], ["{}", "--in", "99999999999999d"],
        ["{}", "--at", "yesterdayish"], ["{}", "--timeout", "0s"], ["{}", "--max-attempts", "0"], ["{}", "--meta", "novalue"],
        ["{}", "--nonsense"],
    ])
    func `is refused with exit 2 and one sentence`(arguments: [String]) throws {
        let sandbox = try Sandbox()
        let refused = try sandbox.run(["enqueue", "mail"] + arguments)
        #expect(refused.status == 2, "\(arguments): \(refused.err)")
        #expect(refused.out.isEmpty)
        #expect(!refused.err.isEmpty)
        if FileManager.default.fileExists(atPath: sandbox.store) { #expect(try sandbox.run("jobs", "--json").out.isEmpty) }
    }

    @Test(arguments: [#"mail "$(printf '"\377"')""#, #"-- echo "$(printf 'a\377b')""#, #"--label "$(printf '\377')" mail {}"#])
    func `an argument that is not UTF-8 is refused, never repaired`(arguments: String) throws {
        let sandbox = try Sandbox()
        let shell = try Sandbox.Running(
            executable: "/bin/sh", arguments: ["-c", "exec \(Sandbox.errand) enqueue \(arguments)"], input: nil,
            environment: ["ERRAND_STORE": sandbox.store])
        let refused = shell.waitForEnd()
        #expect(refused.status == 2)
        #expect(refused.out.isEmpty)
        #expect(refused.err.contains("UTF-8"))
    }

    @Test func `a payload of 1 MiB is taken, one byte more is not`() throws {
        let sandbox = try Sandbox()
        let most = "\"" + String(repeating: "x", count: (1 << 20) - 2) + "\""
        #expect(try sandbox.run("enqueue", "mail", "-", input: most).status == 0)
        let refused = try sandbox.run("enqueue", "mail", "-", input: most.replacingOccurrences(of: "\"x", with: "\"xx"))
        #expect(refused.status == 2)
        #expect(refused.err.contains("1048576"))
    }

    @Test func `invalid UTF-8 on standard input is refused`() throws {
        let sandbox = try Sandbox()
        let file = sandbox.directory + "/bad.json"
        try Data([0x22, 0xFF, 0x22]).write(to: URL(fileURLWithPath: file))
        let refused = try sandbox.run("enqueue", "mail", "@" + file)
        #expect(refused.status == 2)
        #expect(refused.err.contains("UTF-8"))
    }

    @Test func `a directory that is not a store is left alone, exit 4`() throws {
        let sandbox = try Sandbox()
        try FileManager.default.createDirectory(atPath: sandbox.store, withIntermediateDirectories: true)
        try "precious".write(toFile: sandbox.store + "/notes.txt", atomically: true, encoding: .utf8)
        let refused = try sandbox.run("enqueue", "mail", "{}")
        #expect(refused.status == 4, "\(refused.err)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: sandbox.store) == ["notes.txt"])
    }

    @Test func `a missing job is exit 3`() throws {
        let sandbox = try Sandbox()
        try sandbox.run("enqueue", "mail", "{}")
        for verb in ["show", "logs", "wait", "cancel", "retry"] {
            let missing = try sandbox.run(verb, "0000000000zzz")
            #expect(missing.status == 3, "\(verb): \(missing.status) \(missing.err)")
            #expect(!missing.err.isEmpty)
        }
    }

    @Test func `a kind that no worker handles waits, and stats, show and doctor say so`() throws {
        let sandbox = try Sandbox()
        let id = try sandbox.run("enqueue", "orphan-kind", "{}").text
        #expect(try sandbox.run("work", "--until-empty").status == 0)
        #expect(try sandbox.run("jobs", "--json").objects().first?["state"] as? String == "available")
        for arguments in [["stats"], ["show", id], ["doctor"]] {
            let said = try sandbox.run(arguments)
            #expect((said.out + said.err).contains("orphan-kind"), "\(arguments): \(said.out)\(said.err)")
            #expect(
                (said.out + said.err).lowercased().contains("no worker") || (said.out + said.err).lowercased().contains("no live worker"))
        }
    }

    @Test func `a configured command that is not on PATH keeps work from starting, exit 2`() throws {
        let sandbox = try Sandbox()
        let configuration = sandbox.directory + "/errand.yaml"
        try "handlers:\n  greet: { run: [no-such-program-here] }\n".write(toFile: configuration, atomically: true, encoding: .utf8)
        let refused = try sandbox.run("work", "--until-empty", "--config", configuration)
        #expect(refused.status == 2)
        #expect(refused.err.contains("no-such-program-here"))
    }

    @Test func `invalid UTF-8, a missing newline and a very long line are kept as lines`() throws {
        let sandbox = try Sandbox()
        let id = try sandbox.run("enqueue", "--", "sh", "-c", #"printf '\377bad\n'; head -c 100000 /dev/zero | tr '\0' x; printf '\nlast'"#)
            .text
        try sandbox.run("work", "--until-empty")
        let records = try sandbox.run("logs", id, "--json").objects()
        let messages = records.compactMap { $0["message"] as? String }
        #expect(messages.first == "\u{FFFD}bad")
        #expect(messages.last == "last")
        #expect(messages.count == 3)
        #expect(messages.dropFirst().first?.utf8.count == 16 << 10)
        #expect(records.dropFirst().first?["flags"] as? [String] == ["truncated"])
    }

    @Test func `a stopped process that holds the write lock is named after a bounded wait, exit 4`() throws {
        let sandbox = try Sandbox()
        try sandbox.run("enqueue", "mail", "{}")
        // Takes byte 0 of the lock file as the store does (an OFD lock) and stops itself.
        let script = """
            import fcntl, os, signal, struct, sys
            f = os.open(sys.argv[1], os.O_RDWR)
            fcntl.fcntl(f, 37, struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 1, 0))
            print('held', flush=True)
            os.kill(os.getpid(), signal.SIGSTOP)
            """
        let holder = try Sandbox.Running(
            executable: "/usr/bin/env", arguments: ["python3", "-c", script, sandbox.store + "/lock"], input: nil, environment: [:])
        #expect(eventually { holder.outputSoFar.contains("held") })
        let refused = try sandbox.run("enqueue", "mail", "{}")
        #expect(refused.status == 4, "\(refused.err)")
        #expect(refused.err.contains("\(holder.pid)"), "\(refused.err)")
        #expect(try sandbox.run("jobs", "--json").lines.count == 1)
        holder.signal(SIGKILL)
        holder.signal(SIGCONT)
        _ = holder.waitForEnd()
        #expect(try sandbox.run("enqueue", "mail", "{}").status == 0)
    }

    @Test func `two workers on one store share the work`() throws {
        let sandbox = try Sandbox()
        for _ in 0..<40 { try sandbox.run("enqueue", "--", "sleep", "0.05") }
        let workers = try (0..<2).map { _ in try sandbox.start(["work", "-c", "2", "--until-empty"]) }
        for worker in workers { #expect(worker.waitForEnd().status == 0) }
        let jobs = try sandbox.run("jobs", "--json").objects()
        #expect(jobs.count == 40 && jobs.allSatisfy { $0["state"] as? String == "completed" })
        #expect(jobs.allSatisfy { $0["attempt"] as? Int == 1 })
    }
}
