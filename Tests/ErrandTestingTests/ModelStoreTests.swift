// What the in-memory store offers beyond the seams.

import Errand
import ErrandTesting
import Testing

@Suite struct ModelStoreTests {
    private let clock = ManualClock()
    private let model: ModelStore

    init() { model = ModelStore(clock: clock) }

    private func join(lease: Duration = .seconds(30)) async throws -> WorkerID {
        try await model.join(
            WorkerDescription(
                kinds: ["greet"], queues: ["default": 1], concurrency: 1, host: "h", pid: 1, version: "1", startedAt: clock.now(),
                lease: lease))
    }

    private func claim(_ worker: WorkerID) async throws -> [ClaimedJob] {
        let claim = ClaimRequest(limit: 1, queues: [.init(queue: "default", limit: 1)], kinds: ["greet"])
        return try await model.exchange(ExchangeRequest(worker: worker, claim: claim)).claimed
    }

    @Test func `an expired lease moves to one worker, and the late result is refused`() async throws {
        let jobID = try await model.enqueue([NewJob(kind: "greet", payload: [])])[0].id
        let (a, b) = (try await join(), try await join())
        let late = try #require(try await claim(a).first)
        for _ in 0..<4 {
            clock.advance(by: .seconds(10))
            _ = try await model.exchange(ExchangeRequest(worker: b))
        }
        let casualty = try #require(try await model.casualties(seenBy: b).first)
        #expect(casualty.cause == .overdue)
        #expect(try await model.rescue(casualty, suspectThreshold: nil) == [late.execution])
        #expect(try await claim(b).map(\.execution) == [ExecutionID(jobID, 2)])
        let report = ExecutionReport(execution: late.execution, outcome: .completed, next: .complete, finishedAt: clock.now())
        #expect(try await model.exchange(ExchangeRequest(worker: a, reports: [report])).results == [.leaseLost])
    }

    @Test func `killing one worker leaves the others alive`() async throws {
        _ = try await model.enqueue([NewJob(kind: "greet", payload: []), NewJob(kind: "greet", payload: [])])
        let (victim, other) = (try await join(), try await join())
        let lost = try await claim(victim)
        _ = try await claim(other)
        model.kill(victim)
        let casualties = try await model.casualties(seenBy: other)
        #expect(casualties.map(\.worker) == [victim])
        #expect(casualties.map(\.cause) == [.dead])
        #expect(casualties.flatMap(\.executions) == lost.map(\.execution))
    }

    @Test func `a worker that was held up renews and judges nobody by time for half a lease`() async throws {
        let (a, b) = (try await join(), try await join(lease: .seconds(1)))
        clock.advance(by: .seconds(25))
        _ = try await model.exchange(ExchangeRequest(worker: a))
        clock.advance(by: .seconds(14))
        #expect(try await model.casualties(seenBy: a) == [])
        _ = try await model.exchange(ExchangeRequest(worker: a))
        clock.advance(by: .seconds(1))
        #expect(try await model.casualties(seenBy: a).map(\.worker) == [b])
    }

    @Test func `the same seed gives the same IDs`() async throws {
        func ids(_ seed: UInt64) async throws -> [JobID] {
            let model = ModelStore(clock: ManualClock(), generator: SeededGenerator(seed: seed))
            return try await model.enqueue([NewJob(kind: "a", payload: []), NewJob(kind: "b", payload: [])]).map(\.id)
        }
        #expect(try await ids(7) == ids(7))
        #expect(try await ids(7) != ids(8))
    }

    @Test func `a stopped listener hears nothing any more, and others still do`() async {
        let doorbell = ModelDoorbell()
        let (rings, ring) = AsyncStream.makeStream(of: String.self)
        let stopped = doorbell.listen(to: [.work]) { _ in ring.yield("stopped") }
        let kept = doorbell.listen(to: [.work, .log]) { topics in ring.yield(topics.map(\.rawValue).sorted().joined(separator: " ")) }
        stopped.stop()
        doorbell.ring([.work, .outcome])
        doorbell.ring([.outcome])
        doorbell.ring([.log])
        var heard: [String] = []
        for await text in rings {
            heard.append(text)
            if heard.count == 2 { break }
        }
        #expect(heard == ["work", "log"])
        kept.stop()
    }
}
