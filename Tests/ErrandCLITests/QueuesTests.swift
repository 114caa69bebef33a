// queues: list, pause, resume, set, through the command line, on a store in memory.

import Errand
import ErrandTesting
import Testing

@testable import ErrandCLI

@Suite struct QueuesTests {
    @Test func `a pause, its list and its end, for a queue and a kind`() async throws {
        let world = World()
        _ = try await world.enqueue("mail")
        #expect(await world.run("queues", "pause", "default", "--kind", "letter").code == 0)
        #expect(
            await world.run("queues").lines == [
                "queue\tdefault\tpaused\t0\tnone\tnone\tnone\tusual", "kind\tletter\tpaused\t0\tnone\tnone\tnone\tusual",
                "kind\tmail\topen\t0\tnone\tnone\tnone\tusual",
            ])
        let worker = try await world.join()
        #expect(try await world.claim(worker).isEmpty)
        #expect(await world.run("queues", "resume", "default").out == "queue\tdefault\topen\t0\tnone\tnone\tnone\tusual\n")
        #expect(try await world.claim(worker).count == 1)
    }

    @Test func `limits are set, shown as they are typed, and lifted`() async throws {
        let world = World()
        #expect(
            await world.run("queues", "set", "reports", "--concurrency", "2", "--rate", "10/s,20", "--json").out
                == "{\"v\":1,\"queue\":\"reports\",\"paused\":false,\"running\":0,\"concurrency\":2,\"rate\":\"10/s,20\",\"key_concurrency\":null,\"key_rate\":null,\"fair\":false,\"weight\":1}\n"
        )
        #expect(
            await world.run("queues", "set", "reports", "--concurrency", "none", "--rate", "none", "--json").out
                == "{\"v\":1,\"queue\":\"reports\",\"paused\":false,\"running\":0,\"concurrency\":null,\"rate\":null,\"key_concurrency\":null,\"key_rate\":null,\"fair\":false,\"weight\":1}\n"
        )
        for rate in ["3/s", "7/m", "100/h", "1/d", "1000000/s,1000000", "1/7h"] {
            #expect(
                await world.run("queues", "set", "reports", "--rate", rate).out == "queue\treports\topen\t0\tnone\t\(rate)\tnone\tusual\n")
        }
    }

    @Test func `a table on a terminal has a heading, and says so when there are no queues`() async throws {
        var world = World()
        world.columns = 80
        #expect(await world.run("queues").out == "no queues: they exist by use, add a job with `errand enqueue`\n")
        _ = await world.run("queues", "set", "--kind", "mail", "--concurrency", "3")
        #expect(
            await world.run("queues", "list").lines == [
                "      NAME  STATE  RUNNING  CONCURRENCY  RATE  PER KEY  ORDER",
                "kind  mail  open   0        3            none  none     usual",
            ])
    }

    @Test func `limit keys are limited for their queue, and one by one`() async throws {
        let world = World()
        #expect(
            await world.run("queues", "set", "default", "--key-concurrency", "1", "--key-rate", "600/m,9", "--fair").out
                == "queue\tdefault\topen\t0\tnone\tnone\t1 10/s,9\tfair\n")
        for key in ["ada", "ada", "ada", "bob"] { #expect(await world.run("enqueue", "mail", "{}", "--limit-key", key).code == 0) }
        #expect(await world.run("jobs", "--state", "waiting", "-q").lines.count == 2)
        #expect(
            await world.run("queues", "set", "default", "--limit-key", "ada", "--concurrency", "2", "--weight", "3").out
                == "limit key\tdefault/ada\topen\t0\t2\tnone\tnone\tweight 3\n")
        #expect(await world.run("jobs", "--state", "waiting", "-q").lines.count == 1)
    }

    @Test func `a halted sequence is listed, and goes on without the job that died`() async throws {
        let world = World()
        let first = await world.run("enqueue", "mail", "{}", "--sequence", "ada", "--halt", "--max-attempts", "1").lines[0]
        let second = await world.run("enqueue", "mail", "{}", "--sequence", "ada").lines[0]
        let worker = try await world.join()
        let claimed = try await world.claim(worker)
        #expect(claimed.map(\.job.description) == [first])
        let report = ExecutionReport(
            execution: claimed[0], outcome: .failed, next: .bury(reason: "max_attempts"), finishedAt: world.model.clock.now())
        _ = try await world.model.store.jobs.exchange(ExchangeRequest(worker: worker, reports: [report]))
        #expect(await world.run("queues").lines.contains("sequence\tdefault/ada\thalted\t0\tnone\tnone\tnone\tusual"))
        #expect(await world.run("show", second).out.contains("waiting"))
        #expect(await world.run("queues", "resume", "default", "--sequence", "ada").code == 0)
        #expect(try await world.claim(worker).map(\.job.description) == [second])
    }

    @Test(arguments: [
        (["set", "--kind", "mail", "--fair"], "are a queue's"),
        (["set", "a", "--limit-key", "ada", "--key-rate", "1/s"], "the rest is its queue's"),
        (["set", "a", "--weight", "0"], "outside of 1 … 1000"), (["set", "a", "--key-concurrency", "0"], "outside of 1 … 1000000"),
        (["set", "--kind", "mail", "--limit-key", "ada", "--rate", "1/s"], "no --kind"),
        (["resume", "--kind", "m", "--sequence", "x"], "no --kind"),
        (["pause"], "name at least one queue"), (["set", "a"], "say what to set"), (["pause", "No Queue"], "is not a queue name"),
        (["set", "a", "--concurrency", "0"], "to start nothing, pause it"),
        (["set", "a", "--concurrency", "x"], "that is no whole number"),
        (["set", "a", "--rate", "10"], "that is no rate"), (["set", "a", "--rate", "0/s"], "that is no rate"),
        (["set", "a", "--rate", "5/x"], "that is no rate"), (["set", "a", "--rate", "5/s,0"], "burst 0"),
        (["set", "a", "--rate", "1000000/1ms"], "is outside of one start in ten years"),
    ])
    func `a setting that makes no sense is refused, and nothing is set`(_ arguments: [String], _ text: String) async throws {
        let world = World()
        let refused = await world.run(["queues"] + arguments)
        #expect(refused.code == 2)
        #expect(refused.err.contains(text), "\(refused.err)")
        #expect(try await world.model.store.queues.settings().isEmpty)
    }

    @Test func `what holds a job back is said where it is looked at, with what lets it go`() async throws {
        var world = World()
        let worker = try await world.join(kinds: ["mail"])
        let id = try await world.enqueue("mail") { $0.terms.sequence = JobSequence("row") }
        #expect(!(await world.run("show", id.description).out.contains("waits:")))
        _ = await world.run("queues", "pause", "default", "--kind", "mail")
        let paused = await world.run("show", id.description).out
        #expect(paused.contains("waits: the queue \"default\" is paused: `errand queues resume default`"), "\(paused)")
        #expect(paused.contains("waits: the kind \"mail\" is paused: `errand queues resume --kind mail`"))
        world.columns = 100
        #expect(await world.run("enqueue", "mail").err.contains("the job waits: the queue \"default\" is paused"))
        #expect(await world.run("stats").out.contains("queue default is paused"))
        _ = await world.run("queues", "resume", "default", "--kind", "mail")
        _ = try await world.model.store.control.direct([worker], .quiet)
        #expect(await world.run("show", id.description).out.contains("are quiet: `errand workers resume --all`"))
        _ = try await world.model.store.control.direct([worker], .stop)
        let refused = await world.run("workers", "resume", "--all")
        #expect(refused.code == 5 && refused.err.contains("is stopping, which cannot be taken back"))
    }

    @Test func `a halted sequence is said at the job that waits for it`() async throws {
        let world = World()
        let worker = try await world.join(kinds: ["mail"])
        _ = try await world.enqueue("mail") { $0.terms.sequence = JobSequence("row", haltsOnDeath: true) }
        let next = try await world.enqueue("mail") { $0.terms.sequence = JobSequence("row") }
        let claimed = try await world.claim(worker)
        try await world.end(
            claimed[0], worker, .failed, next: .bury(reason: "max_attempts"), error: StoredError(type: "Oops", message: "no"))
        let shown = await world.run("show", next.description).out
        #expect(shown.contains("waits: a death has halted the sequence row"), "\(shown)")
        #expect(shown.contains("`errand queues resume default --sequence row`"))
    }

    @Test func `a selection whose jobs are in another state is not called empty`() async throws {
        let world = World()
        _ = try await world.enqueue("ghost")
        let ended = await world.run("delete", "--kind", "ghost", "--yes")
        #expect(ended.err.contains("none of the jobs that match is completed, cancelled, dead: nothing to delete"), "\(ended)")
        #expect(await world.run("delete", "--kind", "nobody", "--yes").err.contains("no job matches"))
    }

    @Test func `a dry run of named jobs says which would be refused`() async throws {
        let world = World()
        let id = try await world.enqueue("mail")
        let dry = await world.run("retry", id.description, "--dry-run")
        #expect(dry.code == 0 && dry.lines.isEmpty)
        #expect(dry.err == "\(id) would be refused: it is available\nwould retry 0 jobs\n")
        let cancel = await world.run("cancel", id.description, "--dry-run")
        #expect(cancel.lines == [id.description] && cancel.err == "would cancel 1 job\n")
    }
}
