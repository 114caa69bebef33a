// Periodic jobs in a simulation: operators who set them, and leaders who read what is due and write it down some time later.

import Errand
import ErrandContext

extension SimulationStage {
    /// Two periodic jobs: one whose runs may overlap and are made up for, one whose runs wait for each other.
    private static let periodic: [PeriodicJob] = {
        var job = NewJob(kind: Simulation.Kind.swift.rawValue, payload: Array("{}".utf8))
        job.queue = "a"
        var tick = PeriodicJob("tick", .every(.seconds(7)), job)
        tick.missed = .all(upTo: 3)
        job.queue = "b"
        var turn = PeriodicJob("turn", .every(.seconds(11)), job)
        turn.overlap = .queue
        return [tick, turn]
    }()

    /// Whether there are periodic jobs in this history: in one of three, since what they do leaves less room for all else.
    var hasPeriodic: Bool { simulation.seed.isMultiple(of: 3) }

    /// Sets the periodic jobs, perhaps anew, or lets one rest.
    mutating func setPeriodic() async throws {
        guard hasPeriodic, let client else { return }
        let queue = JobQueue(store: client.store, clock: machine.clock)
        for var periodic in SimulationStage.periodic {
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: _ = try await queue.pausePeriodic(periodic.name)
            case 1: _ = try await queue.resumePeriodic(periodic.name)
            default:
                periodic.job.priority = Int.random(in: -1...1, using: &generator)
                _ = try await queue.setPeriodic(periodic)
            }
        }
        log.count("periodic jobs set")
        ring(wantsAttention: true)
    }

    /// The end of all periodic jobs.
    mutating func endPeriodic() async throws {
        _ = try await client?.store.periodic.removePeriodic(SimulationStage.periodic.map(\.name))
    }

    /// The leader reads what is due; whatever happens until it has worked that out and reaches the store again.
    mutating func readSlots(_ process: Int) async throws {
        guard now >= storeFailsUntil else { return tell(process, .firingFailed(.unavailable(reason: "simulated"))) }
        let wall = machine.clock.now()
        var firings: [PeriodicFiring] = []
        for entry in try await workers[process].process.store.periodic.duePeriodic(at: wall, limit: 10) {
            guard let due = entry.next else { continue }
            firings.append(try entry.periodic.firing(of: entry, due: due, now: wall))
        }
        guard !firings.isEmpty else { return tell(process, .fired) }
        let lease = workers[process].lease
        guard isStormy, chance(0.5), let id = workers[process].id else {
            return enter(.process(process, .fireSlots(firings)), in: latency(of: lease))
        }
        // Now and then so late that somebody else leads by then, since an operator wants this one quiet.
        enter(.process(process, .fireSlots(firings)), in: between(.seconds(1), lease * 3))
        guard try await client?.store.control.direct([id], .quiet) == [true] else { return }
        witness.didDirect(id, .quiet)
        ring(wantsAttention: true)
    }

    /// What the leader has worked out reaches the store.
    mutating func fire(_ firings: [PeriodicFiring], from process: Int) async throws {
        guard now >= storeFailsUntil else { return tell(process, .firingFailed(.unavailable(reason: "simulated"))) }
        try await learnEnds()
        let results = try await workers[process].process.store.periodic.fire(firings)
        for (firing, result) in zip(firings, results) {
            guard case .fired(let jobs) = result else {
                log.count("stale slots")
                continue
            }
            log.count("slots fired")
            witness.didFire(firing, jobs)
            log.write("process \(process) fires \(firing.name): \(jobs.map { witness.name($0.id) })", at: now)
        }
        ring()
        guard !(isStormy && chance(0.1)) else {
            log.count("lost answers")
            return tell(process, .firingFailed(.unavailable(reason: "simulated")))
        }
        // Whatever is left is read again.
        enter(.process(process, .readSlots), in: latency(of: workers[process].lease))
    }
}

extension Witness {
    /// A worker has made a step: of those that offer to lead and live, one may be told of slots.
    mutating func didOfferToLead(_ request: ExchangeRequest, _ reply: ExchangeReply) {
        if !request.leads, leader == request.worker { leader = nil }
        guard reply.nextSlot != nil else { return }
        if let leader, leader != request.worker, members[leader]?.isRegistered == true {
            broken("\(name(request.worker)) is told of slots beside \(name(leader))")
        }
        if !request.leads { broken("\(name(request.worker)) is told of slots and does not lead") }
        leader = request.worker
    }

    /// Slots were fired: none of them may have been before.
    mutating func didFire(_ firing: PeriodicFiring, _ results: [EnqueueResult]) {
        for run in firing.runs {
            if let last = firedUpTo[firing.name], run.slot <= last {
                broken("the slot \(run.slot) of \(firing.name) is fired after \(last)")
            }
            firedUpTo[firing.name] = run.slot
        }
        if results.count != firing.runs.count { broken("\(results.count) results for \(firing.runs.count) runs of \(firing.name)") }
        didEnqueue(firing.runs.map(\.job), results, isAcknowledged: true)
    }
}
