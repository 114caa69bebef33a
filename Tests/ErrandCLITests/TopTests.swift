// `errand top`: keys, what they lead to, and what is seen.

import Errand
import ErrandContext
import ErrandTesting
import Synchronization
import Testing

@testable import ErrandCLI

@Suite struct TopTests {
    @Test(
        arguments: [
            ([0x1B], [Key.escape]), (Array("\u{1B}[A\u{1B}[B".utf8), [.up, .down]), (Array("\u{1B}OA\r\t".utf8), [.up, .enter, .tab]),
            (Array("\u{1B}[5~\u{1B}[6~\u{1B}[H\u{1B}[4~\u{1B}[Z".utf8), [.pageUp, .pageDown, .home, .end, .backTab]),
            ([0x03], [.quit]), (Array("q\u{1B}[1;5C".utf8), [.letter("q")]), (Array("\u{1B}[".utf8), []), ([0xC3, 0xA9, 0x01], []),
        ] as [([UInt8], [Key])])
    func `bytes are keys`(bytes: [UInt8], keys: [Key]) { #expect(Key.keys(in: bytes) == keys) }

    /// A store with two running jobs, one dead one and one in another queue.
    private func world() async throws -> (World, running: [JobID], dead: JobID) {
        let world = World()
        let worker = try await world.join()
        let dead = try await world.enqueue { $0.label = "the dead one" }
        let execution = try await world.claim(worker)[0]
        try await world.log(execution, "first line", "second line")
        try await world.end(
            execution, worker, .failed, next: .bury(reason: "max_attempts"), error: StoredError(type: "Oops", message: "number 7 broke"))
        world.clock.advance(by: .seconds(3))
        let running = [try await world.enqueue(), try await world.enqueue()]
        _ = try await world.claim(worker)
        world.clock.advance(by: .seconds(5))
        _ = try await world.enqueue("letter") { $0.queue = "other" }
        return (world, running, dead)
    }

    private func look(_ world: World, _ state: TopState) async throws -> TopLook {
        let (out, err) = (World.Memory(), World.Memory())
        var reader = TopReader(store: world.model.store, session: world.session(out, err), style: TextStyle())
        return try await reader.look(state)
    }

    @Test func `keys lead through the lists, into a log, and back`() async throws {
        let (world, running, dead) = try await world()
        var state = TopState()
        var look = try await look(world, state)
        #expect(Set(look.jobs.prefix(2).map(\.summary.id)) == Set(running))
        #expect(look.jobs.map(\.summary.state) == [.running, .running, .available, .dead])
        for _ in 0..<9 { state.press(.down, look, height: 10) }
        #expect(state.index(in: look) == 3)
        state.press(.up, look, height: 10)
        state.press(.letter("j"), look, height: 10)
        state.press(.enter, look, height: 10)
        #expect(state.log == dead)
        look = try await self.look(world, state)
        #expect(look.log.count == 2 && look.log[1].contains("second line") && look.opened?.summary.id == dead)
        state.press(.escape, look, height: 10)
        #expect(state.log == nil && !state.isDone)
        state.press(.tab, look, height: 10)
        look = try await self.look(world, state)
        #expect(look.queues.map(\.name) == ["default", "other"] && look.queues.map(\.waiting) == [0, 1])
        state.press(.end, look, height: 10)
        state.press(.enter, look, height: 10)
        #expect(state.list == .jobs && state.queue == "other")
        look = try await self.look(world, state)
        #expect(look.jobs.map(\.summary.kind) == ["letter"])
        state.press(.escape, look, height: 10)
        #expect(state.list == .queues && state.queue == nil)
        state.press(.tab, look, height: 10)
        look = try await self.look(world, state)
        state.press(.enter, look, height: 10)
        #expect(state.log == dead)
        state.press(.letter("q"), look, height: 10)
        #expect(state.isDone)
    }

    @Test func `a chosen row stays chosen while others come and go`() async throws {
        let (world, _, dead) = try await world()
        var state = TopState()
        let before = try await look(world, state)
        state.press(.end, before, height: 10)
        for _ in 0..<3 { _ = try await world.enqueue() }
        let after = try await look(world, state)
        #expect(after.jobs[state.index(in: after)].summary.id == dead)
    }

    @Test(arguments: [(80, 24), (40, 10), (20, 7), (200, 60)])
    func `a screen fits, whatever the jobs are called`(columns: Int, rows: Int) async throws {
        let (world, _, dead) = try await world()
        for _ in 0..<50 {
            _ = try await world.enqueue { $0.label = "a\u{1B}[2J wide 漢字 label that is much longer than any screen \u{202E}" }
        }
        let screen = TopScreen(style: TextStyle(), columns: columns, rows: rows, store: "/a/very/long/directory/of/a/store/that/goes/on")
        var state = TopState()
        for list in TopState.List.allCases {
            state.list = list
            let lines = screen.lines(state, try await look(world, state))
            #expect(lines.count == rows)
            #expect(lines.allSatisfy { TerminalText.width(of: $0) <= columns && !$0.contains("\u{1B}") && !$0.contains("\u{202E}") })
        }
        state.log = dead
        let lines = screen.lines(state, try await look(world, state))
        #expect(lines.count == rows && lines.allSatisfy { TerminalText.width(of: $0) <= columns })
    }

    @Test func `one look needs no terminal`() async throws {
        let (world, running, dead) = try await world()
        let jobs = await world.run("top", "--once")
        #expect(jobs.code == 0)
        #expect(jobs.lines.contains { $0.contains(running[0].description) && $0.contains("runs 5.0s") }, "\(jobs.out)")
        #expect(jobs.lines.contains { $0.contains("1 available · 2 running · 1 dead") }, "\(jobs.out)")
        let errors = await world.run("top", "--once", "--list", "errors")
        #expect(errors.lines.contains { $0.contains("Oops: number 7 broke") })
        let workers = await world.run("top", "--once", "--list", "workers")
        #expect(workers.lines.contains { $0.contains("2/10") && $0.contains("here pid 7") })
        let queues = await world.run("top", "--once", "--list", "queues")
        #expect(queues.lines.contains { $0.contains("other") })
        #expect(jobs.out.contains(dead.description))
    }

    @Test func `in a terminal it shows, obeys, and puts everything back`() async throws {
        let (world, _, dead) = try await world()
        let (out, err) = (World.Memory(), World.Memory())
        var session = world.session(out, err)
        let shown = Mutex<[[String]]>([])
        let press = Mutex<(@Sendable ([Key]) -> Void)?>(nil)
        let hasLeft = Mutex(false)
        // Each screen is answered by the next key.
        let keys = Mutex<[Key]>([.end, .enter, .down, .escape, .letter("q")])
        session.openTerminal = {
            TerminalSeat(
                size: { (100, 20) }, onKeys: { handle in press.withLock { $0 = handle } },
                show: { lines in
                    shown.withLock { $0.append(lines) }
                    let next = keys.withLock { $0.isEmpty ? nil : $0.removeFirst() }
                    if let next, let press = press.withLock({ $0 }) { press([next]) }
                }, leave: { hasLeft.withLock { $0 = true } })
        }
        #expect(await CommandLineTool.run(["top"], session: session) == 0)
        #expect(hasLeft.withLock { $0 } && keys.withLock { $0.isEmpty })
        let screens = shown.withLock { $0 }
        #expect(screens[0].contains { $0.contains("[jobs]") })
        #expect(screens.contains { $0.contains { $0.contains("second line") } && $0.contains { $0.contains(dead.description) } })
    }

    @Test(
        arguments: [
            ([0x1B], true), (Array("a\u{1B}[".utf8), true), (Array("\u{1B}[1;".utf8), true), (Array("\u{1B}[A".utf8), false),
            ([0x61], false),
        ] as [([UInt8], Bool)])
    func `a key in pieces is waited for`(bytes: [UInt8], isUnfinished: Bool) { #expect(Key.isUnfinished(bytes) == isUnfinished) }

    @Test func `a key is heard however slowly the terminal draws`() async throws {
        let (world, _, _) = try await world()
        let (out, err) = (World.Memory(), World.Memory())
        var session = world.session(out, err)
        let clock = world.clock
        let press = Mutex<(@Sendable ([Key]) -> Void)?>(nil)
        session.openTerminal = {
            TerminalSeat(
                size: { (100, 20) }, onKeys: { handle in press.withLock { $0 = handle } },
                show: { _ in
                    press.withLock { $0 }?([.letter("q")])
                    clock.advance(by: .seconds(5))
                }, leave: {})
        }
        #expect(await CommandLineTool.run(["top", "--interval", "1ms"], session: session) == 0)
    }

    @Test func `without a terminal it says what to type`() async {
        let ended = await World().run("top")
        #expect(ended.code == 2 && ended.err.contains("top needs a terminal: `errand top --once` prints one look"))
    }

    @Test func `quantiles are where the times are`() {
        var times = TimeHistogram(queue: "q", kind: "k", what: .run)
        #expect(times.quantile(0.5) == nil)
        for _ in 0..<90 { times.add(.milliseconds(3)) }
        for _ in 0..<10 { times.add(.seconds(2)) }
        #expect(times.quantile(0.5).map { $0 > .milliseconds(1) && $0 <= .milliseconds(5) } == true)
        #expect(times.quantile(0.95).map { $0 > .seconds(1) && $0 <= .seconds(5) } == true)
        times.add(.seconds(100_000))
        #expect(times.quantile(1) == .seconds(3600))
        #expect(times.adding(times).counts.reduce(0, +) == 202)
    }
}
