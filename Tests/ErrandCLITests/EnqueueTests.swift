// `errand enqueue`: what reaches the store, and what a caller is told.

import Errand
import ErrandTesting
import Testing

@testable import ErrandCLI

@Suite struct EnqueueTests {
    @Test func `it prints the ID alone, and the job has the defaults`() async throws {
        let world = World()
        let ended = await world.run("enqueue", "mail", #"{"to":1}"#)
        #expect(ended.code == 0 && ended.err.isEmpty)
        let job = try await job(ended, in: world)
        #expect(ended.out == "\(job.summary.id)\n")
        #expect(job.payload == Array(#"{"to":1}"#.utf8))
        #expect(job.summary.queue == "default" && job.summary.priority == 0 && job.summary.maxAttempts == 5 && job.timeout == nil)
    }

    @Test func `the payload comes from standard input, from a file, or is an empty object`() async throws {
        var world = World()
        world.input = Array(#"{"big":123456789012345678901234567890}"#.utf8)
        #expect(try await job(await world.run("enqueue", "mail", "-"), in: world).payload == world.input)
        #expect(try await job(await world.run("enqueue", "mail"), in: world).payload == Array("{}".utf8))
        let missing = await world.run("enqueue", "mail", "@/no/such/file")
        #expect(missing.code == 2 && missing.err == "errand: cannot read /no/such/file: No such file or directory\n")
    }

    @Test func `every setting reaches the job`() async throws {
        let world = World()
        let ended = await world.run(
            "enqueue", "mail", "{}", "--queue", "slow", "--priority", "-7", "--in", "1h30m", "--max-attempts", "3", "--timeout", "90s",
            "--key",
            "k1", "--meta", "traceId=a=b", "--meta", "user=", "--label", "Ada's mail")
        let job = try await job(ended, in: world)
        #expect(job.summary.queue == "slow" && job.summary.priority == -7 && job.summary.maxAttempts == 3)
        #expect(job.summary.runAt == world.clock.now() + .seconds(5400) && job.summary.state == .scheduled)
        #expect(job.timeout == .seconds(90) && job.summary.key == "k1" && job.summary.label == "Ada's mail")
        #expect(job.summary.meta == ["traceId": "a=b", "user": ""])
    }

    @Test func `a time in the past is at once`() async throws {
        let world = World()
        let job = try await job(await world.run("enqueue", "mail", "{}", "--at", "1999-01-01T00:00:00Z"), in: world)
        #expect(job.summary.state == .available)
        #expect(job.summary.runAt == world.clock.now())
    }

    @Test(arguments: [
        ["--in", "-5s"], ["--in", "99999999999999d"], ["--at", "yesterdayish"], ["--timeout", "0s"], ["--max-attempts", "0"],
        ["--priority", "101"], ["--meta", "novalue"], ["--queue", "No Spaces"], ["--in", "1s", "--at", "18:00"], ["--key", ""],
        ["--meta", "a=1", "--meta", "a=2"], ["--unique", ""], ["--unique", "a", "--unique-by", "b"], ["--unique-for", "1s"],
        ["--unique", "a", "--on-conflict", "merge"], ["--unique", "a", "--on-conflict", "debounce"],
        ["--unique", "a", "--on-conflict", "debounce=0s"], ["--unique", "a", "--on-conflict", "debounce=1s,min=2s"],
        ["--unique", "a", "--on-conflict", "debounce=1s", "--in", "1s"], ["--unique", "a", "--unique-for", "0s"],
        ["--unique", "a", "--on-conflict", "keep-last", "--unique-for", "1s"], ["--unique", "a", "--unique-scope", "tenant"],
        ["--unique", "a", "--unique-until", "started", "--unique-for", "1s"], ["--unique-by", "a..b"], ["--unique-by", "nobody"],
        ["--expires", "0s"], ["--expires", "1s", "--in", "1h"], ["--deadline", "1h", "--in", "1h"],
    ])
    func `an absurd setting is refused, and nothing is added`(setting: [String]) async {
        let world = World()
        let ended = await world.run(["enqueue", "mail", "{}"] + setting)
        #expect(ended.code == 2, "\(setting): \(ended)")
        #expect(!ended.err.isEmpty && ended.out.isEmpty)
        #expect(await world.run("jobs").out.isEmpty)
    }

    @Test func `a command keeps its arguments, directory and little of the environment, and has one attempt`() async throws {
        var world = World()
        world.environment["SECRET"] = "hunter2"
        world.environment["LANG"] = "C.UTF-8"
        let ended = await world.run("enqueue", "--env", "MODE=fast", "--", "ls", "-l", "--", "a b")
        let job = try await job(ended, in: world)
        #expect(job.summary.kind == "command" && job.summary.maxAttempts == 1 && job.summary.label == "ls -l -- a b")
        #expect(
            String(decoding: job.payload, as: UTF8.self)
                == #"{"argv":["ls","-l","--","a b"],"cwd":"/work","env":{"HOME":"/home/ada","LANG":"C.UTF-8","MODE":"fast","PATH":"/bin"}}"#
        )
    }

    @Test func `the execution that it was started from becomes its parent, and the trace goes on`() async throws {
        var world = World()
        let parent = try await world.enqueue()
        world.environment["ERRAND_EXECUTION_ID"] = "\(parent).1"
        world.environment["TRACEPARENT"] = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
        world.environment["BAGGAGE"] = "a=1"
        let job = try await job(await world.run("enqueue", "mail"), in: world)
        #expect(job.parent == ExecutionID(parent, 1) && job.root == ExecutionID(parent, 1))
        #expect(job.trace?.traceID == "0123456789abcdef0123456789abcdef" && job.trace?.baggage == "a=1")
    }

    @Test func `the same key gives the same job; another payload under it is a conflict that prints the existing ID`() async throws {
        let world = World()
        let first = await world.run("enqueue", "mail", "{}", "--key", "order-7", "--json")
        let again = await world.run("enqueue", "mail", "{}", "--key", "order-7", "--json")
        let other = await world.run("enqueue", "mail", "[]", "--key", "order-7")
        let id = try #require(await world.run("jobs", "-q").lines.first)
        #expect(first == World.Ended(code: 0, out: "{\"v\":1,\"id\":\"\(id)\",\"existing\":false,\"result\":\"added\"}\n", err: ""))
        #expect(again == World.Ended(code: 0, out: "{\"v\":1,\"id\":\"\(id)\",\"existing\":true,\"result\":\"existing\"}\n", err: ""))
        #expect(other.code == 5 && other.out == "\(id)\n")
        #expect(other.err.contains("errand show \(id)"))
    }

    @Test func `a person is told when nobody will run the job, a script is not`() async throws {
        var world = World()
        #expect(await world.run("enqueue", "mail").err.isEmpty)
        world.columns = 80
        #expect(await world.run("enqueue", "mail").err == "the job waits: no worker is alive: start one with `errand work`\n")
        _ = try await world.join()
        #expect(await world.run("enqueue", "mail").err.isEmpty)
        #expect(await world.run("enqueue", "letter").err.contains("handles the kind \"letter\""))
        #expect(await world.run("enqueue", "mail", "--queue", "slow").err.contains("serves the queue \"slow\""))
    }

    @Test(arguments: [(["--wait"], 1), (["--exit-code"], 9), (["--wait", "--exit-code"], 9)] as [([String], Int32)])
    func `waiting ends with the job and gives its outcome`(flags: [String], code: Int32) async throws {
        let world = World()
        let (out, err) = (World.Memory(), World.Memory())
        async let ended = world.run(["enqueue", "mail", "{}"] + flags, out, err)
        await world.until { !out.text.isEmpty }
        let worker = try await world.join()
        let execution = try #require(try await world.claim(worker).first)
        try await world.end(
            execution, worker, .failed, next: .bury(reason: "max_attempts"),
            error: StoredError(type: "CommandFailed", message: "exit status 9", code: 9))
        #expect(await ended.code == code)
        #expect(err.text.contains("dead after 1 attempt: CommandFailed: exit status 9"))
    }

    @Test func `following prints the log behind the ID`() async throws {
        let world = World()
        let (out, err) = (World.Memory(), World.Memory())
        async let ended = world.run(["enqueue", "mail", "{}", "--follow"], out, err)
        await world.until { !out.text.isEmpty }
        let worker = try await world.join()
        let execution = try #require(try await world.claim(worker).first)
        try await world.log(execution, "one", "two")
        try await world.end(execution, worker, .completed, next: .complete)
        let end = await ended
        #expect(end.code == 0)
        #expect(end.out == "\(execution.job)\none\ntwo\n")
        #expect(end.err == "\(execution.job) completed after 1 attempt\n")
    }

    private func job(_ ended: World.Ended, in world: World) async throws -> JobDetail {
        let id = try #require(JobID(ended.out.trimmingSuffix { $0 == "\n" }), "\(ended)")
        return try #require(try await world.model.store.inspection.job(id))
    }
}

extension String {
    fileprivate func trimmingSuffix(_ isSuffix: (Character) -> Bool) -> String {
        var text = self
        while let last = text.last, isSuffix(last) { text.removeLast() }
        return text
    }
}
