// A simulated worker's look after the others: the real rescuer, whose calls take their time like everybody's.

import Errand
import ErrandContext

extension SimulationStage {
    mutating func look(_ process: Int) async {
        enter(.process(process, .look), in: .milliseconds(750))
        let worker = workers[process]
        guard worker.rescue == nil, worker.end == nil, worker.isRegistered, let id = worker.id else { return }
        var store = worker.process.store
        store.logs = logs
        store.doorbell = doorbell
        store.crashes = crashes
        let backoffs = Simulation.Kind.allCases.reduce(into: [:]) { $0[$1.rawValue] = Backoff(base: .zero) }
        let rescuer = SteppedRescuer(as: id, store: store, clock: machine.clock, backoffs: backoffs) {
            $0.convictionLimit = SimulationStage.convictionLimit
            $0.suspectThreshold = SimulationStage.suspectThreshold
        }
        await go(on: rescuer, with: await rescuer.next(), in: process)
    }

    private mutating func go(on rescuer: SteppedRescuer, with call: SteppedRescuer.Call?, in process: Int) async {
        workers[process].rescue = call.map { (rescuer, $0) }
        if call != nil { enter(.process(process, .rescue), in: latency(of: workers[process].lease)) }
    }

    /// The rescuer's call reaches the store.
    mutating func rescue(_ process: Int) async throws {
        guard let (rescuer, call) = workers[process].rescue else { return }
        let lost = SteppedRescuer.Answer.failed(.unavailable(reason: "simulated"))
        var answer = lost
        if case .endOrphans(let executions) = call {
            endOrphans(executions)
            answer = .orphansEnded
        } else if now >= storeFailsUntil, !isStormy || !chance(0.02) {
            answer = try await performed(call, by: process)
            if isStormy, chance(0.02) { answer = lost }
        }
        await go(on: rescuer, with: await rescuer.answer(answer), in: process)
    }

    private mutating func performed(_ call: SteppedRescuer.Call, by process: Int) async throws -> SteppedRescuer.Answer {
        let jobs = workers[process].process.store.jobs
        switch call {
        case .casualties(let observer):
            // A store may name them in any order; the same history needs the same.
            var found = try await jobs.casualties(seenBy: observer).sorted { number($0) < number($1) }
            for index in found.indices { found[index].executions.sort() }
            witness.didFind(found, by: observer, at: now)
            return .casualties(found)
        case .condemn(let casualty):
            let condemned = try await jobs.condemn(casualty)
            log.write(
                "process \(process) condemns \(witness.name(casualty.worker)) as \(casualty.cause)\(condemned == nil ? ", in vain" : "")",
                at: now)
            log.count(condemned == nil ? "condemned in vain" : "condemned as \(casualty.cause)")
            if condemned != nil { witness.didCondemn(casualty, at: now) }
            return .condemned(condemned)
        case .endOrphans: return .orphansEnded
        case .rescue(var request):
            if simulation.mutation == .convictsNeighbours, let conviction = request.convictions.first {
                request.convictions = request.casualty.executions.map {
                    Conviction($0, error: conviction.error, retryAt: conviction.retryAt)
                }
            }
            let cut = try await jobs.rescue(request)
            witness.didRescue(request, cut: cut, at: now, wall: machine.clock.now())
            log.write("process \(process) rescues \(cut.sorted().map { witness.name($0) })", at: now)
            log.count("rescued")
            if !cut.isEmpty { ring() }
            return .rescued(cut)
        }
    }

    private mutating func endOrphans(_ executions: [ExecutionID]) {
        guard simulation.mutation != .leavesOrphans else { return }
        for execution in executions where witness.executions[execution]?.isCommand == true {
            if witness.executions[execution]?.isLive == true { log.count("orphans ended") }
            witness.executions[execution]?.isLive = false
        }
    }

    private func number(_ casualty: Casualty) -> Int { witness.members[casualty.worker]?.number ?? .max }
}
