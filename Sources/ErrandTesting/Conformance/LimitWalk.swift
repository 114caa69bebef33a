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
        var key: String?
        var sequence: String?
        var scopes: [LimitScope] { [.queue(queue), .kind(kind)] }
        /// Everything that may limit it; whether it has, or its queue's keys have, is another matter.
        var allScopes: [LimitScope] { scopes + (key.map { [.key($0, queue: queue)] } ?? []) }

        init(_ queue: String, _ kind: String, _ terms: JobTerms) {
            (self.queue, self.kind, key, sequence) = (queue, kind, terms.limitKey, terms.sequence?.key)
        }
    }

    private struct Rule {
        var isPaused = false
        var concurrency: Int?
        var burst: Int?
        /// Starts since the rate was first set.
        var starts = 0
        var keyConcurrency: Int?
    }

    /// How many of a scope may run at once: of a limit key what was set for it, or else for the keys of its queue.
    private func concurrency(of scope: LimitScope) -> Int? {
        guard case .key(_, let queue) = scope else { return rules[scope]?.concurrency }
        return rules[scope]?.concurrency ?? rules[.queue(queue)]?.keyConcurrency
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
            let (queue, kind, priority, key, sequence) = (roll(2), roll(3), roll(3), roll(5), roll(8))
            return RuleCheck.input { input in
                (input.queue, input.kind, input.priority) = ("queue\(queue)", "kind\(kind)", priority)
                if key < 3 { input.terms.limitKey = "key\(key)" }
                if sequence < 2 { input.terms.sequence = JobSequence("row\(sequence)") }
            }
        }
        let results = try await openings[roll(2)].jobs.enqueue(inputs)
        for (input, result) in zip(inputs, results) { known[result.id] = Facts(input.queue, input.kind, input.terms) }
    }

    private mutating func change() async throws {
        guard roll(3) > 0 else { return try await changeKeys() }
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

    private mutating func changeKeys() async throws {
        let queue = "queue\(roll(2))"
        let limit = roll(3) == 0 ? nil : 1 + roll(3)
        let scope: LimitScope
        let change: SettingChange
        switch roll(4) {
        case 0: (scope, change) = (.queue(queue), .fair(roll(2) == 0))
        case 1:
            (scope, change) = (.key("key\(roll(3))", queue: queue), .concurrency(limit))
            rules[scope, default: Rule()].concurrency = limit
        default:
            (scope, change) = (.queue(queue), .keyConcurrency(limit))
            rules[scope, default: Rule()].keyConcurrency = limit
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
            let facts = Facts(job.queue, job.kind, job.terms)
            if let sequence = facts.sequence, running.contains(where: { $0.job.queue == facts.queue && $0.job.sequence == sequence }) {
                fail("\(job.execution) started beside another one of \(sequence)")
            }
            for scope in facts.allScopes {
                let rule = rules[scope] ?? Rule()
                let others = running.count { $0.job.allScopes.contains(scope) }
                if rule.isPaused { fail("\(job.execution) started although \(scope) is paused") }
                if let limit = concurrency(of: scope), others >= limit {
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
            let counted = running.count { $0.job.allScopes.contains(settings.scope) }
            if settings.running != counted { fail("\(settings.scope) is said to run \(settings.running), and \(counted) run") }
        }
        var selector = JobSelector()
        selector.states = [.available, .waiting]
        let waiting = try await check.list(selector)
        for job in waiting {
            guard let facts = known[job.id] else { continue }
            if !isLimited(facts), !waitsForTurn(job.id, facts, among: waiting) {
                fail("\(job.id) waits although nothing limits it: \(facts)")
            }
        }
    }

    /// Whether a pause or limit keeps a job back.
    private func isLimited(_ facts: Facts) -> Bool {
        facts.allScopes.contains { scope in
            let rule = rules[scope] ?? Rule()
            let isFull = concurrency(of: scope).map { limit in running.count { $0.job.allScopes.contains(scope) } >= limit } ?? false
            return rule.isPaused || isFull || rule.burst.map { rule.starts >= $0 } ?? false
        }
    }

    /// Whether another job of its sequence runs, or is kept back by a limit while it may have its turn.
    private func waitsForTurn(_ id: JobID, _ facts: Facts, among waiting: [JobSummary]) -> Bool {
        guard let sequence = facts.sequence else { return false }
        func isOfSequence(_ other: Facts) -> Bool { other.sequence == sequence && other.queue == facts.queue }
        return running.contains { isOfSequence($0.job) }
            || waiting.contains { other in
                known[other.id].map { other.id != id && isOfSequence($0) && isLimited($0) } ?? false
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
