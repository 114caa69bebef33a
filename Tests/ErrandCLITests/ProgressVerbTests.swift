// How far jobs are and what they returned, on the command line.

import Errand
import ErrandTesting
import Testing

@testable import ErrandCLI

@Suite struct ProgressVerbTests {
    private func tell(_ world: World, _ worker: WorkerID, _ progress: JobProgress) async throws {
        var request = ExchangeRequest(worker: worker)
        request.progress = [progress]
        _ = try await world.model.store.jobs.exchange(request)
    }

    @Test func `show says how far a job is, for people and for scripts`() async throws {
        let world = World()
        let job = try await world.enqueue()
        let worker = try await world.join()
        let execution = try #require(try await world.claim(worker).first)
        #expect(await world.run("show", "\(job)", "--json").out.contains(#""progress":null"#))
        try await tell(world, worker, JobProgress(execution: execution, fraction: 0.4, message: "a\u{1B}b", at: world.clock.now()))
        let text = await world.run("show", "\(job)").out
        #expect(text.contains("progress  40% a"), "\(text)")
        #expect(!text.contains("\u{1B}"))
        let json = await world.run("show", "\(job)", "--json").out
        #expect(
            json.contains(#""progress":{"execution_id":"\#(execution)","fraction":0.4,"message":"a\u001bb","at":"\#(world.clock.now())"}"#),
            "\(json)")
    }

    @Test func `wait prints what jobs returned when it is asked to`() async throws {
        let world = World()
        let job = try await world.enqueue()
        let worker = try await world.join()
        let execution = try #require(try await world.claim(worker).first)
        try await world.end(execution, worker, .completed, next: .complete, result: "{\"a\":\n1}")
        #expect(await world.run("wait", "\(job)", "--result") == World.Ended(code: 0, out: "{\"a\": 1}\n", err: ""))
        #expect(await world.run("wait", "\(job)", "--result", "--json").out.hasSuffix("\"state\":\"completed\",\"result\":{\"a\": 1}}\n"))
        #expect(await world.run("wait", "\(job)", "--result", "--for", "running").code == 2)
    }

    @Test func `a job that died has no result, and waiting for it fails`() async throws {
        let world = World()
        let job = try await world.enqueue()
        let worker = try await world.join()
        let execution = try #require(try await world.claim(worker).first)
        try await world.end(execution, worker, .failed, next: .bury(reason: "unrecoverable"))
        let ended = await world.run("wait", "\(job)", "--result")
        #expect(ended.code == 1)
        #expect(ended.out == "")
        #expect(ended.err.contains("\(job) is dead"))
    }

    @Test func `wait shows a bar on a terminal, and takes it away`() async throws {
        var world = World()
        world.columns = 80
        let job = try await world.enqueue()
        let worker = try await world.join()
        let execution = try #require(try await world.claim(worker).first)
        let progress = JobProgress(execution: execution, fraction: 0.5, message: "half", at: world.clock.now())
        let (out, err) = (World.Memory(), World.Memory())
        let (shown, ended) = (world, job)
        async let run = shown.run(["wait", "\(ended)"], out, err)
        try await tell(world, worker, progress)
        await world.until { err.text.contains("50% half") }
        #expect(err.text.contains("\(job) [###############               ]  50% half"))
        try await world.end(execution, worker, .completed, next: .complete)
        #expect(await run.code == 0)
        #expect(err.text.hasSuffix("\r\u{1B}[K"))
        #expect(out.text == "\(job)\tcompleted\n")
    }

    @Test(arguments: [(0.0, "  0%"), (0.999, " 99%"), (1.0, "100%")])
    func `a bar is full only at the end`(fraction: Double, percent: String) {
        let progress = JobProgress(execution: ExecutionID(JobID(rawValue: 1), 1), fraction: fraction, at: Timestamp(microseconds: 0))
        let bar = ProgressText.bar(progress, name: "n", columns: 60)
        #expect(bar.contains("] \(percent)"), "\(bar)")
        #expect(bar.count < 60)
        #expect(bar.contains(" ]") == (fraction < 1))
    }
}
