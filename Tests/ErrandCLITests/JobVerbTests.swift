// jobs, show, wait, retry, cancel, stats, prune: through the command line, on a store in memory.

import Errand
import ErrandTesting
import Testing

@testable import ErrandCLI

@Suite struct JobVerbTests {
    // MARK: jobs and IDs

    @Test func `a list is selected by queue, kind, state, meta and time, and limited`() async throws {
        let world = World()
        let old = try await world.enqueue("mail")
        world.clock.advance(by: .seconds(600))
        let slow = try await world.enqueue("letter") { $0.queue = "slow" }
        let later = try await world.enqueue("mail") { job in
            job.runAt = world.clock.now() + .seconds(60)
            job.meta = ["user": "ada"]
        }
        func ids(_ flags: String...) async -> [String] { await world.run(["jobs", "-q"] + flags).lines }
        #expect(await ids() == ["\(later)", "\(slow)", "\(old)"])
        #expect(await ids("--queue", "slow") == ["\(slow)"])
        #expect(await ids("--kind", "mail") == ["\(later)", "\(old)"])
        #expect(await ids("--state", "scheduled", "--state", "dead") == ["\(later)"])
        #expect(await ids("--meta", "user=ada") == ["\(later)"])
        #expect(await ids("--since", "5m") == ["\(later)", "\(slow)"])
        #expect(await ids("--until", "5m") == ["\(old)"])
        #expect(await ids("--limit", "1") == ["\(later)"])
        #expect(await ids("--cursor", "\(later)") == ["\(slow)", "\(old)"])
        #expect(await ids("\(old)") == ["\(old)"])
        #expect(await ids("--failed").isEmpty)
    }

    @Test func `a list is selected by tags and by values of the payload`() async throws {
        let world = World()
        let added = await world.run("enqueue", "mail", #"{"to":{"name":"Ada"}}"#, "--tag", "vip", "--tag", "batch:7")
        let ada = try #require(added.lines.first)
        let bob = try #require(await world.run("enqueue", "mail", #"{"to":{"name":"Bob"}}"#, "--tag", "vip").lines.first)
        func ids(_ flags: String...) async -> [String] { await world.run(["jobs", "-q"] + flags).lines }
        #expect(await ids("--tag", "vip") == [bob, ada])
        #expect(await ids("--tag", "vip", "--tag", "batch:7") == [ada])
        #expect(await ids("--tag", "vip", "--limit", "1") == [bob])
        #expect(await ids("--arg", "to.name=Ada") == [ada])
        #expect(await world.run("jobs", "--json", ada).out.contains(#""tags":["batch:7","vip"]"#))
        #expect(await world.run("show", ada).out.contains("tags      batch:7 vip\n"))
        #expect(await world.run("jobs", "--tag", "V").code == 2)
        #expect(await world.run("jobs", "--arg", "to..name=x").code == 2)
        #expect(await world.run("jobs", "--arg", "to").code == 2)
        #expect(await world.run("cancel", "--tag", "batch:7", "--yes").lines == ["\(ada)\tcancelled"])
    }

    @Test func `a walk over payloads says how far it looked and how to go on`() async throws {
        let world = World()
        var jobs: [JobID] = []
        for number in 0..<4 { jobs.append(try await world.enqueue("mail", "{\"n\":\(number % 2)}")) }
        let some = await world.run("jobs", "-q", "--arg", "n=1", "--scan", "1", "--limit", "1")
        #expect(some.lines == ["\(jobs[3])"])
        #expect(some.err.hasPrefix("looked at the newest 1 jobs only, down to \(jobs[3]): go on with `errand jobs … --cursor \(jobs[3])`"))
        #expect(await world.run("jobs", "-q", "--arg", "n=1", "--cursor", "\(jobs[3])").lines == ["\(jobs[1])"])
        #expect(await world.run("jobs", "-q", "--arg", "n=1", "--scan", "0").lines == ["\(jobs[3])", "\(jobs[1])"])
    }

    @Test func `a table on a terminal is cut at 50 jobs and says how to go on`() async throws {
        var world = World()
        world.columns = 100
        for _ in 0..<60 { _ = try await world.enqueue() }
        let table = await world.run("jobs")
        #expect(table.lines.count == 51)
        let last = try #require(table.lines.last?.prefix(13))
        #expect(table.err == "more: `errand jobs --cursor \(last)`, or all with `--limit 0`\n")
        #expect(await world.run("jobs", "--limit", "0").lines.count == 61)
        #expect(await world.run("jobs", "--json").lines.count == 60)
    }

    @Test func `a unique prefix and a suffix find a job, an ambiguous text lists what it may mean`() async throws {
        let world = World()
        let job = try await world.enqueue { $0.key = "order-7" }
        #expect(await world.run("show", "-q", "\(job)").out == "\(job)\n")
        #expect(await world.run("show", "-q", String("\(job)".suffix(6))).out == "\(job)\n")
        #expect(await world.run("show", "-q", "key:order-7").out == "\(job)\n")
        #expect(await world.run("show", "-q", "\(job).3").out == "\(job)\n")
        let other = try await world.enqueue()
        let common = String(zip("\(job)", "\(other)").prefix { $0 == $1 }.map(\.0))
        try #require(!common.isEmpty)
        let ambiguous = await world.run("show", common)
        #expect(ambiguous.code == 2 && ambiguous.err.contains("\(job)") && ambiguous.err.contains("\(other)"))
        let missing = await world.run("show", "zzzzzzzzz")
        #expect(missing.code == 3 && missing.out.isEmpty)
    }

    @Test func `IDs come from standard input, and none there means none, not all`() async throws {
        var world = World()
        let jobs = [try await world.enqueue(), try await world.enqueue(), try await world.enqueue()]
        world.input = Array("\(jobs[0])\n\(jobs[2])\n".utf8)
        #expect(await world.run("jobs", "-q", "-").lines == ["\(jobs[2])", "\(jobs[0])"])
        world.input = []
        for verb in ["jobs", "wait", "cancel", "retry"] {
            let ended = await world.run(verb, "-")
            #expect(ended.code == 0 && ended.out.isEmpty && ended.err.hasPrefix("standard input names no job"), "\(verb): \(ended)")
        }
        #expect(await world.run("jobs", "--kind", "letter") == World.Ended(code: 0, out: "", err: "no job matches\n"))
    }

    @Test func `show tells of a job that nobody handles`() async throws {
        let world = World()
        let job = try await world.enqueue("orphan-kind")
        _ = try await world.join()
        let shown = await world.run("show", "\(job)")
        #expect(shown.out.contains("no live worker of the queue \"default\" handles the kind \"orphan-kind\""))
        #expect(await world.run("stats").out.contains("1 of default/orphan-kind wait"))
    }

    // MARK: wait

    @Test func `waiting for several jobs gives 0 when all complete and 1 when one dies`() async throws {
        let world = World()
        let worker = try await world.join()
        let jobs = [try await world.enqueue(), try await world.enqueue()]
        let (out, err) = (World.Memory(), World.Memory())
        async let ended = world.run(["wait"] + jobs.map(\.description), out, err)
        for execution in try await world.claim(worker) {
            let dies = execution.job == jobs[1]
            try await world.end(execution, worker, dies ? .failed : .completed, next: dies ? .bury(reason: "max_attempts") : .complete)
        }
        let end = await ended
        #expect(end.code == 1)
        #expect(Set(end.lines) == ["\(jobs[0])\tcompleted", "\(jobs[1])\tdead"])
        #expect(end.err == "errand: the job \(jobs[1]) is dead; next: `errand show \(jobs[1])`\n")
        #expect(await world.run("wait", "\(jobs[0])").code == 0)
        #expect(await world.run("wait", "--any", "\(jobs[0])", "\(jobs[1])").code == 0)
    }

    @Test func `waiting gives up with 124 when the time is up`() async throws {
        let world = World()
        let job = try await world.enqueue()
        let (out, err) = (World.Memory(), World.Memory())
        async let ended = world.run(["wait", "\(job)", "--timeout", "2s"], out, err)
        for _ in 0..<4 {
            await world.until { world.clock.pendingTimers > 0 }
            world.clock.advance(by: .milliseconds(500))
        }
        #expect(await ended == World.Ended(code: 124, out: "", err: "errand: time is up after 2.0s\n"))
        #expect(await world.run("wait", "\(job)", "--timeout", "0").code == 124)
    }

    @Test func `waiting for a start ends when the job runs`() async throws {
        let world = World()
        let job = try await world.enqueue()
        _ = try await world.claim(try await world.join())
        #expect(
            await world.run("wait", "\(job)", "--for", "running", "--json").out == "{\"v\":1,\"id\":\"\(job)\",\"state\":\"running\"}\n")
    }

    // MARK: retry and cancel

    @Test func `retry makes dead jobs available and refuses others`() async throws {
        let world = World()
        let worker = try await world.join()
        let jobs = [try await world.enqueue(), try await world.enqueue()]
        for execution in try await world.claim(worker) {
            let dies = execution.job == jobs[0]
            try await world.end(execution, worker, dies ? .failed : .completed, next: dies ? .bury(reason: "max_attempts") : .complete)
        }
        let mixed = await world.run("retry", "\(jobs[0])", "\(jobs[1])")
        #expect(mixed.code == 6 && mixed.lines == ["\(jobs[0])\tretried", "\(jobs[1])\trefused (it is completed)"])
        #expect(mixed.err == "errand: 1 of 2 jobs could not be retried\n")
        #expect(await world.run("retry", "\(jobs[1])").code == 5)
        #expect(await world.run("retry", "0000000000zzz").code == 3)
    }

    @Test func `many jobs are changed only after a yes`() async throws {
        var world = World()
        let jobs = [try await world.enqueue(), try await world.enqueue()]
        let refused = await world.run("cancel", "--queue", "default")
        #expect(refused.code == 2 && refused.err == "errand: this would cancel 2 jobs: add --yes, or look first with --dry-run\n")
        #expect(await world.run("cancel", "--all", "--dry-run").lines == jobs.reversed().map(\.description))
        world.answer = "n"
        let declined = await world.run("cancel", "--all")
        #expect(declined.code == 1 && declined.err == "cancel 2 jobs? [y/N] errand: nothing was changed\n")
        world.answer = "y"
        #expect(await world.run("cancel", "--kind", "mail").lines == jobs.reversed().map { "\($0)\tcancelled" })
        #expect(await world.run("cancel", "--all", "--yes").err.hasSuffix(": nothing to cancel\n"))
    }

    @Test func `a dead job is retried with a value of its payload changed`() async throws {
        let world = World()
        let worker = try await world.join()
        let job = try await world.enqueue("mail", #"{"to":{"name":"Ada"},"n":1}"#)
        let execution = try #require(try await world.claim(worker).first)
        try await world.end(execution, worker, .failed, next: .bury(reason: "max_attempts"))
        #expect(await world.run("retry", "\(job)", "--set", "to.age=36", "--set", "to.name=Bob", "--set", "n=[2]").code == 0)
        let detail = try #require(try await world.model.store.inspection.job(job))
        #expect(String(decoding: detail.payload, as: UTF8.self) == #"{"to":{"name":"Bob","age":36},"n":[2]}"#)
        let missing = await world.run("edit", "\(job)", "--set", "to.pets.0=cat")
        #expect(missing.code == 2)
        #expect(missing.err == "errand: the payload of \(job) has no place /to/pets/0: `errand show \(job)` shows it\n")
    }

    @Test func `jobs that wait are edited and promoted, others refused`() async throws {
        let world = World()
        let job = try await world.enqueue { $0.runAt = world.clock.now() + .seconds(60) }
        let edited = await world.run(
            "edit", "\(job)", "--priority", "-3", "--to-queue", "slow", "--payload", "[7]", "--in", "2m", "--set", "0=8")
        #expect(edited == World.Ended(code: 0, out: "\(job)\tedited\n", err: ""))
        let detail = try #require(try await world.model.store.inspection.job(job))
        #expect(detail.summary.priority == -3 && detail.summary.queue == "slow" && detail.payload == Array("[8]".utf8))
        #expect(detail.summary.runAt == world.clock.now() + .seconds(120))
        #expect(await world.run("promote", "\(job)").out == "\(job)\tpromoted\n")
        #expect(
            await world.run("promote", "\(job)")
                == World.Ended(
                    code: 5, out: "\(job)\trefused (it is available)\n", err: "errand: no job could be promoted\n"))
        #expect(await world.run("edit", "\(job)").code == 2)
        #expect(await world.run("edit", "\(job)", "--priority", "101").code == 2)
        #expect(await world.run("edit", "\(job)", "--payload", "{").code == 2)
        _ = await world.run("cancel", "\(job)")
        #expect(await world.run("edit", "\(job)", "--priority", "1").out == "\(job)\trefused (it is cancelled)\n")
    }

    @Test func `delete takes what is over with its logs, and by force what is not`() async throws {
        let world = World()
        let worker = try await world.join()
        let (over, waiting) = (try await world.enqueue(), try await world.enqueue { $0.queue = "idle" })
        let execution = try #require(try await world.claim(worker).first)
        try await world.log(execution, "hello")
        try await world.end(execution, worker, .completed, next: .complete)
        #expect(await world.run("delete", "\(over)", "\(waiting)").lines == ["\(over)\tdeleted", "\(waiting)\trefused (it is available)"])
        #expect(try await world.model.store.logs.totalBytes() == 0)
        #expect(
            await world.run("delete", "--all", "--yes").err
                == "none of the jobs that match is completed, cancelled, dead: nothing to delete\n")
        #expect(await world.run("delete", "\(waiting)", "--force").out == "\(waiting)\tdeleted\n")
        #expect(await world.run("jobs").out.isEmpty)
    }

    @Test func `a running job is deleted by force once it has ended`() async throws {
        let world = World()
        let worker = try await world.join()
        let job = try await world.enqueue()
        let execution = try #require(try await world.claim(worker).first)
        let (out, err) = (World.Memory(), World.Memory())
        async let ended = world.run(["delete", "\(job)", "--force"], out, err)
        await world.until { world.clock.pendingTimers > 0 }
        #expect(try await world.model.store.jobs.exchange(ExchangeRequest(worker: worker)).cancellations.count == 1)
        try await world.end(execution, worker, .cancelled, next: .cancel(reason: "deleted"))
        #expect(await ended == World.Ended(code: 0, out: "\(job)\tdeleted\n", err: ""))
        #expect(try await world.model.store.inspection.job(job) == nil)
    }

    @Test func `cancelling a running job waits for its end`() async throws {
        let world = World()
        let worker = try await world.join()
        let job = try await world.enqueue()
        let execution = try #require(try await world.claim(worker).first)
        let (out, err) = (World.Memory(), World.Memory())
        async let ended = world.run(["cancel", "\(job)", "--reason", "no need"], out, err)
        await world.until { world.clock.pendingTimers > 0 }
        let reply = try await world.model.store.jobs.exchange(ExchangeRequest(worker: worker))
        #expect(reply.cancellations == [.init(execution: execution, reason: "no need")])
        try await world.end(execution, worker, .cancelled, next: .cancel(reason: "no need"))
        #expect(await ended == World.Ended(code: 0, out: "\(job)\tstopped\n", err: ""))
        #expect(await world.run("cancel", "\(job)").out == "\(job)\tcancelled (it was before)\n")
    }

    @Test func `a running job that does not end in time is reported as requested`() async throws {
        let world = World()
        let job = try await world.enqueue()
        let execution = try #require(try await world.claim(try await world.join()).first)
        let ended = await world.run("cancel", "\(job)", "--wait", "0")
        #expect(ended.code == 0 && ended.out == "\(job)\trequested (\(execution) still runs)\n")
        #expect(ended.err == "\(execution) has not ended yet; next: `errand wait \(job)`, `errand logs -f \(execution)`\n")
    }

    // MARK: prune

    @Test func `prune deletes what is old, and a dry run only counts it`() async throws {
        let world = World()
        let worker = try await world.join()
        for _ in 0..<3 { _ = try await world.enqueue() }
        for execution in try await world.claim(worker) {
            try await world.log(execution, "line")
            try await world.end(execution, worker, .completed, next: .complete)
        }
        let kept = try await world.enqueue()
        world.clock.advance(by: .seconds(3600))
        #expect(await world.run("prune", "--older-than", "2h").out == "deleted 0 jobs and 0 old log chunks (0 bytes)\n")
        let dry = await world.run("prune", "--older-than", "30m", "--dry-run")
        #expect(dry.out.hasPrefix("would delete 3 jobs and 3 old log chunks ("))
        #expect(await world.run("jobs", "-q").lines.count == 4)
        let wet = await world.run("prune", "--older-than", "30m")
        #expect(wet.out == dry.out.replacing("would delete", with: "deleted"))
        #expect(await world.run("jobs", "-q").lines == ["\(kept)"])
        #expect(await world.run("logs").out.isEmpty)
    }

    @Test func `prune can spare states, keep a number, and touch logs only`() async throws {
        let world = World()
        let worker = try await world.join()
        let jobs = [try await world.enqueue(), try await world.enqueue()]
        for execution in try await world.claim(worker) {
            try await world.log(execution, "line")
            let dies = execution.job == jobs[0]
            try await world.end(execution, worker, dies ? .failed : .completed, next: dies ? .bury(reason: "max_attempts") : .complete)
            world.clock.advance(by: .seconds(10))
        }
        #expect(
            await world.run("prune", "--older-than", "1s", "--logs-only", "--json").out.hasPrefix(
                #"{"v":1,"dry_run":false,"jobs":0,"results":0,"log_chunks":2,"#))
        #expect(await world.run("prune", "--older-than", "1s", "--state", "dead").out.hasPrefix("deleted 1 job and"))
        #expect(await world.run("jobs", "-q").lines == ["\(jobs[1])"])
        #expect(await world.run("prune", "--keep", "0").out.hasPrefix("deleted 1 job and"))
    }
}
