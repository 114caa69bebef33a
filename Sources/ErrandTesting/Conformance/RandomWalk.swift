// The oracle at work: random operations on a store and on the model, side by side, until something differs.

import Errand
import ErrandContext

/// One walk. Jobs and workers are known by their number, since each store gives IDs of its own; ordinals are compared by growth.
struct RandomWalk {
    var generator: SeededGenerator
    let seed: UInt64
    let subject: any ConformingStore
    let model = ModelStoreUnderTest()
    /// Job number n in the store under test and in the model.
    var jobs: [(subject: JobID, model: JobID)] = []
    var workers: [(subject: WorkerID, model: WorkerID)] = []
    /// Through which of the two openings each worker works.
    var openingOfWorker: [Int] = []
    /// The store under test, opened twice, as two processes would.
    var openings: [Store] = []
    /// Executions that have begun, ended or not, in both stores: reports choose among them, so that late ones occur.
    var executions: [Held] = []
    /// Workflow number n in the store under test and in the model.
    var workflows: [(subject: WorkflowID, model: WorkflowID)] = []
    var keys = 0
    var failures: [String] = []
    var step = 0
    var operation = ""

    struct Held {
        var worker: Int
        var subject: ExecutionID
        var model: ExecutionID
    }

    init(seed: UInt64, subject: any ConformingStore) {
        self.seed = seed
        self.subject = subject
        generator = SeededGenerator(seed: seed)
    }

    mutating func run(steps: Int) async -> [String] {
        do {
            try await open()
            try await join()
            while step < steps, failures.isEmpty {
                step += 1
                try await takeStep()
                if failures.isEmpty, step % 5 == 0 || step == steps { try await compareAll() }
            }
        } catch {
            fail("\(error)")
        }
        return failures
    }

    mutating func open() async throws {
        openings = [subject.store, try await subject.openAnother()]
    }

    /// One of the openings, whichever.
    mutating func anyOpening() -> Store { openings[roll(openings.count)] }

    mutating func takeStep() async throws {
        switch roll(100) {
        case ..<1: try await startWorkflow()
        case ..<22: try await enqueue()
        case ..<72: try await exchange()
        case ..<76: try await cancel()
        case ..<80: try await retry()
        case ..<84: try await change()
        case ..<88: try await crash()
        case ..<94: try await rescue()
        case ..<95: try await join()
        case ..<97: try await set()
        default: try await prune()
        }
    }

    // MARK: Workers

    mutating func enqueue() async throws {
        operation = "enqueue"
        let plans = (0...roll(3)).map { _ in
            (
                hoursAgo: roll(3) == 0 ? roll(5) - 2 : nil, priority: roll(3) - 1, queue: roll(2), kind: roll(3),
                key: roll(4) == 0 ? roll(8) : nil, maxAttempts: 1 + roll(4),
                tags: (0..<3).filter { _ in roll(4) == 0 },
                unique: roll(3) == 0 ? (key: roll(3), mode: roll(5), scope: roll(4)) : nil,
                limitKey: roll(3) == 0 ? roll(3) : nil, sequence: roll(5) == 0 ? (key: roll(2), halts: roll(2) == 0) : nil,
                after: dependencies(),
                workflow: roll(6) == 0 && !workflows.isEmpty ? workflows.count - 1 - roll(min(3, workflows.count)) : nil
            )
        }
        func inputs(at now: Timestamp, _ side: Side<JobID>, _ workflow: Side<WorkflowID>) -> [NewJob] {
            plans.map { plan in
                RuleCheck.input { input in
                    input.queue = "queue\(plan.queue)"
                    input.kind = "kind\(plan.kind)"
                    input.priority = plan.priority
                    input.runAt = plan.hoursAgo.map { now + .seconds($0 == 0 ? 3600 * 24 : -3600 * $0) }
                    input.key = plan.key.map { "key\($0)" }
                    input.maxAttempts = plan.maxAttempts
                    input.terms.tags = plan.tags.map { "tag\($0)" }
                    input.terms.limitKey = plan.limitKey.map { "limit\($0)" }
                    input.terms.sequence = plan.sequence.map { JobSequence("row\($0.key)", haltsOnDeath: $0.halts) }
                    // Who waits for others takes nobody's place.
                    let mode = plan.after.isEmpty && plan.workflow == nil ? plan.unique?.mode : 0
                    input.terms.uniqueness = plan.unique.map { RandomWalk.uniqueness(key: $0.key, mode: mode ?? 0, scope: $0.scope) }
                    input.workflow = plan.workflow.map { workflows[$0][keyPath: workflow] }
                    input.after = plan.after.map { Dependency(prerequisite($0.what, side, workflow), ifFailed: $0.policy) }
                }
            }
        }
        let opening = anyOpening()
        let seen = try await unlessRefused { () async throws(JobStoreError) in
            try await opening.jobs.enqueue(inputs(at: subject.now(), \.subject, \.subject))
        }
        let wanted = try await unlessRefused { () async throws(JobStoreError) in
            try await model.store.jobs.enqueue(inputs(at: model.now(), \.model, \.model))
        }
        guard let seen, let wanted else { return compare(seen == nil, wanted == nil, "whether it is refused") }
        guard seen.count == wanted.count else { return fail("\(seen.count) results for \(wanted.count) jobs") }
        for (one, other) in zip(seen, wanted) {
            if case .added(let id) = one, case .added(let twin) = other {
                jobs.append((id, twin))
            } else {
                compare(name(one, \.subject), name(other, \.model), "result")
            }
        }
    }

    mutating func exchange() async throws {
        guard let worker = pickWorker() else { return try await join() }
        operation = "exchange of worker \(worker)"
        var reports: [(seen: ExecutionReport, wanted: ExecutionReport)] = []
        for _ in 0..<roll(3) where !executions.isEmpty {
            // Mostly the newest executions, which are still held; sometimes any, from any worker.
            let held = executions[roll(3) == 0 ? roll(executions.count) : executions.count - 1 - roll(min(4, executions.count))]
            let plan = (outcome: roll(Outcome.allCases.count), next: roll(7))
            func report(_ execution: ExecutionID, at now: Timestamp) -> ExecutionReport {
                let outcome = Outcome.allCases[plan.outcome]
                let next: [NextStep] = [
                    .complete, .complete, .cancel(reason: "wish"), .bury(reason: "max_attempts"), .wait(until: now + .seconds(-60)),
                    .wait(until: now + .seconds(86_400)), .giveBack,
                ]
                let error = outcome == .failed ? StoredError(type: "E", message: "\(step)") : nil
                return ExecutionReport(
                    execution: execution, outcome: outcome, next: next[plan.next], error: error,
                    result: plan.next == 0 ? Array("\(step)".utf8) : nil, finishedAt: now)
            }
            reports.append((report(held.subject, at: subject.now()), report(held.model, at: model.now())))
        }
        let claim =
            roll(4) == 0
            ? nil
            : ClaimRequest(
                limit: roll(5), queues: [.init(queue: "queue\(roll(2))", limit: roll(4)), .init(queue: "queue2", limit: 1)],
                kinds: (0..<3).filter { _ in roll(3) > 0 }.map { "kind\($0)" }, mayRunAlone: roll(3) == 0)
        let stuck = roll(10) == 0 ? executions.suffix(2) : []
        let seen = try await openings[openingOfWorker[worker]].jobs.exchange(
            ExchangeRequest(worker: workers[worker].subject, reports: reports.map(\.seen), claim: claim, stuck: stuck.map(\.subject)))
        let wanted = try await model.store.jobs.exchange(
            ExchangeRequest(worker: workers[worker].model, reports: reports.map(\.wanted), claim: claim, stuck: stuck.map(\.model)))
        compare(seen.isRegistered, wanted.isRegistered, "isRegistered")
        compare(seen.results, wanted.results, "results")
        compare(seen.suspectsWait, wanted.suspectsWait, "whether suspects wait")
        compare(seen.nextWake == nil, wanted.nextWake == nil, "whether there is no next wake")
        compare(
            seen.cancellations.map { name($0.execution.job, \.subject) }.sorted(),
            wanted.cancellations.map { name($0.execution.job, \.model) }.sorted(), "cancellations")
        compare(seen.claimed.map { describe($0, \.subject) }, wanted.claimed.map { describe($0, \.model) }, "claimed")
        for (one, other) in zip(seen.claimed, wanted.claimed) {
            let before = executions.filter { $0.subject.job == one.execution.job }.map(\.subject.ordinal).max() ?? 0
            if one.execution.ordinal <= before { fail("the ordinal of \(one.execution) did not grow from \(before)") }
            executions.append(Held(worker: worker, subject: one.execution, model: other.execution))
        }
    }

    mutating func crash() async throws {
        operation = "crash"
        try await subject.crashAndReopen()
        try await model.crashAndReopen()
        try await open()
        // The processes are gone: nobody speaks for these workers any more.
        living = []
        try await join()
    }

    mutating func rescue() async throws {
        guard let watcher = pickWorker() else { return try await join() }
        let threshold = roll(2) == 0 ? nil : 2 + roll(2)
        operation = "rescue by worker \(watcher), suspect threshold \(threshold.map(String.init) ?? "none")"
        let jobsOfWatcher = openings[openingOfWorker[watcher]].jobs
        let seen = try await jobsOfWatcher.casualties(seenBy: workers[watcher].subject)
        let wanted = try await model.store.jobs.casualties(seenBy: workers[watcher].model)
        compare(
            seen.map { describe($0, number(of: $0.worker, \.subject), \.subject) }.sorted(),
            wanted.map { describe($0, number(of: $0.worker, \.model), \.model) }.sorted(), "casualties")
        for casualty in seen {
            guard let twin = wanted.first(where: { number(of: $0.worker, \.model) == number(of: casualty.worker, \.subject) }) else {
                continue
            }
            let culprit = roll(3) == 0 ? nil : roll(8)
            let limit = 1 + roll(3)
            let isNeighbourKnown = roll(2) == 0
            let cut = try await jobsOfWatcher.rescue(
                request(casualty, culprit, subject.now(), threshold, limit, isNeighbourKnown, \.subject))
            let twinCut = try await model.store.jobs.rescue(
                request(twin, culprit, model.now(), threshold, limit, isNeighbourKnown, \.model))
            compare(
                cut.map { name($0.job, \.subject) }.sorted(), twinCut.map { name($0.job, \.model) }.sorted(), "what the rescue cut")
        }
    }

    /// The rescue of a casualty that convicts the `culprit`th of its executions, if it held so many.
    func request(
        _ casualty: Casualty, _ culprit: Int?, _ now: Timestamp, _ threshold: Int?, _ limit: Int, _ isNeighbourKnown: Bool,
        _ side: Side<JobID>
    ) -> RescueRequest {
        let held = casualty.executions.sorted { name($0.job, side) < name($1.job, side) }
        var request = RescueRequest(casualty, suspectThreshold: threshold, convictionLimit: limit)
        if let culprit, held.indices.contains(culprit) {
            request.convictions = [Conviction(held[culprit], error: RuleCheck.crash, retryAt: now + .seconds(-60))]
        }
        if isNeighbourKnown { request.neighbourError = RuleCheck.neighbour }
        return request
    }

    mutating func join() async throws {
        guard living.count < 3 else { return try await leave() }
        operation = "join"
        func worker(at now: Timestamp) -> WorkerDescription {
            WorkerDescription(
                kinds: ["kind0"], queues: ["queue0": 3], concurrency: 3, host: "h", pid: 1, version: "1", startedAt: now,
                lease: .seconds(86_400))
        }
        let opening = roll(openings.count)
        let one = try await openings[opening].jobs.join(worker(at: subject.now()))
        let other = try await model.store.jobs.join(worker(at: model.now()))
        living.append(workers.count)
        workers.append((one, other))
        openingOfWorker.append(opening)
    }

    mutating func leave() async throws {
        let place = roll(living.count)
        let worker = living.remove(at: place)
        operation = "leave of worker \(worker)"
        try await openings[openingOfWorker[worker]].jobs.leave(workers[worker].subject)
        try await model.store.jobs.leave(workers[worker].model)
    }

    // MARK: Chance

    /// The workers whose processes live.
    var living: [Int] = []

    mutating func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &generator) }

    mutating func pickWorker() -> Int? { living.isEmpty ? nil : living[roll(living.count)] }

    mutating func pickJob() -> Int? { jobs.isEmpty ? nil : max(0, jobs.count - 1 - roll(min(30, jobs.count))) }
}
