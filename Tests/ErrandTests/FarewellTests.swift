// A worker that is told to leave leaves, whatever its store does: nothing that it still asks is waited for without end.

import Errand
import ErrandContext
import ErrandTesting
import Testing

@Suite(.timeLimit(.minutes(5))) struct FarewellTests {
    private let clock = ManualClock()
    private let shop: Workshop
    /// Never opened: whoever waits here waits for a lock whose holder was stopped.
    private let never = Happening()

    init() { shop = Workshop(clock: clock) }

    /// A queue whose logs are never written, and whose calls in `silent` are never answered.
    private func queue(silent: Set<SilentJobStore.Call> = [], asked: Happening = Happening(), logsAnswer: Bool = true) -> JobQueue {
        var store = shop.queue.store
        if !logsAnswer { store.logs = GatedLogStore(logs: store.logs, gate: never) }
        store.jobs = SilentJobStore(jobs: store.jobs, silent: silent, asked: asked, gate: never)
        return JobQueue(store: store, clock: clock)
    }

    /// Turns the clock until `body` has ended.
    private func passing<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let ends = Collected<Void>()
        let task = Task {
            defer { ends.add(()) }
            return try await body()
        }
        while ends.values.isEmpty {
            clock.advance(by: .milliseconds(100))
            await Task.yield()
        }
        return try await task.value
    }

    @Test func `logs that are never written do not hold a worker whose outcomes are on record`() async throws {
        let queue = queue(logsAnswer: false)
        let id = try await queue.enqueue(kind: "talks", payload: Array("{}".utf8)).id
        let handler = Handler(kind: "talks") { _, context in
            context.logger.info("a line that is never kept")
            return nil
        }
        let worker = Worker(queue: queue, handlers: [handler])
        let end = try await passing { try await worker.runToEnd(until: .empty(idleTimeout: .zero)) }
        #expect(end == .storeSilent)
        #expect(try await shop.model.states(of: [id]) == [.completed])
    }

    @Test func `a store that never answers its leaving does not hold an idle worker`() async throws {
        let queue = queue(silent: [.leave])
        let worker = Worker(queue: queue, handlers: [Handler(kind: "x") { _, _ in nil }])
        let end = try await passing { try await worker.runToEnd(until: .empty(idleTimeout: .zero)) }
        #expect(end == .storeSilent)
    }

    @Test(arguments: [SilentJobStore.Call.join, .exchange])
    func `a store that never answers a step without outcomes does not hold it either`(_ call: SilentJobStore.Call) async throws {
        let asked = Happening()
        let queue = queue(silent: [call], asked: asked)
        let worker = Worker(queue: queue, handlers: [Handler(kind: "x") { _, _ in nil }])
        async let end = passing { try await worker.runToEnd() }
        await asked.wait()
        worker.drain()
        #expect(try await end == .storeSilent)
    }

    @Test func `a store that answers is left as ever`() async throws {
        let worker = Worker(queue: queue(), handlers: [Handler(kind: "x") { _, _ in nil }])
        #expect(try await passing { try await worker.runToEnd(until: .empty(idleTimeout: .zero)) } == .drained)
        #expect(try await shop.model.stats().workers.isEmpty)
    }

    @Test func `logs that are never written do not keep a worker from rescuing the next one`() async throws {
        var ids: [JobID] = []
        for _ in 0..<2 {
            ids.append(try await shop.enqueue("k"))
            let victim = try await shop.model.join(.dying(at: clock.now()))
            let claim = ClaimRequest(limit: 9, queues: [.init(queue: "default", limit: 9)], kinds: ["k"])
            #expect(try await shop.model.exchange(ExchangeRequest(worker: victim, claim: claim)).claimed.count == 1)
            shop.model.kill(victim)
        }
        let worker = Worker(queue: queue(logsAnswer: false), handlers: [Handler(kind: "k") { _, _ in nil }])
        let end = try await passing { try await worker.runToEnd(until: .empty(idleTimeout: .zero)) }
        #expect(end == .storeSilent)
        #expect(try await shop.model.states(of: ids) == [.completed, .completed])
    }
}

/// A store that never answers some calls, as one whose lock somebody else holds.
struct SilentJobStore: JobStore {
    enum Call: Hashable {
        case join, exchange, leave
    }

    let jobs: any JobStore
    let silent: Set<Call>
    /// Happens at the first call that is not answered.
    let asked: Happening
    let gate: Happening

    private func pass(_ call: Call) async {
        guard silent.contains(call) else { return }
        await asked.happen()
        await gate.wait()
    }

    func enqueue(_ jobs: [NewJob]) async throws(JobStoreError) -> [EnqueueResult] { try await self.jobs.enqueue(jobs) }
    func join(_ worker: WorkerDescription) async throws(JobStoreError) -> WorkerID {
        await pass(.join)
        return try await jobs.join(worker)
    }
    func exchange(_ request: ExchangeRequest) async throws(JobStoreError) -> ExchangeReply {
        await pass(.exchange)
        return try await jobs.exchange(request)
    }
    func casualties(seenBy worker: WorkerID) async throws(JobStoreError) -> [Casualty] { try await jobs.casualties(seenBy: worker) }
    func condemn(_ casualty: Casualty) async throws(JobStoreError) -> Casualty? { try await jobs.condemn(casualty) }
    func rescue(_ request: RescueRequest) async throws(JobStoreError) -> [ExecutionID] { try await jobs.rescue(request) }
    func leave(_ worker: WorkerID) async throws(JobStoreError) {
        await pass(.leave)
        try await jobs.leave(worker)
    }
}

extension WorkerDescription {
    /// A worker of which nothing matters but that it dies.
    static func dying(at time: Timestamp) -> WorkerDescription {
        WorkerDescription(
            kinds: [], queues: [:], concurrency: 1, host: "", pid: 0, version: "", startedAt: time, lease: .seconds(30))
    }
}
