// The promise of limits at work: random steps of several workers, after each of which everything that runs is counted anew.

import Errand
import ErrandContext

/// One walk over a store whose limits, rates and pauses change all the time. After each claim that asks for everything, no limit may be
/// exceeded, and no job may wait that all of its limits would let start.
struct LimitWalk {
    private var generator: SeededGenerator
    private let seed: UInt64
    private let check: RuleCheck
    private let subject: any ConformingStore
    private var openings: [Store] = []
    private var workers: [(id: WorkerID, opening: Int)] = []
    private var running: [(execution: ExecutionID, job: Facts, worker: Int)] = []
    private var known: [JobID: Facts] = [:]
    /// What was set, as this walk remembers it.
    private var rules: [LimitScope: Rule] = [:]
    private var step = 0
    private var operation = ""

    /// What of a job limits look at.
    private struct Facts {
        var queue: String
        var kind: String
        var scopes: [LimitScope] { [.queue(queue), .kind(kind)] }
    }

    private struct Rule {
        var isPaused = false
        var concurrency: Int?
        var burst: Int?
        /// Starts since the rate was first set.
        var starts = 0
    }

    init(seed: UInt64, subject: any ConformingStore) {
        self.seed = seed
        self.subject = subject
        check = RuleCheck(subject: subject)
        generator = SeededGenerator(seed: seed)
    }

    mutating func run(steps: Int) async -> [String] {
        do {
            try await open()
            while step < steps, check.failures.isEmpty {
                step += 1
                try await takeStep()
            }
        } catch {
            fail("\(error)")
        }
        return check.failures
    }

    private mutating func open() async throws {
        openings = [subject.store, try await subject.openAnother()]
        workers = []
        for opening in [0, 1, 0] { workers.append((try await openings[opening].jobs.join(check.description()), opening)) }
    }

    private mutating func takeStep() async throws {
        switch roll(20) {
        case ..<6: try await enqueue()
        case ..<10: try await change()
        case ..<16: try await end()
        case ..<17: try await cancel()
        case ..<18: try await crash()
        default: break
        }
        try await claimAll()
        try await recount()
    }

    private mutating func enqueue() async throws {
        operation = "enqueue"
        let inputs = (0...roll(6)).map { _ in
            let (queue, kind, priority) = (roll(2), roll(3), roll(3))
            return RuleCheck.input { ($0.queue, $0.kind, $0.priority) = ("queue\(queue)", "kind\(kind)", priority) }
        }
        let results = try await openings[roll(2)].jobs.enqueue(inputs)
        for (input, result) in zip(inputs, results) { known[result.id] = Facts(queue: input.queue, kind: input.kind) }
    }

    private mutating func change() async throws {
        let scope = roll(2) == 0 ? LimitScope.queue("queue\(roll(2))") : .kind("kind\(roll(3))")
        let change: SettingChange
        switch roll(9) {
        case 0: (change, rules[scope, default: Rule()].isPaused) = (.pause, true)
        case ..<4: (change, rules[scope, default: Rule()].isPaused) = (.resume, false)
        case ..<6:
            let limit = roll(3) == 0 ? nil : 1 + roll(4)
            (change, rules[scope, default: Rule()].concurrency) = (.concurrency(limit), limit)
        case ..<7:
            // Permits that never come back within the walk can be counted.
            let burst = 1 + roll(12)
            if rules[scope]?.burst == nil { rules[scope, default: Rule()].starts = 0 }
            (change, rules[scope, default: Rule()].burst) = (.rate(RateLimit(interval: .seconds(86_400), burst: burst)), burst)
        default: (change, rules[scope, default: Rule()].burst) = (.rate(nil), nil)
        }
        operation = "change \(scope): \(change)"
        try await openings[roll(2)].queues.change(scope, [change])
    }

    private mutating func end() async throws {
        guard !running.isEmpty else { return }
        let held = running.remove(at: roll(running.count))
        let now = subject.now()
        let (outcome, next): (Outcome, NextStep) =
            [
                (.completed, .complete), (.completed, .complete), (.failed, .wait(until: now + .seconds(-60))), (.interrupted, .giveBack),
                (.failed, .bury(reason: "max_attempts")),
            ][roll(5)]
        operation = "end of \(held.execution): \(outcome)"
        let report = ExecutionReport(execution: held.execution, outcome: outcome, next: next, finishedAt: now)
        let worker = workers[held.worker]
        // The claim of the same step sees the slot that is free now.
        let reply = try await openings[worker.opening].jobs.exchange(
            ExchangeRequest(worker: worker.id, reports: [report], claim: everything(limit: 1 + roll(3))))
        if reply.results != [.accepted] { fail("the report was \(reply.results)") }
        started(reply.claimed, by: held.worker)
    }

    private mutating func cancel() async throws {
        guard let id = known.keys.sorted().randomElement(using: &generator) else { return }
        operation = "cancel \(id)"
        _ = try await openings[roll(2)].control.cancel([id], reason: nil)
    }

    private mutating func crash() async throws {
        operation = "crash and rescue"
        try await subject.crashAndReopen()
        try await open()
        running = []
        try await check.rescueAll(by: workers[0].id)
    }

    private func everything(limit: Int) -> ClaimRequest {
        RuleCheck.claim(limit: limit, queues: ["queue0", "queue1"], kinds: ["kind0", "kind1", "kind2"])
    }

    private mutating func claimAll() async throws {
        let index = roll(workers.count)
        let worker = workers[index]
        let reply = try await openings[worker.opening].jobs.exchange(ExchangeRequest(worker: worker.id, claim: everything(limit: 1000)))
        started(reply.claimed, by: index)
    }

    private mutating func started(_ claimed: [ClaimedJob], by worker: Int) {
        for job in claimed {
            let facts = Facts(queue: job.queue, kind: job.kind)
            for scope in facts.scopes {
                let rule = rules[scope] ?? Rule()
                let others = running.count { $0.job.scopes.contains(scope) }
                if rule.isPaused { fail("\(job.execution) started although \(scope) is paused") }
                if let limit = rule.concurrency, others >= limit {
                    fail("\(job.execution) started as number \(others + 1) of \(scope), which may run \(limit)")
                }
                if let burst = rule.burst, rule.starts >= burst { fail("\(job.execution) started without a permit of \(scope)") }
                rules[scope, default: Rule()].starts += 1
            }
            running.append((job.execution, facts, worker))
        }
    }

    /// Everything that is to be seen, counted anew, after a claim that asked for everything.
    private mutating func recount() async throws {
        for settings in try await openings[roll(2)].queues.settings() {
            let counted = running.count { $0.job.scopes.contains(settings.scope) }
            if settings.running != counted { fail("\(settings.scope) is said to run \(settings.running), and \(counted) run") }
        }
        var selector = JobSelector()
        selector.states = [.available]
        for job in try await check.list(selector) {
            let scopes = Facts(queue: job.queue, kind: job.kind).scopes
            let reason = scopes.contains { scope in
                guard let rule = rules[scope] else { return false }
                let isFull = rule.concurrency.map { limit in running.count { $0.job.scopes.contains(scope) } >= limit } ?? false
                return rule.isPaused || isFull || rule.burst.map { rule.starts >= $0 } ?? false
            }
            if !reason { fail("\(job.id) of \(job.queue) and \(job.kind) waits although nothing limits it") }
        }
    }

    private func fail(_ text: String) { check.fail("seed \(seed), step \(step), \(operation): \(text)") }

    private mutating func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &generator) }
}

extension JobStoreConformance {
    /// Makes `steps` random steps on a new store whose limits change all the time, and counts after each; every limit that was exceeded,
    /// and every job that waited although nothing limited it, with `seed` and step. The first deviation ends the walk.
    public func failures(ofLimitWalk seed: UInt64, steps: Int) async -> [String] {
        await withStore { subject in
            var walk = LimitWalk(seed: seed, subject: subject)
            return await walk.run(steps: steps)
        }
    }
}
