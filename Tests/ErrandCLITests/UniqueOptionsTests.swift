// `errand enqueue --unique` and `--expires`: what reaches the store, and what a caller is told.

import Errand
import ErrandTesting
import Testing

@testable import ErrandCLI

@Suite struct UniqueOptionsTests {
    @Test func `every option reaches the job`() async throws {
        let world = World()
        let ended = await world.run(
            "enqueue", "mail", #"{"a":{"b":7}}"#, "--unique-by", "a.b,c", "--unique-scope", "kind-and-queue", "--unique-for", "1h",
            "--on-conflict", "debounce=5s,max=1m", "--expires", "10m", "--deadline", "2h")
        #expect(ended.code == 0)
        let id = try #require(JobID(ended.lines[0]))
        let terms = try #require(try await world.model.store.inspection.job(id)).terms
        var wanted = Uniqueness(
            by: ["a.b", "c"], scope: .kindAndQueue, onConflict: .debounce(delay: .seconds(5), maximumWait: .seconds(60)),
            period: .seconds(3600))
        wanted.key = "a.b=7,c=null"
        #expect(terms.uniqueness == wanted)
        #expect(terms.expiresAt == world.clock.now() + .seconds(600))
        #expect(terms.deadline == world.clock.now() + .seconds(7200))
    }

    @Test func `a unique conflict prints the owner and exits 5, a replacement prints it and exits 0`() async throws {
        let world = World()
        let id = await world.run("enqueue", "mail", "--unique", "a").out
        let again = await world.run("enqueue", "mail", "--unique", "a")
        #expect(again.code == 5 && again.out == id && again.err.contains("unique key \"a\" belongs to job"))
        let replaced = await world.run("enqueue", "mail", "[1]", "--unique", "a", "--on-conflict", "replace", "--json")
        #expect(replaced.code == 0 && replaced.out.contains(#""existing":true,"result":"replaced""#))
        #expect(await world.run("enqueue", "letter", "--unique", "a").code == 0)
        #expect(await world.run("enqueue", "letter", "--unique", "a", "--unique-scope", "store").code == 0)
    }

    @Test func `show tells the key, the expiry, and what is overdue`() async throws {
        let world = World()
        let id = await world.run("enqueue", "mail", "--unique", "a", "--expires", "10s", "--deadline", "1h").lines[0]
        let shown = await world.run("show", id).out
        #expect(shown.contains("unique    a\n") && shown.contains("expires   ") && !shown.contains("overdue"))
        world.clock.advance(by: .seconds(11))
        #expect(await world.run("show", id).out.contains("overdue, cancelled as soon as a worker looks"))
        let json = await world.run("show", id, "--json").out
        #expect(json.contains(#""unique":{"key":"a","scope":"kind","until":"ended","on_conflict":"reject","period_ms":null}"#))
        #expect(json.contains(#""expires_at":""#) && json.contains(#""deadline":""#))
    }
}
