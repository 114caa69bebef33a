// The event stream on the command line.

import Errand
import ErrandTesting
import Testing

@testable import ErrandCLI

@Suite struct EventsTests {
    @Test func `events are printed with their cursors, and read on behind one`() async throws {
        let world = World()
        let job = try await world.enqueue()
        let worker = try await world.join()
        let execution = try #require(try await world.claim(worker).first)
        let lines = await world.run("events", "--utc").lines.map { $0.split(separator: "\t").map(String.init) }
        #expect(lines.map { $0[2] } == ["enqueued", "started"])
        #expect(lines.map { $0[3] } == ["\(job)", "\(execution)"])
        #expect(lines.map { Array($0[4...]) } == [["mail", "default"], ["mail", "default"]])
        try await world.end(execution, worker, .completed, next: .complete)
        let rest = await world.run("events", "--json", "--cursor", lines[1][0])
        #expect(
            rest.out
                == #"{"v":1,"cursor":"3","at":"\#(world.clock.now())","event":"completed","job_id":"\#(job)","execution_id":"\#(execution)","queue":"default","kind":"mail"}"#
                + "\n")
    }

    @Test func `events are chosen by job, queue, kind and what happened`() async throws {
        let world = World()
        let job = try await world.enqueue()
        _ = try await world.enqueue("other") { $0.queue = "slow" }
        _ = try await world.claim(try await world.join())
        func count(_ options: String...) async -> Int { await world.run(["events"] + options).lines.count }
        #expect(await count() == 3)
        #expect(await count("\(job)") == 2)
        #expect(await count("--queue", "slow") == 1)
        #expect(await count("--kind", "mail", "--kind", "other") == 3)
        #expect(await count("--event", "started") == 1)
        #expect(await world.run("events", "--event", "exploded").code == 2)
    }

    @Test func `a cursor of another store is refused with what to do`() async throws {
        let world = World()
        _ = try await world.enqueue()
        let refused = await world.run("events", "--cursor", "7")
        #expect(refused.code == 3)
        #expect(
            refused.err
                == "errand: cursor 7 is not of this store, which has recorded 1 events: look at the jobs themselves, and go on from there\n"
        )
        #expect(await world.run("events", "--cursor", "x").code == 2)
    }

    @Test func `following begins with what happens from now on`() async throws {
        let world = World()
        _ = try await world.enqueue("early")
        let (out, err) = (World.Memory(), World.Memory())
        let run = Task { await world.run(["events", "-f", "--json"], out, err) }
        await world.until { world.clock.pendingTimers > 0 }
        _ = try await world.enqueue("late")
        await world.until { out.text.contains("late") }
        #expect(!out.text.contains("early"))
        run.cancel()
        #expect(await run.value.code == 0)
    }
}
