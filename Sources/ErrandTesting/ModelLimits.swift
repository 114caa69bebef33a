// Pauses and limits of queues and kinds, in the in-memory store: everything is counted anew whenever it is asked.

import Errand
import ErrandContext

/// What stands for one queue or kind.
struct ModelLimit {
    var isPaused = false
    var concurrency: Int?
    var rate: RateLimit?
    /// How much of the rate is used up.
    var meter: PermitMeter?
    var keyConcurrency: Int?
    var keyRate: RateLimit?
    var isFair = false
    /// How far a fair queue has come.
    var virtualTime: Int64 = 0
    var weight = 1

    mutating func apply(_ change: SettingChange, at now: Timestamp) {
        switch change {
        case .pause: isPaused = true
        case .resume: isPaused = false
        case .concurrency(let limit): concurrency = limit
        case .rate(let rate):
            // What was used under the rate before is used under the new one.
            meter = rate.map { PermitMeter($0, fullAt: meter?.fullAt ?? 0) }
            self.rate = rate
        case .keyConcurrency(let limit): keyConcurrency = limit
        case .keyRate(let rate): keyRate = rate
        case .fair(let isFair):
            self.isFair = isFair
            virtualTime = max(virtualTime, now.microseconds)
        case .weight(let weight): self.weight = weight
        }
    }

    /// Whether anything is set that a key would be listed for.
    var isSet: Bool { concurrency != nil || rate != nil || weight != 1 }
}

/// How many more jobs of each queue and kind may start, while a claim puts together what it takes.
struct ModelRoom {
    private var left: [LimitScope: Int] = [:]

    init(in tables: ModelTables, at now: Timestamp) {
        for (scope, limit) in tables.limits {
            var room = Int.max
            if limit.isPaused { room = 0 }
            if case .kind = scope, tables.faults.contains(.pausedKindsRun) { room = .max }
            if let most = limit.concurrency { room = min(room, max(0, most - tables.running(in: scope))) }
            if let meter = limit.meter {
                let permits = meter.permits(at: now.microseconds)
                room = min(room, tables.faults.contains(.permitsNotSaved) ? min(1, permits) : permits)
            }
            left[scope] = room
        }
    }

    func admits(_ job: NewJob) -> Bool { job.scopes.allSatisfy { left[$0] ?? 1 > 0 } }

    mutating func take(_ job: NewJob) {
        for scope in job.scopes { if let room = left[scope], room < .max { left[scope] = room - 1 } }
    }
}

extension ModelTables {
    mutating func change(_ scope: LimitScope, _ changes: [SettingChange], at now: Timestamp) {
        if case .sequence(let name, let queue) = scope {
            let key = ModelKey(queue: queue, name: name)
            if sequences[key]?.isHalted ?? false { passTurn(in: key, at: now) }
        } else {
            for change in changes { limits[scope, default: ModelLimit()].apply(change, at: now) }
            if case .key(_, let queue) = scope { usedScopes.insert(.queue(queue)) }
            admitDue(at: now)
        }
        rings.insert(.work)
    }

    /// What stands for every queue and kind that a job, or a change, has named.
    var settings: [QueueSettings] {
        let scopes = Set(limits.keys.filter { if case .key = $0 { limits[$0]?.isSet ?? false } else { true } }).union(usedScopes)
        let halted = sequences.filter(\.value.isHalted).keys.map { LimitScope.sequence($0.name, queue: $0.queue) }
        return (Array(scopes) + halted).sorted { ModelTables.listing($0) < ModelTables.listing($1) }.map { scope in
            if case .sequence = scope { return QueueSettings(scope: scope, isPaused: true) }
            let limit = limits[scope] ?? ModelLimit()
            return QueueSettings(
                scope: scope, isPaused: limit.isPaused, concurrency: limit.concurrency, rate: limit.rate,
                keyConcurrency: limit.keyConcurrency, keyRate: limit.keyRate, isFair: limit.isFair, weight: limit.weight,
                running: running(in: scope))
        }
    }

    /// Where a scope stands in a list: queues, kinds, keys, sequences; each by queue and name.
    private static func listing(_ scope: LimitScope) -> (Int, String, String) {
        switch scope {
        case .queue(let name): (0, "", name)
        case .kind(let name): (1, "", name)
        case .key(let name, let queue): (2, queue, name)
        case .sequence(let name, let queue): (3, queue, name)
        }
    }

    func running(in scope: LimitScope) -> Int {
        if case .key(let name, let queue) = scope { return running(of: ModelKey(queue: queue, name: name)) }
        return jobs.values.count { $0.state == .running && $0.input.scopes.contains(scope) }
    }

    /// Whether the end of `job`, which runs, lets another one start.
    func makesRoom(_ job: ModelJob) -> Bool {
        job.input.scopes.contains { scope in limits[scope]?.concurrency.map { running(in: scope) >= $0 } ?? false }
    }

    /// Whether a limit, but no pause, keeps back a job that `claim` asks for.
    func holdsBack(_ claim: ClaimRequest, at now: Timestamp) -> Bool {
        let room = ModelRoom(in: self, at: now)
        let queues = Set(claim.queues.map(\.queue))
        return jobs.values.contains { job in
            if job.state == .waiting, job.waits == .forKey {
                return queues.contains(job.input.queue) && claim.kinds.contains(job.input.kind)
                    && !job.input.scopes.contains { limits[$0]?.isPaused ?? false }
            }
            return job.state == .available && queues.contains(job.input.queue) && claim.kinds.contains(job.input.kind)
                && !job.input.scopes.contains { limits[$0]?.isPaused ?? false } && !room.admits(job.input)
        }
    }

    /// When the queues and kinds that `claim` asks for, and that have used up their rates, may start jobs again.
    func nextPermits(for claim: ClaimRequest?, at now: Timestamp) -> [Timestamp] {
        guard let claim else { return [] }
        let scopes = Set(claim.queues.map { LimitScope.queue($0.queue) } + claim.kinds.map(LimitScope.kind))
        return scopes.compactMap { limits[$0]?.meter?.nextPermit(at: now.microseconds).map(Timestamp.init(microseconds:)) }
    }

    mutating func usePermits(for job: NewJob, at now: Timestamp) {
        for scope in job.scopes { limits[scope]?.meter?.take(1, at: now.microseconds) }
    }
}

extension NewJob {
    /// What limits it is under.
    fileprivate var scopes: [LimitScope] { [.queue(queue), .kind(kind)] }
}
