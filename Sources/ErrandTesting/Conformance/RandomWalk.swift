// The oracle at work: random operations on a store and on the model, side by side, until something differs.

import Errand
import ErrandContext

/// One walk. Jobs and workers are known by their number, since each store gives IDs of its own; ordinals are compared by growth.
struct RandomWalk {
    private var generator: SeededGenerator
    private let seed: UInt64
    private let subject: any ConformingStore
    private let model = ModelStoreUnderTest()
    /// Job number n in the store under test and in the model.
    private var jobs: [(subject: JobID, model: JobID)] = []
    private var workers: [(subject: WorkerID, model: WorkerID)] = []
    /// Through which of the two openings each worker works.
    private var openingOfWorker: [Int] = []
    /// The store under test, opened twice, as two processes would.
    private var openings: [Store] = []
    /// Executions that have begun, ended or not, in both stores: reports choose among them, so that late ones occur.
    private var executions: [Held] = []
    private var keys = 0
    private var failures: [String] = []
    private var step = 0
    private var operation = ""

    private struct Held {
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

    private mutating func open() async throws {
        openings = [subject.store, try await subject.openAnother()]
    }

    /// One of the openings, whichever.
    private mutating func anyOpening() -> Store { openings[roll(openings.count)] }

    private mutating func takeStep() async throws {
        switch roll(100) {
        case ..<22: try await enqueue()
        case ..<72: try await exchange()
        case ..<76: try await cancel()
        case ..<80: try await retry()
        case ..<84: try await change()
        case ..<88: try await crash()
        case ..<94: try await rescue()
        case ..<95: try await join()
        case ..<97: try await change()
        default: try await prune()
        }
    }

    // MARK: Operations

    private mutating func enqueue() async throws {
        operation = "enqueue"
        let plans = (0...roll(3)).map { _ in
            (
                hoursAgo: roll(3) == 0 ? roll(5) - 2 : nil, priority: roll(3) - 1, queue: roll(2), kind: roll(3),
                key: roll(4) == 0 ? roll(8) : nil, maxAttempts: 1 + roll(4),
                tags: (0..<3).filter { _ in roll(4) == 0 },
                unique: roll(3) == 0 ? (key: roll(3), mode: roll(5), scope: roll(4)) : nil
            )
        }
        func inputs(at now: Timestamp) -> [NewJob] {
            plans.map { plan in
                RuleCheck.input { input in
                    input.queue = "queue\(plan.queue)"
                    input.kind = "kind\(plan.kind)"
                    input.priority = plan.priority
                    input.runAt = plan.hoursAgo.map { now + .seconds($0 == 0 ? 3600 * 24 : -3600 * $0) }
                    input.key = plan.key.map { "key\($0)" }
                    input.maxAttempts = plan.maxAttempts
                    input.terms.tags = plan.tags.map { "tag\($0)" }
                    input.terms.uniqueness = plan.unique.map { RandomWalk.uniqueness(key: $0.key, mode: $0.mode, scope: $0.scope) }
                }
            }
        }
        let seen = try await anyOpening().jobs.enqueue(inputs(at: subject.now()))
        let wanted = try await model.store.jobs.enqueue(inputs(at: model.now()))
        guard seen.count == wanted.count else { return fail("\(seen.count) results for \(wanted.count) jobs") }
        for (one, other) in zip(seen, wanted) {
            if case .added(let id) = one, case .added(let twin) = other {
                jobs.append((id, twin))
            } else {
                compare(name(one, \.subject), name(other, \.model), "result")
            }
        }
    }

    private mutating func exchange() async throws {
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

    private mutating func cancel() async throws {
        guard let job = pickJob() else { return }
        operation = "cancel job \(job)"
        let seen = try await anyOpening().control.cancel([jobs[job].subject], reason: "wish")
        let wanted = try await model.store.control.cancel([jobs[job].model], reason: "wish")
        compare(seen.map { describe($0, \.subject) }, wanted.map { describe($0, \.model) }, "answer")
    }

    private mutating func retry() async throws {
        guard let job = pickJob() else { return }
        let isFull = roll(2) == 0
        operation = "retry job \(job), resetting attempts: \(isFull)"
        let seen = try await anyOpening().control.retry([jobs[job].subject], resettingAttempts: isFull)
        let wanted = try await model.store.control.retry([jobs[job].model], resettingAttempts: isFull)
        compare(seen.map { describe($0, \.subject) }, wanted.map { describe($0, \.model) }, "answer")
    }

    /// Promotes, edits or deletes a job.
    private mutating func change() async throws {
        guard let job = pickJob() else { return }
        let kind = roll(5)
        let (priority, queue, hours, isForced) = (roll(3) - 1, roll(3), roll(3), roll(2) == 0)
        operation = "change \(kind) of job \(job)"
        func apply(_ control: any JobControl, _ id: JobID, _ now: Timestamp) async throws -> [ChangeResult] {
            switch kind {
            case 0: return try await control.delete([id], evenLive: isForced)
            case 1, 2: return try await control.promote([id])
            default:
                return try await control.edit(
                    [id],
                    JobEdit { edit in
                        if isForced { edit.priority = priority }
                        if queue < 2 { edit.queue = "queue\(queue)" }
                        if hours > 0 { edit.runAt = now + .seconds(hours == 1 ? -3600 : 3600 * 24) }
                    })
            }
        }
        let seen = try await apply(anyOpening().control, jobs[job].subject, subject.now())
        let wanted = try await apply(model.store.control, jobs[job].model, model.now())
        compare(seen, wanted, "answer")
    }

    private mutating func crash() async throws {
        operation = "crash"
        try await subject.crashAndReopen()
        try await model.crashAndReopen()
        try await open()
        // The processes are gone: nobody speaks for these workers any more.
        living = []
        try await join()
    }

    private mutating func rescue() async throws {
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
    private func request(
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

    private mutating func join() async throws {
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

    private mutating func leave() async throws {
        let place = roll(living.count)
        let worker = living.remove(at: place)
        operation = "leave of worker \(worker)"
        try await openings[openingOfWorker[worker]].jobs.leave(workers[worker].subject)
        try await model.store.jobs.leave(workers[worker].model)
    }

    private mutating func change() async throws {
        let scope = roll(2) == 0 ? LimitScope.queue("queue\(roll(3))") : .kind("kind\(roll(3))")
        // Permits that come back within a walk would come back at other times in each store.
        let rate = RateLimit(interval: .seconds(86_400), burst: 1 + roll(6))
        let change: SettingChange =
            switch roll(10) {
            case 0: .pause
            case ..<4: .resume
            case ..<5: .concurrency(nil)
            case ..<7: .concurrency(1 + roll(3))
            case ..<8: .rate(rate)
            default: .rate(nil)
            }
        operation = "change \(scope): \(change)"
        try await anyOpening().queues.change(scope, [change])
        try await model.store.queues.change(scope, [change])
    }

    private mutating func prune() async throws {
        operation = "prune"
        // Only all or nothing of a state: the clocks of both stores are not the same.
        var policy = RuleCheck.policy { _ in }
        if roll(2) == 0 { policy.completed = .zero } else { policy.cancelled = .zero }
        try await subject.advance(by: .milliseconds(2))
        try await model.advance(by: .milliseconds(2))
        let seen = try await pruneAll(anyOpening().control, policy).map { name($0, \.subject) }
        let wanted = try await pruneAll(model.store.control, policy).map { name($0, \.model) }
        compare(seen.sorted(), wanted.sorted(), "what was pruned")
    }

    private func pruneAll(_ control: any JobControl, _ policy: RetentionPolicy) async throws -> [JobID] {
        var gone: [JobID] = []
        for _ in 0..<1000 {
            let report = try await control.prune(policy, limit: 50)
            gone += report.jobs
            if !report.hasMore { return gone }
        }
        throw StoredError(type: "RuleBroken", message: "pruning never comes to an end")
    }

    // MARK: Comparing

    /// Everything that can be seen of all jobs, and the counters.
    private mutating func compareAll() async throws {
        operation = "look after \(operation)"
        for number in jobs.indices where failures.isEmpty {
            let seen = try await anyOpening().inspection.job(jobs[number].subject)
            let wanted = try await model.store.inspection.job(jobs[number].model)
            compare(seen.map { describe($0, \.subject) } ?? "gone", wanted.map { describe($0, \.model) } ?? "gone", "job \(number)")
            if let seen {
                let ordinals = seen.executions.map(\.execution.ordinal)
                compare(ordinals, Array(Set(ordinals)).sorted(), "the order of the ordinals of job \(number)")
            }
        }
        let ids = jobs
        compare(
            try await anyOpening().inspection.states(of: ids.map(\.subject)),
            try await model.store.inspection.states(of: ids.map(\.model)), "states")
        try await compareLists()
        compare(try await anyOpening().queues.settings(), try await model.store.queues.settings(), "the settings")
        let stats = (try await anyOpening().inspection.stats(), try await model.store.inspection.stats())
        compare(counts(stats.0), counts(stats.1), "counters")
        compare(
            stats.0.workers.map { "\(number(of: $0.id, \.subject)) holds \($0.running)" }.sorted(),
            stats.1.workers.map { "\(number(of: $0.id, \.model)) holds \($0.running)" }.sorted(), "live workers")
    }

    /// A list by a random selector, in pages of a random size.
    private mutating func compareLists() async throws {
        var selector = JobSelector()
        if roll(2) == 0 { selector.states = Set(JobState.allCases.filter { _ in roll(3) == 0 }) }
        if roll(3) == 0 { selector.queues = ["queue\(roll(3))"] }
        if roll(3) == 0 { selector.kinds = ["kind\(roll(3))", "kind\(roll(4))"] }
        if roll(3) == 0 { selector.tags = (0..<3).filter { _ in roll(2) == 0 }.map { "tag\($0)" } }
        let size = 1 + roll(20)
        let opening = anyOpening()
        let seen = try await RandomWalk.list(opening.inspection, selector, pageSize: size).map { name($0, \.subject) }
        let wanted = try await RandomWalk.list(model.store.inspection, selector, pageSize: size).map { name($0, \.model) }
        compare(seen, wanted, "the list of \(selector) in pages of \(size)")
        let key = "key:key\(roll(8))"
        compare(
            try await opening.inspection.jobs(meantBy: key).map { name($0, \.subject) },
            try await model.store.inspection.jobs(meantBy: key).map { name($0, \.model) }, "the jobs meant by \(key)")
    }

    private static func list(_ inspection: any JobInspection, _ selector: JobSelector, pageSize: Int) async throws -> [JobID] {
        var found: [JobID] = []
        var cursor: JobID?
        for _ in 0..<10_000 {
            let page = try await inspection.jobs(matching: selector, before: cursor, limit: pageSize)
            found += page.jobs.map(\.id)
            cursor = page.next
            if cursor == nil { return found }
        }
        throw StoredError(type: "RuleBroken", message: "the pages of a list never come to an end")
    }

    private func counts(_ stats: StoreStats) -> [String] {
        stats.counts.map { "\($0.queue) \($0.kind) \($0.state.rawValue): \($0.jobs)" }.sorted()
    }

    private mutating func compare<T: Equatable>(_ seen: T, _ wanted: T, _ what: String) {
        if seen != wanted { fail("\(what): the model has \(wanted), the store has \(seen)") }
    }

    private mutating func fail(_ text: String) {
        failures.append("seed \(seed), step \(step), \(operation): \(text)")
    }

    // MARK: Names that both stores share

    private typealias Side<ID> = KeyPath<(subject: ID, model: ID), ID>

    private func name(_ id: JobID, _ side: Side<JobID>) -> String {
        jobs.firstIndex { $0[keyPath: side] == id }.map { "job \($0)" } ?? "unknown job \(id)"
    }

    private func number(of worker: WorkerID, _ side: Side<WorkerID>) -> String {
        workers.firstIndex { $0[keyPath: side] == worker }.map { "worker \($0)" } ?? "unknown worker \(worker)"
    }

    private func name(_ result: EnqueueResult, _ side: Side<JobID>) -> String {
        switch result {
        case .added: "added"
        case .existing(let id): "existing \(name(id, side))"
        case .conflict(let id): "conflict with \(name(id, side))"
        case .unique(let id), .replaced(let id), .debounced(let id): "\(result.word) \(name(id, side))"
        }
    }

    private func describe(_ result: RetryResult, _ side: Side<JobID>) -> String {
        if case .uniqueConflict(let id) = result { "unique conflict with \(name(id, side))" } else { "\(result)" }
    }

    private static func uniqueness(key: Int, mode: Int, scope: Int) -> Uniqueness {
        let conflict: Uniqueness.Conflict =
            [.reject, .replace, .debounce(delay: .seconds(86_400), maximumWait: nil), .keepLast, .keepLast][mode]
        return Uniqueness(key: "unique\(key)", scope: Uniqueness.Scope.allCases[scope], onConflict: conflict)
    }

    private func describe(_ result: CancelResult, _ side: Side<JobID>) -> String {
        if case .requested(let execution) = result { "requested of \(name(execution.job, side))" } else { "\(result)" }
    }

    private func describe(_ casualty: Casualty, _ worker: String, _ side: Side<JobID>) -> String {
        "\(worker) \(casualty.cause) with \(casualty.executions.map { name($0.job, side) }.sorted())"
    }

    private func describe(_ claimed: ClaimedJob, _ side: Side<JobID>) -> String {
        """
        \(name(claimed.execution.job, side)) attempt \(claimed.attempt) of \(claimed.maxAttempts) crashes \(claimed.crashes), \
        \(claimed.queue) \(claimed.kind)
        """
    }

    private func describe(_ job: JobDetail, _ side: Side<JobID>) -> String {
        let summary = job.summary
        let executions = job.executions.map { execution in
            let outcome = execution.outcome?.rawValue ?? "running"
            return "\(execution.attempt) \(outcome) \(execution.error?.message ?? "")\(execution.finishedAt == nil ? " open" : "")"
        }
        return """
            \(summary.state) \(summary.queue) \(summary.kind) \(summary.key ?? "-") priority \(summary.priority) attempt \(summary.attempt) \
            of \(summary.maxAttempts) crashes \(summary.crashes) reason \(summary.reason ?? "-") ended \(summary.finishedAt != nil) \
            result \(job.result.map { String(decoding: $0, as: UTF8.self) } ?? "-") error \(job.error?.message ?? "-") \
            tags \(summary.tags) wish \(job.cancelRequestedAt != nil) executions \(executions)
            """
    }

    // MARK: Chance

    /// The workers whose processes live.
    private var living: [Int] = []

    private mutating func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &generator) }

    private mutating func pickWorker() -> Int? { living.isEmpty ? nil : living[roll(living.count)] }

    private mutating func pickJob() -> Int? { jobs.isEmpty ? nil : max(0, jobs.count - 1 - roll(min(30, jobs.count))) }
}
