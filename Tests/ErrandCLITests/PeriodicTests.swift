// periodic: add, list, next, run, pause, resume, remove, through the command line, on a store in memory.

import Errand
import ErrandTesting
import Testing

@testable import ErrandCLI

@Suite struct PeriodicTests {
    @Test func `one is added, listed, changed and removed`() async throws {
        let world = World()
        let added = await world.run(
            "periodic", "add", "nightly", "--cron", "0 3 * * *", "--tz", "Europe/Berlin", "report", #"{"full":true}"#, "--overlap", "skip")
        #expect(added.code == 0)
        #expect(added.out.hasPrefix("nightly added: every day at 03:00 (Europe/Berlin), next "), "\(added)")
        #expect(
            await world.run("periodic").out
                == "nightly\tactive\treport\t2026-01-01T02:00:00.000000Z\t\t\t\tevery day at 03:00 (Europe/Berlin)\t\n")
        #expect(
            await world.run(
                "periodic", "add", "nightly", "--cron", "0 3 * * *", "--tz", "Europe/Berlin", "report", #"{"full":true}"#, "--overlap",
                "skip"
            ).out.hasPrefix("nightly unchanged"))
        #expect(await world.run("periodic", "add", "nightly", "--every", "1h", "report").out.hasPrefix("nightly changed: every hour"))
        #expect(await world.run("periodic", "remove", "nightly").out == "nightly removed\n")
        #expect(await world.run("periodic").out == "")
    }

    @Test func `a script reads all of it, without what is secret`() async throws {
        let world = World()
        _ = await world.run(
            "periodic", "add", "a", "--every", "90s", "--missed", "all", "--catch-up", "3", "--jitter", "5s", "--expires", "1m", "--tag",
            "t",
            "--priority", "-2", "k", #"{"n":1}"#)
        #expect(
            await world.run("periodic", "--json").out
                == #"{"v":1,"name":"a","every_ms":90000,"schedule":"every 1 minute 30 seconds","state":"active","next_at":"2026-01-01T00:01:30.000000Z","last":null,"overlap":"allow","missed":"all","catch_up":3,"jitter_ms":5000,"starts_at":null,"ends_at":null,"expires_ms":60000,"deadline_ms":null,"kind":"k","queue":"default","priority":-2,"max_attempts":5,"timeout_ms":null,"limit_key":null,"sequence":null,"meta":{},"tags":["t"],"label":null,"payload":{"n":1},"source":null}"#
                + "\n")
    }

    @Test func `next shows the slots of a line that is only looked at, in its zone`() async {
        let world = World()
        let shown = await world.run("periodic", "next", "--cron", "30 9 * * MON-FRI", "--tz", "America/New_York", "-n", "2")
        #expect(
            shown.lines == [
                "2026-01-01T14:30:00.000000Z\t2026-01-01 09:30:00 EST\tat 09:30 on Monday to Friday (America/New_York)",
                "2026-01-02T14:30:00.000000Z\t2026-01-02 09:30:00 EST\tat 09:30 on Monday to Friday (America/New_York)",
            ])
        var person = World()
        person.columns = 80
        #expect(
            await person.run("periodic", "next", "--every", "6h", "-n", "1").lines == [
                "every 6 hours from 00:00 (UTC)", "  2026-01-01 06:00:00 UTC  in 6h",
            ])
    }

    @Test func `one is run, paused, resumed`() async throws {
        var world = World()
        _ = await world.run("periodic", "add", "a", "--every", "1h", "--overlap", "skip", "k")
        let ran = await world.run("periodic", "run", "a")
        #expect(ran.code == 0)
        let again = await world.run("periodic", "run", "a")
        #expect(again.code == 5 && again.out == ran.out)
        #expect(again.err.contains("has not ended, and runs of a do not overlap: nothing was enqueued"))
        #expect(await world.run("periodic", "pause", "a", "b").code == 6)
        world.columns = 100
        let table = await world.run("periodic").lines
        #expect(table.first == "NAME  RUNS  NEXT    LAST                                       SCHEDULE")
        #expect(table.last?.hasPrefix("a     k     paused  now, skipped: ") == true, "\(table)")
        #expect(await world.run("periodic", "resume", "a").out.hasPrefix("a resumed: next "))
        #expect(await world.run("periodic", "remove", "a").code == 0)
        #expect(await world.run("periodic").out.hasPrefix("no periodic jobs: `errand periodic add`"))
    }

    @Test(
        arguments: [
            (["add", "a", "k"], 2, "Say when: --cron"), (["add", "a", "--every", "1h"], 2, "What shall run?"),
            (["add", "a", "--every", "1h", "--cron", "@daily", "k"], 2, "Give either --cron or --every"),
            (["add", "a", "--every", "1h", "--tz", "UTC", "k"], 2, "--tz says whose clock"),
            (["add", "a", "--every", "1h", "--overlap", "no", "k"], 2, "--overlap is allow, skip, queue or cancel"),
            (["add", "a", "--every", "1h", "--catch-up", "3", "k"], 2, "--catch-up goes with --missed all"),
            (["add", "a", "--cron", "61 * * * *", "k"], 2, "61"), (["add", "A", "--every", "1h", "k"], 2, "is not a periodic job name"),
            (["add", "a", "--every", "1h", "k", "{"], 2, "not valid JSON"), (["next", "none"], 3, "there is no periodic job \"none\""),
            (["add", "a", "--every", "1h", "--overlap", "skip", "--unique", "u", "k"], 2, "leave the job's own unique key out"),
            (["run", "none"], 3, "there is no periodic job"), (["pause", "none"], 3, "`errand periodic` lists them"),
            (["next", "--cron", "0 0 31 4 *"], 2, "never comes"), (["next", "a", "--every", "1h"], 2, "either names or a schedule"),
            (["next", "--every", "1h", "-n", "0"], 2, "--count is 1 to 1000"),
        ] as [([String], Int32, String)])
    func `what is wrong is said`(_ arguments: [String], _ code: Int32, _ text: String) async {
        let ended = await World().run(["periodic"] + arguments)
        #expect(ended.code == code, "\(ended)")
        #expect(ended.err.contains(text), "\(ended.err)")
    }
}
