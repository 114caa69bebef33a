// What jobs of a simulation share and how long they are worth running, and operators who limit, pause, move, delete and direct.

import Errand
import ErrandContext

extension SimulationStage {
    static let queues = ["a", "b"]
    static let tenants = ["red", "green"]
    static let rows = ["north", "south"]

    /// Terms by chance; a job with a start time of its own is in no sequence and is not debounced.
    mutating func terms(of job: NewJob) -> JobTerms {
        var terms = JobTerms()
        let now = machine.clock.now()
        let start = job.runAt ?? now
        if chance(0.3) { terms.limitKey = SimulationStage.tenants.randomElement(using: &generator) }
        if job.runAt == nil, chance(0.25) {
            terms.sequence = SimulationStage.rows.randomElement(using: &generator).map { JobSequence($0, haltsOnDeath: chance(0.3)) }
        }
        if chance(0.1) { terms.expiresAt = start + between(.seconds(1), .seconds(20)) }
        if chance(0.1) { terms.deadline = start + between(.seconds(2), .seconds(60)) }
        if job.key == nil, chance(0.25) { terms.uniqueness = uniqueness(hasStart: job.runAt != nil) }
        return terms
    }

    /// What a new job waits for: some that are on record, ended or not.
    mutating func dependencies() -> [Dependency] {
        guard chance(0.2) else { return [] }
        let known = witness.jobs.filter { !$0.isDeleted }.suffix(12).map(\.id)
        let chosen = Set((0..<Int.random(in: 1...2, using: &generator)).compactMap { _ in known.randomElement(using: &generator) })
        return chosen.sorted().map { Dependency(.job($0), ifFailed: chance(0.6) ? .cascade : .ignore) }
    }

    private mutating func uniqueness(hasStart: Bool) -> Uniqueness {
        let conflict: Uniqueness.Conflict
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: conflict = .replace
        case 1: conflict = .keepLast
        case 2 where !hasStart: conflict = .debounce(delay: between(.milliseconds(100), .seconds(3)), maximumWait: .seconds(5))
        default: conflict = .reject
        }
        let until: Uniqueness.Until = conflict != .keepLast && chance(0.3) ? .started : .ended
        let key = "only \(Int.random(in: 0...2, using: &generator))"
        return Uniqueness(key: key, scope: chance(0.5) ? .store : .queue, until: until, onConflict: conflict)
    }

    /// Tells the witness which jobs the store has ended by itself, because their time was over.
    mutating func learnEnds() async throws {
        guard let client else { return }
        let cascades = witness.cascades
        defer { for _ in cascades..<witness.cascades { log.count("cascades") } }
        witness.note(wall: machine.clock.now())
        var before: Int
        // The end of one is that of others which wait for it.
        repeat {
            witness.tellEnds()
            before = witness.jobs.count(where: \.isLive)
            for job in witness.jobs where job.mayEndByItself {
                if let detail = try await client.store.inspection.job(job.id) { witness.didEndByItself(job.id, detail.summary) }
            }
        } while witness.jobs.count(where: \.isLive) < before
    }

    // MARK: Operators

    /// One change of what holds for many jobs or for a worker.
    mutating func direct() async throws {
        switch Int.random(in: 0..<10, using: &generator) {
        case 0 where hasPeriodic: try await setPeriodic()
        case ..<5: try await changeLimits()
        case ..<8: try await changeWorker()
        default: try await resumeSequences()
        }
    }

    private mutating func changeLimits() async throws {
        guard let queue = SimulationStage.queues.randomElement(using: &generator),
            let tenant = SimulationStage.tenants.randomElement(using: &generator),
            let kind = Simulation.Kind.allCases.randomElement(using: &generator)
        else { return }
        let limit = chance(0.4) ? nil : Int.random(in: 1...4, using: &generator)
        let rate = chance(0.6) ? nil : RateLimit(interval: between(.milliseconds(50), .milliseconds(500)), burst: 3)
        let change: (LimitScope, SettingChange)
        // Limits of keys more often than others: only where they change between a job's admission and its claim are they looked at twice.
        switch Int.random(in: 0..<15, using: &generator) {
        case 0: change = (.queue(queue), .pause)
        case 1: change = (.kind(kind.rawValue), .pause)
        case ..<4: change = (.queue(queue), .resume)
        case ..<6: change = (.kind(kind.rawValue), .resume)
        case 6: change = (.queue(queue), .concurrency(limit))
        case 7: change = (.kind(kind.rawValue), .concurrency(limit))
        case 8, 12: change = (.key(tenant, queue: queue), .concurrency(limit))
        case 9, 13: change = (.queue(queue), .keyConcurrency(limit))
        case 10, 14: change = chance(0.5) ? (.queue(queue), .rate(rate)) : (.queue(queue), .keyRate(rate))
        default:
            change = chance(0.5) ? (.queue(queue), .fair(chance(0.5))) : (.queue(queue), .weight(Int.random(in: 1...9, using: &generator)))
        }
        try await set(change.0, change.1)
    }

    private mutating func set(_ scope: LimitScope, _ change: SettingChange) async throws {
        guard let client else { return }
        try await client.store.queues.change(scope, [change])
        witness.didChange(scope, change)
        log.write("\(scope): \(change)", at: now)
        log.count("settings changed")
        ring()
    }

    /// Lets halted sequences go on.
    mutating func resumeSequences() async throws {
        for queue in SimulationStage.queues {
            for row in SimulationStage.rows { try await set(.sequence(row, queue: queue), .resume) }
        }
    }

    private mutating func changeWorker() async throws {
        guard let client, let process = workers.indices.filter({ workers[$0].isAlive }).randomElement(using: &generator),
            let id = workers[process].id
        else { return }
        let directive: WorkerDirective
        switch Int.random(in: 0..<10, using: &generator) {
        case ..<3: directive = .quiet
        case ..<6: directive = .resume
        case ..<9: directive = .scale(slots: Int.random(in: 1...8, using: &generator))
        default: directive = .stop
        }
        guard try await client.store.control.direct([id], directive) == [true] else { return }
        log.write("\(witness.name(id)) is told: \(directive)", at: now)
        log.count("directives")
        witness.didDirect(id, directive)
        if case .scale(let slots) = directive { workers[process].mostSlots = max(workers[process].mostSlots, slots) }
        if directive == .stop, !workers[process].isStopping, workers[process].toldToLeaveAt == nil {
            workers[process].isStopping = true
            enter(.start, in: between(.zero, .seconds(2)))
        }
        ring(wantsAttention: true)
    }

    /// One job is moved, hastened or deleted.
    mutating func change(_ job: Int) async throws {
        guard let client else { return }
        let id = witness.jobs[job].id
        switch Int.random(in: 0..<5, using: &generator) {
        case ..<3:
            if try await client.store.control.promote([id]) == [.changed] { log.count("promoted") }
        case 3:
            var edit = JobEdit()
            if chance(0.5) { edit.queue = SimulationStage.queues.randomElement(using: &generator) }
            if chance(0.5) { edit.priority = Int.random(in: -1...1, using: &generator) }
            guard !edit.isEmpty, try await client.store.control.edit([id], edit) == [.changed] else { return }
            log.count("edited")
            log.write("edit \(witness.name(id)): \(edit.queue ?? "same queue")", at: now)
            witness.didEdit(id, edit)
        default:
            guard try await client.store.control.delete([id], evenLive: chance(0.2)) == [.changed] else { return }
            log.count("deleted")
            log.write("delete \(witness.name(id))", at: now)
            witness.didDelete(id)
        }
        ring()
    }

    /// The end of what operators hold back: the limits stay.
    mutating func lift() async throws {
        try await endPeriodic()
        for queue in SimulationStage.queues { try await set(.queue(queue), .resume) }
        for kind in Simulation.Kind.allCases { try await set(.kind(kind.rawValue), .resume) }
        try await resumeSequences()
        guard let client else { return }
        for process in workers.indices where workers[process].isAlive {
            guard let id = workers[process].id, try await client.store.control.direct([id], .resume) == [true] else { continue }
            witness.didDirect(id, .resume)
        }
        ring(wantsAttention: true)
    }
}
