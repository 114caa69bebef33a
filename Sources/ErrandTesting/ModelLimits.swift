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

    mutating func apply(_ change: SettingChange) {
        switch change {
        case .pause: isPaused = true
        case .resume: isPaused = false
        case .concurrency(let limit): concurrency = limit
        case .rate(let rate):
            // What was used under the rate before is used under the new one.
            meter = rate.map { PermitMeter($0, fullAt: meter?.fullAt ?? 0) }
            self.rate = rate
        }
    }
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
    mutating func change(_ scope: LimitScope, _ changes: [SettingChange]) {
        for change in changes { limits[scope, default: ModelLimit()].apply(change) }
        rings.insert(.work)
    }

    /// What stands for every queue and kind that a job, or a change, has named.
    var settings: [QueueSettings] {
        let scopes = Set(limits.keys).union(usedScopes)
        let queues = scopes.filter { if case .queue = $0 { true } else { false } }
        return [queues, scopes.subtracting(queues)].flatMap { $0.sorted { $0.name < $1.name } }.map { scope in
            let limit = limits[scope] ?? ModelLimit()
            return QueueSettings(
                scope: scope, isPaused: limit.isPaused, concurrency: limit.concurrency, rate: limit.rate, running: running(in: scope))
        }
    }

    func running(in scope: LimitScope) -> Int { jobs.values.count { $0.state == .running && $0.input.scopes.contains(scope) } }

    /// Whether the end of `job`, which runs, lets another one start.
    func makesRoom(_ job: ModelJob) -> Bool {
        job.input.scopes.contains { scope in limits[scope]?.concurrency.map { running(in: scope) >= $0 } ?? false }
    }

    /// Whether a limit, but no pause, keeps back a job that `claim` asks for.
    func holdsBack(_ claim: ClaimRequest, at now: Timestamp) -> Bool {
        let room = ModelRoom(in: self, at: now)
        let queues = Set(claim.queues.map(\.queue))
        return jobs.values.contains { job in
            job.state == .available && queues.contains(job.input.queue) && claim.kinds.contains(job.input.kind)
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
