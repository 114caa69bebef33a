// `errand logs`: which lines, in which order, until when.

import Errand
import ErrandTesting
import Testing

@testable import ErrandCLI

@Suite struct LogsTests {
    @Test func `a missing job is exit 3, one that has not run says so with exit 0`() async throws {
        let world = World()
        let missing = await world.run("logs", "0000000000zzz")
        #expect(missing == World.Ended(code: 3, out: "", err: "errand: there is no job \"0000000000zzz\": `errand jobs` lists them\n"))
        let job = try await world.enqueue()
        let waiting = await world.run("logs", "\(job)")
        #expect(
            waiting
                == World.Ended(
                    code: 0, out: "", err: "the job \(job) is available and has not run yet: `errand logs -f \(job)` waits for it\n"))
    }

    @Test func `a job that ran and has no lines says that they were pruned, or never written`() async throws {
        let (world, execution) = try await ran()
        let ended = await world.run("logs", "\(execution.job)")
        #expect(
            ended.code == 0 && ended.out.isEmpty && ended.err == "\(execution.job) has no log lines: it wrote none, or they were pruned\n")
    }

    @Test func `one execution is printed plainly, dropped lines are visible`() async throws {
        let (world, execution) = try await ran()
        try await world.log(execution, from: 1, "one", "two")
        try await world.log(execution, from: 5, "five")
        try await world.log(execution, from: 7, "seven")
        let ended = await world.run("logs", "\(execution.job)")
        #expect(ended.lines == ["one", "two", "… 2 lines dropped …", "five", "… 1 line dropped …", "seven"])
        #expect(ended.err.isEmpty)
    }

    @Test func `several executions are prefixed, and one of them can be chosen`() async throws {
        let world = World()
        let worker = try await world.join()
        _ = try await world.enqueue()
        let first = try #require(try await world.claim(worker).first)
        try await world.log(first, "from one")
        try await world.end(first, worker, .failed, next: .giveBack, error: StoredError(type: "Oops", message: "no"))
        let second = try #require(try await world.claim(worker).first)
        try await world.log(second, "from two")
        let job = first.job
        #expect(await world.run("logs", "\(job)").lines == ["\(first) from one", "\(second) from two"])
        #expect(await world.run("logs", "\(job)", "--no-prefix").lines == ["from one", "from two"])
        #expect(await world.run("logs", "\(job)", "--execution", "last").lines == ["from two"])
        #expect(await world.run("logs", "\(job)", "--execution", "\(first.ordinal)").lines == ["from one"])
        #expect(await world.run("logs", "\(first)").lines == ["from one"])
        let none = await world.run("logs", "\(job).99")
        #expect(none.code == 3 && none.err == "errand: the job \(job) has no execution 99: it has \(first), \(second)\n")
    }

    @Test func `without an ID every line of every job carries its execution ID`() async throws {
        let (world, first) = try await ran()
        let (second, third) = (ExecutionID(first.job, 7), ExecutionID(JobID(rawValue: 5), 1))
        try await world.log(first, "a")
        try await world.log(third, "b")
        try await world.log(second, "c")
        #expect(await world.run("logs").lines == ["\(first) a", "\(third) b", "\(second) c"])
        #expect(await world.run("logs", "-n", "2").lines == ["\(third) b", "\(second) c"])
        let empty = await World().run("logs")
        #expect(empty.code == 0 && empty.out.isEmpty && empty.err == "no log lines: none were written, or they were pruned\n")
    }

    @Test func `filters choose by level, text, flag and time, and JSON is the record as it is stored`() async throws {
        let (world, execution) = try await ran()
        let start = world.clock.now()
        let logs = world.model.store.logs
        let late = World.chunk(
            execution, from: 3, ["late"], at: start + .seconds(60), level: "error", stream: "log", flags: "\"after_end\"")
        let chunks = [World.chunk(execution, ["Hello", "world"], at: start), late]
        _ = try await logs.append(chunks, dropping: [])
        world.clock.advance(by: .seconds(90))
        func lines(_ flags: String...) async -> [String] { await world.run(["logs", "\(execution)"] + flags).lines }
        #expect(await lines("--level", "warning") == ["[error] late {after_end}"])
        #expect(await lines("--grep", "world") == ["world"])
        #expect(await lines("--grep", "hello").isEmpty)
        #expect(await lines("--grep", "hello", "-i") == ["Hello"])
        #expect(await lines("--grep", "^[A-Z]", "-E") == ["Hello"])
        #expect(await lines("--late") == ["[error] late {after_end}"])
        #expect(await lines("--flag", "crossed").isEmpty)
        #expect(await lines("--since", "1m") == ["[error] late {after_end}"])
        #expect(await lines("--until", "1m") == ["Hello", "world"])
        #expect(await lines("-n", "1") == ["[error] late {after_end}"])
        #expect(await lines("--json", "--grep", "late") == [String(decoding: LogFraming.records(in: late)[0].jsonLine, as: UTF8.self)])
    }

    @Test func `following prints lines as they come, from a retried job's next execution too, and ends with the outcome`() async throws {
        let world = World()
        let worker = try await world.join()
        let job = try await world.enqueue()
        let (out, err) = (World.Memory(), World.Memory())
        async let ended = world.run(["logs", "-f", "\(job)"], out, err)
        let first = try #require(try await world.claim(worker).first)
        try await world.log(first, "first")
        await world.until { out.text.contains("first") }
        try await world.end(first, worker, .failed, next: .giveBack, error: StoredError(type: "Oops", message: "no"))
        let second = try #require(try await world.claim(worker).first)
        try await world.log(second, "second")
        await world.until { out.text.contains("second") }
        // A line that the first execution writes late is not missed.
        try await world.log(first, from: 2, "late")
        await world.until { out.text.contains("late") }
        try await world.log(second, from: 2, "last")
        try await world.end(second, worker, .completed, next: .complete)
        let end = await ended
        #expect(end.code == 0)
        #expect(end.out == "first\nsecond\nlate\nlast\n")
        #expect(end.err == "\(job) completed after 2 attempts\n")
    }

    @Test func `a change that nobody rang about is found by the look twice a second`() async throws {
        let (world, execution) = try await ran(ending: false)
        let silent = Store(
            jobs: world.model.store.jobs, inspection: world.model.store.inspection, control: world.model.store.control,
            queues: world.model.store.queues, periodic: world.model.store.periodic, steps: world.model.store.steps, workflows: world.model,
            logs: ModelLogStore(),
            doorbell: ModelDoorbell())
        let (out, err) = (World.Memory(), World.Memory())
        var session = world.session(out, err)
        session.openStore = { _ in OpenedStore(silent) }
        async let code = CommandLineTool.run(["logs", "-f", "\(execution)"], session: session)
        await world.until { world.clock.pendingTimers > 0 }
        _ = try await silent.logs.append([World.chunk(execution, ["unrung"], at: world.clock.now())], dropping: [])
        world.clock.advance(by: .milliseconds(500))
        await world.until { out.text == "unrung\n" }
        await world.until { world.clock.pendingTimers > 0 }
        let worker = try #require(try await world.model.store.inspection.stats().workers.first).id
        try await world.end(execution, worker, .completed, next: .complete)
        world.clock.advance(by: .milliseconds(500))
        #expect(await code == 0)
        #expect(err.text == "\(execution) completed\n")
    }

    /// A world with one job that has run, or runs.
    private func ran(ending: Bool = true) async throws -> (World, ExecutionID) {
        let world = World()
        let worker = try await world.join()
        _ = try await world.enqueue()
        let execution = try #require(try await world.claim(worker).first)
        if ending { try await world.end(execution, worker, .completed, next: .complete) }
        return (world, execution)
    }
}
