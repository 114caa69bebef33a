// Whoever waits for a result gets it, or the reason why there is none.

import Errand
import ErrandTesting
import Testing

@Suite struct ResultTests {
    private struct Sum: Codable, Hashable { var value: Int }

    private let clock = ManualClock()

    private func ended(_ outcome: Outcome, _ next: NextStep, result: String? = nil, error: StoredError? = nil) async throws -> (
        JobQueue, JobID
    ) {
        let model = ModelStore(clock: clock)
        let queue = JobQueue(store: model.store, clock: clock)
        let id = try await queue.enqueue(kind: "k", payload: Array("{}".utf8)).id
        try await end(id, in: model, outcome, next, result: result, error: error)
        return (queue, id)
    }

    private func end(
        _ id: JobID, in model: ModelStore, _ outcome: Outcome, _ next: NextStep, result: String? = nil, error: StoredError? = nil
    ) async throws {
        let worker = try await model.join(
            WorkerDescription(
                kinds: ["k"], queues: ["default": 1], concurrency: 1, host: "h", pid: 1, version: "1", startedAt: clock.now(),
                lease: .seconds(30)))
        let claim = ClaimRequest(limit: 1, queues: [.init(queue: "default", limit: 1)], kinds: ["k"])
        let execution = try #require(try await model.exchange(ExchangeRequest(worker: worker, claim: claim)).claimed.first?.execution)
        let report = ExecutionReport(
            execution: execution, outcome: outcome, next: next, error: error, result: result.map { Array($0.utf8) }, finishedAt: clock.now()
        )
        #expect(try await model.exchange(ExchangeRequest(worker: worker, reports: [report])).results == [.accepted])
    }

    @Test func `a result is there for whoever comes late`() async throws {
        let (queue, id) = try await ended(.completed, .complete, result: #"{"value":7}"#)
        #expect(try await queue.result(of: id, as: Sum.self) == Sum(value: 7))
        #expect(try await queue.resultBytes(of: id) == Array(#"{"value":7}"#.utf8))
    }

    @Test func `whoever waits is woken by the end of the job`() async throws {
        let model = ModelStore(clock: clock)
        let queue = JobQueue(store: model.store, clock: clock)
        let id = try await queue.enqueue(kind: "k", payload: Array("{}".utf8)).id
        // The clock stands still: nothing but the doorbell can wake it.
        async let sum = queue.result(of: id, as: Sum.self)
        while clock.pendingTimers == 0 { await Task.yield() }
        try await end(id, in: model, .completed, .complete, result: #"{"value":1}"#)
        #expect(try await sum == Sum(value: 1))
    }

    @Test func `a job without a result satisfies only who expects none`() async throws {
        let (queue, id) = try await ended(.completed, .complete)
        #expect(try await queue.result(of: id, as: Sum?.self) == nil)
        await #expect(throws: JobResultError.noResult(id)) { try await queue.result(of: id, as: Sum.self) }
    }

    @Test func `a result of another type says that it is one`() async throws {
        let (queue, id) = try await ended(.completed, .complete, result: "[]")
        let error = await #expect(throws: JobResultError.self) { try await queue.result(of: id, as: Sum.self) }
        guard case .notDecodable(id, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `a dead job says what it died of, a cancelled one why`() async throws {
        let error = StoredError(type: "E", message: "m")
        let (queue, dead) = try await ended(.failed, .bury(reason: "max_attempts"), error: error)
        await #expect(throws: JobResultError.dead(dead, reason: "max_attempts", error)) { try await queue.result(of: dead, as: Sum.self) }
        let (other, cancelled) = try await ended(.cancelled, .cancel(reason: "not now"))
        await #expect(throws: JobResultError.cancelled(cancelled, reason: "not now")) {
            try await other.result(of: cancelled, as: Sum.self)
        }
    }

    @Test func `a job that was pruned is not found`() async throws {
        let (queue, id) = try await ended(.completed, .complete, result: "1")
        clock.advance(by: .seconds(1))
        var policy = RetentionPolicy()
        policy.completed = .zero
        #expect(try await queue.store.control.prune(policy, limit: 10).jobs == [id])
        await #expect(throws: JobResultError.notFound(id)) { try await queue.result(of: id, as: Int.self) }
    }

    @Test func `time is up for who waits for a job that goes on`() async throws {
        let model = ModelStore(clock: clock)
        let queue = JobQueue(store: model.store, clock: clock)
        let id = try await queue.enqueue(kind: "k", payload: Array("{}".utf8)).id
        let waiting = Task { try await queue.result(of: id, as: Int.self, timeout: .milliseconds(300)) }
        while clock.pendingTimers == 0 { await Task.yield() }
        clock.advance(by: .milliseconds(300))
        await #expect(throws: JobResultError.timedOut(id, after: .milliseconds(300))) { try await waiting.value }
    }

    @Test func `whoever is cancelled waits no longer`() async throws {
        let model = ModelStore(clock: clock)
        let queue = JobQueue(store: model.store, clock: clock)
        let id = try await queue.enqueue(kind: "k", payload: Array("{}".utf8)).id
        let waiting = Task { try await queue.result(of: id, as: Int.self) }
        while clock.pendingTimers == 0 { await Task.yield() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }
}
