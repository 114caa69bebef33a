// Steps: what is recorded is not run again, whatever became of the execution that ran it.

import ErrandContext
import ErrandTesting
import Foundation
import Testing

@testable import Errand

@Suite struct StepTests {
    private struct Order: Job {
        static let kind = "order"
        var id = 7
    }

    private struct Parcel: Codable, Hashable, Sendable { var number: String }

    private struct Trouble: Error {}

    /// Runs `body` as a handler up to three times, until it succeeds; the job at the end.
    private func run(
        _ ran: Collected<String> = Collected(), attempts: Int = 3,
        _ body: @escaping @Sendable (ExecutionContext) async throws -> Void
    ) async throws -> (job: JobDetail, kit: JobKit) {
        let kit = JobKit(handlers: [
            Handler(Order.self, backoff: Backoff(base: .seconds(1), maximum: .seconds(1))) { _, context in try await body(context) }
        ])
        let id = try await kit.queue.enqueue(Order(), options: EnqueueOptions { $0.maxAttempts = attempts })
        try await kit.drain()
        for _ in 1..<attempts { try await kit.advance(by: .seconds(2)) }
        return (try #require(try await kit.model.job(id)), kit)
    }

    @Test func `a step that has completed is not run again by later attempts, which get its result`() async throws {
        let ran = Collected<String>()
        let (job, _) = try await run { context in
            let parcel = try await context.step("ship") {
                ran.add("ship")
                return Parcel(number: "p\(context.attempt)")
            }
            #expect(parcel == Parcel(number: "p1"))
            try await context.step("mail") {
                ran.add("mail \(context.attempt)")
                if context.attempt < 3 { throw Trouble() }
            }
            try await context.step("tell") { ran.add("tell") }
        }
        #expect(job.summary.state == .completed)
        #expect(ran.values == ["ship", "mail 1", "mail 2", "mail 3", "tell"])
    }

    @Test func `a cursor goes on where it was saved last, in a later attempt too`() async throws {
        let seen = Collected<Int>()
        let (job, kit) = try await run { context in
            var cursor = try await context.cursor("rows", startingAt: 0)
            #expect(cursor.value == (context.attempt - 1) * 3)
            for row in (cursor.value + 1)...9 {
                seen.add(row)
                if row % 3 == 0 {
                    try await cursor.save(row)
                    #expect(cursor.value == row)
                    if context.attempt < 3 { throw Trouble() }
                }
            }
        }
        #expect(job.summary.state == .completed)
        #expect(seen.values == Array(1...9))
        let steps = try await kit.model.steps(of: job.summary.id)
        #expect(steps.map(\.name) == ["rows"] && steps.map(\.isCursor) == [true])
    }

    @Test func `a step that a later attempt skips says so in its log, under its own ID`() async throws {
        let (job, kit) = try await run { context in
            try await context.step("a") { context.logger.notice("within") }
            if context.attempt == 1 { throw Trouble() }
        }
        let second = try #require(job.executions.last?.execution)
        let chunks = try await kit.model.logs.chunks(of: job.summary.id, ordinal: nil, after: nil, limit: 100)
        let lines = chunks.flatMap { chunk in LogFraming.records(in: chunk.chunk).map { (chunk.chunk.ordinal, $0) } }
        let first = try #require(lines.first { $0.1.message == "within" })
        #expect(first.0 == job.executions[0].execution.ordinal)
        #expect(String(decoding: first.1.metadata, as: UTF8.self).contains(#""step":"a""#))
        let skipped = try #require(lines.first { $0.1.message.contains("not run again") })
        #expect(skipped.0 == second.ordinal)
    }

    @Test func `what breaks a rule fails the attempt with the reason`() async throws {
        let problems: [(String, @Sendable (ExecutionContext) async throws -> Void)] = [
            (
                "used twice",
                { context in
                    try await context.step("a") {}
                    try await context.step("a") {}
                }
            ),
            ("name of a step is empty", { try await $0.step("") {} }),
            ("at most 200", { try await $0.step(String(repeating: "n", count: 201)) {} }),
            ("at most 262144", { context in _ = try await context.step("a") { String(repeating: "x", count: StepRules.resultBytes) } }),
            ("cannot be written as JSON", { context in _ = try await context.step("a") { Double.nan } }),
            (
                "used as a cursor",
                { context in
                    if context.attempt == 1 {
                        try await context.step("a") {}
                        throw Trouble()
                    }
                    _ = try await context.cursor("a", startingAt: 1)
                }
            ),
            (
                "does not decode",
                { context in
                    if context.attempt == 1 {
                        _ = try await context.step("a") { "text" }
                        throw Trouble()
                    }
                    _ = try await context.step("a") { 1 }
                }
            ),
        ]
        for (text, body) in problems {
            let (job, _) = try await run(attempts: 2, body)
            #expect(job.summary.state == .dead)
            #expect(job.error?.message.contains(text) == true, "\(String(describing: job.error)) lacks \(text)")
        }
    }

    @Test func `a result of the largest size is kept`() async throws {
        let (job, _) = try await run { context in
            let text = try await context.step("a") { String(repeating: "x", count: StepRules.resultBytes - 2) }
            #expect(text.utf8.count == StepRules.resultBytes - 2)
            if context.attempt == 1 { throw Trouble() }
        }
        #expect(job.summary.state == .completed)
    }

    @Test func `an execution that has lost its lease records nothing`() async throws {
        let clock = ManualClock()
        let model = ModelStore(clock: clock)
        let worker = try await model.join(StepTests.description(clock))
        _ = try await model.enqueue([NewJob(kind: "k", payload: Array("{}".utf8))])
        let claim = ClaimRequest(limit: 1, queues: [.init(queue: "default", limit: 1)], kinds: ["k"])
        let job = try #require(try await model.exchange(ExchangeRequest(worker: worker, claim: claim)).claimed.first)
        let steps = WorkerSteps(of: job, heldBy: worker, in: model, now: { clock.now() })
        try await model.leave(worker)
        let step = RecordedStep(name: "a", isCursor: false, result: Array("1".utf8), execution: job.execution)
        await #expect(throws: StepError.leaseLost(name: "a")) { try await steps.record(step) }
    }

    @Test func `whoever forgets the steps begins anew`() async throws {
        let ran = Collected<String>()
        let (job, kit) = try await run(ran, attempts: 1) { context in
            try await context.step("a") { ran.add("a") }
            if ran.values.count < 2 { throw Trouble() }
        }
        #expect(job.summary.state == .dead)
        let anew = [job.summary.id: JobEdit { $0.forgetsSteps = true }]
        #expect(try await kit.model.retry([job.summary.id], resettingAttempts: false, edits: anew) == [.retried])
        try await kit.drain()
        #expect(ran.values == ["a", "a"])
    }

    private static func description(_ clock: ManualClock) -> WorkerDescription {
        WorkerDescription(
            kinds: ["k"], queues: ["default": 1], concurrency: 1, host: "h", pid: 1, version: "1", startedAt: clock.now(),
            lease: .seconds(30))
    }

    @Test func `a step that has thrown may be tried again by whoever catches that`() async throws {
        let ran = Collected<Int>()
        let (job, _) = try await run(attempts: 1) { context in
            for number in 1...2 {
                do {
                    try await context.step("a") {
                        ran.add(number)
                        if number == 1 { throw Trouble() }
                    }
                } catch is Trouble {}
            }
        }
        #expect(job.summary.state == .completed)
        #expect(ran.values == [1, 2])
    }
}
