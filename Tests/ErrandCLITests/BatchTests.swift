// enqueue --batch: lines become jobs, bad lines are told by their number, and repeated lines with keys are the same jobs.

import Errand
import ErrandTesting
import Testing

@testable import ErrandCLI

@Suite struct BatchTests {
    private func world(_ lines: String...) -> World {
        var world = World()
        world.input = Array((lines.joined(separator: "\n") + "\n").utf8)
        return world
    }

    private func detail(_ id: String, in world: World) async throws -> JobDetail {
        let job = try #require(JobID(id))
        return try #require(try await world.model.store.inspection.job(job))
    }

    @Test func `every option of a single job may stand in a line, and flags hold where a line says nothing`() async throws {
        let world = world(
            #"{"kind":"mail","payload":{"to":"ada"},"queue":"slow","priority":-3,"in":"10m","max_attempts":2,"timeout":"30s","key":"k","meta":{"user":"ada"},"label":"hi","tags":["b","a"],"limit_key":"t","expires":"1h","deadline":"2h","trace_parent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}"#,
            "", #"{}"#)
        let ended = await world.run("enqueue", "letter", "--batch", "-", "--tag", "all", "--priority", "5")
        #expect(ended.code == 0 && ended.err.isEmpty && ended.lines.count == 2)
        let first = try await detail(ended.lines[0], in: world)
        #expect(first.summary.kind == "mail" && first.payload == Array(#"{"to":"ada"}"#.utf8) && first.summary.queue == "slow")
        #expect(first.summary.priority == -3 && first.summary.maxAttempts == 2 && first.timeout == .seconds(30) && first.summary.key == "k")
        #expect(first.summary.meta == ["user": "ada"] && first.summary.label == "hi" && first.summary.tags == ["a", "all", "b"])
        #expect(first.summary.runAt == world.clock.now() + .seconds(600) && first.terms.limitKey == "t")
        #expect(first.terms.expiresAt == world.clock.now() + .seconds(3600) && first.terms.deadline == world.clock.now() + .seconds(7200))
        #expect(first.trace?.traceID == "0af7651916cd43dd8448eb211c80319c")
        let second = try await detail(ended.lines[1], in: world)
        #expect(second.summary.kind == "letter" && second.payload == Array("{}".utf8) && second.summary.priority == 5)
        #expect(second.summary.tags == ["all"])
    }

    @Test func `a bad line is told with its number and what to write, and does not keep others from being added`() async throws {
        let world = world(
            #"{"kind":"mail"}"#, #"{"kind":"mail""#, #"{"kind":"mail","colour":"red"}"#, #"{"kind":"Mail"}"#, "[]", #"{"payload":1}"#,
            #"{"kind":"mail","in":"soon"}"#, #"{"kind":"mail","tags":"a"}"#, #"{"kind":"mail","key":"a"}"#,
            #"{"kind":"mail","key":"a","payload":2}"#)
        let ended = await world.run("enqueue", "--batch", "-")
        #expect(ended.code == 6 && ended.lines.count == 2)
        let told = ended.err.split(separator: "\n").map(String.init)
        let numbers = told.dropLast().compactMap { $0.split(separator: ":").first.map(String.init) }
        #expect(numbers.sorted() == ["line 10", "line 2", "line 3", "line 4", "line 5", "line 6", "line 7", "line 8"])
        #expect(told.contains { $0.hasPrefix("line 3: \"colour\" is not known: use kind, payload, queue") })
        #expect(told.contains { $0.hasPrefix("line 10: its key belongs to the job \(ended.lines[1])") })
        #expect(told.last == "errand: 8 of 10 lines could not be added")
    }

    @Test func `lines with keys may be added again and give the same jobs`() async throws {
        let world = world(#"{"kind":"mail","key":"a"}"#, #"{"kind":"mail","key":"b"}"#)
        let first = await world.run("enqueue", "--batch", "-")
        let again = await world.run("enqueue", "--batch", "-", "--json")
        #expect(again.code == 0)
        #expect(
            again.lines
                == zip(1..., first.lines).map { "{\"v\":1,\"line\":\($0),\"id\":\"\($1)\",\"existing\":true,\"result\":\"existing\"}" })
        #expect(await world.run("jobs", "-q").lines.count == 2)
    }

    @Test func `more lines than one commit takes are added in their order`() async throws {
        var world = World()
        world.input = Array((0..<2500).map { "{\"kind\":\"mail\",\"payload\":\($0)}\n" }.joined().utf8)
        let ended = await world.run("enqueue", "--batch", "-")
        #expect(ended.code == 0 && ended.lines.count == 2500)
        #expect(ended.lines == ended.lines.sorted())
        let last = try await detail(ended.lines[2499], in: world)
        #expect(last.payload == Array("2499".utf8))
    }

    @Test func `a line that is too long is passed over without being kept`() async throws {
        var world = World()
        let long = Array(repeating: UInt8(ascii: "x"), count: BatchIntake.lineLimit + 1)
        world.input = Array("{\"kind\":\"mail\"}\n".utf8) + long + Array("\n{\"kind\":\"mail\"}".utf8)
        let ended = await world.run("enqueue", "--batch", "-")
        #expect(ended.code == 6 && ended.lines.count == 2)
        #expect(ended.err.hasPrefix("line 2: it has more than \(BatchIntake.lineLimit) bytes"))
    }

    @Test func `a batch without lines, with wrong lines only, or with a payload of its own says so`() async {
        #expect(await world("").run("enqueue", "--batch", "-").err == "no line: nothing was added\n")
        #expect(await world("{").run("enqueue", "--batch", "-").code == 2)
        #expect(await world().run("enqueue", "mail", "{}", "--batch", "-").code == 2)
        #expect(await world().run("enqueue", "--key", "a", "--batch", "-").code == 2)
    }

    @Test func `lines end where they end, however the pieces are cut`() throws {
        for size in 1...9 {
            var rest = Array("ab\n\ncdefgh\nxyz".utf8)[...]
            var reader = LineReader(
                ByteSource {
                    defer { rest = rest.dropFirst(size) }
                    return rest.isEmpty ? nil : Array(rest.prefix(size))
                }, limit: 5)
            var lines: [LineReader.Line] = []
            while let line = try reader.next() { lines.append(line) }
            #expect(lines == [.bytes(Array("ab".utf8)), .bytes([]), .tooLong, .bytes(Array("xyz".utf8))], "pieces of \(size)")
        }
    }
}
