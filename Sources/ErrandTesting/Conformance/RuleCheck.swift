// The hands of a rule: the few steps that most rules are made of, and the list of what went wrong.

import Errand
import ErrandContext
import Synchronization

/// What a rule works with.
final class RuleCheck: Sendable {
    let subject: any ConformingStore
    private let found = Mutex<[String]>([])

    init(subject: any ConformingStore) { self.subject = subject }

    var failures: [String] { found.withLock { $0 } }
    var jobs: any JobStore { subject.store.jobs }
    var control: any JobControl { subject.store.control }
    var inspection: any JobInspection { subject.store.inspection }
    var logs: any LogStore { subject.store.logs }

    // MARK: Saying what is wrong

    func fail(_ text: String) { found.withLock { $0.append(text) } }

    func expect(_ condition: Bool, _ text: @autoclosure () -> String) {
        if !condition { fail(text()) }
    }

    func equal<T: Equatable>(_ seen: T, _ wanted: T, _ what: @autoclosure () -> String) {
        if seen != wanted { fail("\(what()): expected \(wanted), found \(seen)") }
    }

    /// The value, or an error that ends the rule.
    func require<T>(_ value: T?, _ what: @autoclosure () -> String) throws -> T {
        guard let value else { throw StoredError(type: "RuleBroken", message: what()) }
        return value
    }

    // MARK: Steps

    /// Enqueues one job of kind `k` in the queue `q`, changed by `change`.
    func add(_ change: (inout NewJob) -> Void = { _ in }) async throws -> JobID {
        try await add(count: 1, change)[0]
    }

    /// Enqueues `count` like jobs in one call.
    func add(count: Int, _ change: (inout NewJob) -> Void = { _ in }) async throws -> [JobID] {
        try await jobs.enqueue((0..<count).map { _ in RuleCheck.input(change) }).map { result in
            if case .added(let id) = result { return id }
            throw StoredError(type: "RuleBroken", message: "a new job was not added: \(result)")
        }
    }

    static func input(_ change: (inout NewJob) -> Void = { _ in }) -> NewJob {
        var input = NewJob(kind: "k", payload: Array("{}".utf8))
        input.queue = "q"
        change(&input)
        return input
    }

    /// A worker for kind `k` and queue `q`, with a lease that no rule outlives unless it says so.
    func description(lease: Duration = .seconds(3600)) -> WorkerDescription {
        WorkerDescription(
            kinds: ["k"], queues: ["q": 100], concurrency: 100, host: "host", pid: 1, version: "1", startedAt: subject.now(), lease: lease)
    }

    /// Such a worker, joined.
    func join(lease: Duration = .seconds(3600)) async throws -> WorkerID {
        try await jobs.join(description(lease: lease))
    }

    /// A step of `worker` without a claim.
    @discardableResult
    func beat(_ worker: WorkerID, _ reports: [ExecutionReport] = []) async throws -> ExchangeReply {
        try await jobs.exchange(ExchangeRequest(worker: worker, reports: reports))
    }

    static func claim(limit: Int = 100, queues: [String] = ["q"], kinds: [String] = ["k"]) -> ClaimRequest {
        ClaimRequest(limit: limit, queues: queues.map { .init(queue: $0, limit: limit) }, kinds: kinds)
    }

    /// What `worker` gets when it asks.
    func claim(
        _ worker: WorkerID, limit: Int = 100, queues: [String] = ["q"], kinds: [String] = ["k"]
    ) async throws -> [ClaimedJob] {
        let request = ExchangeRequest(worker: worker, claim: RuleCheck.claim(limit: limit, queues: queues, kinds: kinds))
        return try await jobs.exchange(request).claimed
    }

    /// The one job that `worker` gets; anything else ends the rule.
    func claimOne(_ worker: WorkerID) async throws -> ClaimedJob {
        let claimed = try await claim(worker, limit: 1)
        return try require(claimed.first, "a claim found no job")
    }

    func report(
        _ execution: ExecutionID, _ outcome: Outcome, _ next: NextStep, error: StoredError? = nil, result: [UInt8]? = nil
    ) -> ExecutionReport {
        ExecutionReport(execution: execution, outcome: outcome, next: next, error: error, result: result, finishedAt: subject.now())
    }

    /// Ends `execution` and expects that the report is accepted.
    func end(
        _ execution: ExecutionID, by worker: WorkerID, _ outcome: Outcome, _ next: NextStep, error: StoredError? = nil,
        result: [UInt8]? = nil
    ) async throws {
        let reply = try await beat(worker, [report(execution, outcome, next, error: error, result: result)])
        equal(reply.results, [.accepted], "the report \(outcome) of an execution that is held")
    }

    func detail(_ id: JobID) async throws -> JobDetail {
        try require(try await inspection.job(id), "job \(id) is gone")
    }

    func state(_ id: JobID) async throws -> JobState? { try await inspection.states(of: [id])[0] }

    func expectState(_ id: JobID, _ wanted: JobState, _ what: @autoclosure () -> String) async throws {
        equal(try await state(id), wanted, what())
        equal(try await detail(id).summary.state, wanted, "\(what()), in full")
    }

    /// A dead worker found and rescued by `watcher`.
    @discardableResult
    func rescueAll(by watcher: WorkerID, suspectThreshold: Int? = nil) async throws -> [ExecutionID] {
        var cut: [ExecutionID] = []
        for casualty in try await jobs.casualties(seenBy: watcher) {
            cut += try await jobs.rescue(casualty, suspectThreshold: suspectThreshold)
        }
        return cut.sorted()
    }

    /// A worker that holds one job and whose lease has run out, as another one finds it.
    func overdueWorker() async throws -> OverdueWorker {
        let id = try await add()
        let late = try await join(lease: .seconds(1))
        let watcher = try await join()
        let held = try await claimOne(late).execution
        try await subject.advance(by: .milliseconds(1200))
        let casualties = try await jobs.casualties(seenBy: watcher)
        equal(casualties.map(\.worker), [late], "the casualties")
        return OverdueWorker(
            job: id, id: late, held: held, watcher: watcher, casualty: try require(casualties.first, "no casualty was found"))
    }

    struct OverdueWorker {
        var job: JobID
        var id: WorkerID
        var held: ExecutionID
        var watcher: WorkerID
        var casualty: Casualty
    }

    /// All jobs that match, page after page.
    func list(_ selector: JobSelector = JobSelector(), pageSize: Int = 100) async throws -> [JobSummary] {
        var found: [JobSummary] = []
        var cursor: JobID?
        repeat {
            let page = try await inspection.jobs(matching: selector, before: cursor, limit: pageSize)
            expect(page.jobs.count <= pageSize, "a page of \(pageSize) has \(page.jobs.count) jobs")
            found += page.jobs
            if let next = page.next, let cursor { try orderly(next, cursor) }
            cursor = page.next
        } while cursor != nil
        return found
    }

    private func orderly(_ next: JobID, _ cursor: JobID) throws {
        guard next < cursor else { throw StoredError(type: "RuleBroken", message: "the cursor \(next) does not move on from \(cursor)") }
    }
}
