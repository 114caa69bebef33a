// What goes wrong in a simulation: deaths, stops, jumps, shutdowns, a store that does not answer.

import Errand
import ErrandContext

extension SimulationStage {
    mutating func start() async throws {
        let worker = SimulatedWorker(process: try await machine.start(), mutation: simulation.mutation, using: &generator)
        let process = workers.count
        workers.append(worker)
        witness.processes.append(Witness.Process(freeSince: now))
        log.write("process \(process) starts: \(worker.concurrency) slots, a lease of \(worker.lease)", at: now)
        enter(.process(process, .look), in: between(.zero, .milliseconds(750)))
        tell(process, .rang(wantsAttention: false))
    }

    mutating func fault() async {
        guard let process = workers.indices.filter({ workers[$0].isAlive }).randomElement(using: &generator) else { return }
        switch Int.random(in: 0..<100, using: &generator) {
        case ..<22:
            log.count("killed")
            await die(process, record: nil)
        case ..<27:
            // A crash that nobody in particular is known to have caused.
            log.count("crashed by nobody")
            await die(process, record: CrashRecord(signal: 6, execution: nil))
        case ..<50: stop(process, for: between(.milliseconds(10), workers[process].lease * 3))
        case ..<56:
            log.count("suspended")
            let pause = between(.seconds(1), .seconds(30))
            for process in workers.indices where workers[process].isAlive { stop(process, for: pause + between(.zero, .milliseconds(20))) }
        case ..<70:
            let jump = Duration.seconds(chance(0.5) ? 3600 : -3600)
            machine.clock.jumpWall(by: jump)
            log.count("wall clock jumped")
            log.write("the wall clock jumps by \(jump)", at: now)
        case ..<90: leave(process)
        default:
            storeFailsUntil = now + between(.zero, .seconds(5))
            log.count("outages")
            log.write("the store fails until \(storeFailsUntil)", at: now)
        }
    }

    private mutating func leave(_ process: Int) {
        guard !workers[process].isStopped else { return }
        log.count("shutdowns")
        log.write("process \(process) is told to leave", at: now)
        if workers[process].toldToLeaveAt == nil, !workers[process].isStopping { enter(.start, in: between(.zero, .seconds(2))) }
        workers[process].toldToLeaveAt = workers[process].toldToLeaveAt ?? now
        tell(process, chance(0.7) ? .drainRequested : .cancelRequested)
    }

    private mutating func stop(_ process: Int, for duration: Duration) {
        guard !workers[process].isStopped else { return }
        log.count("stopped")
        log.write("process \(process) is stopped for \(duration)", at: now)
        workers[process].isStopped = true
        witness.note(process: process, isFree: false, at: now)
        enter(.resume(process: process), in: duration)
    }

    mutating func resume(_ process: Int) {
        guard workers[process].isAlive, workers[process].isStopped else { return }
        log.write("process \(process) goes on", at: now)
        workers[process].isStopped = false
        if workers[process].toldToLeaveAt != nil { workers[process].toldToLeaveAt = now }
        witness.note(process: process, isFree: workers[process].isFree, at: now)
        // Whatever came meanwhile comes now, in any order.
        for event in workers[process].missed { enter(.process(process, event), in: between(.zero, .milliseconds(5))) }
        workers[process].missed = []
    }

    /// The process dies; `record` is what its crash file says.
    mutating func die(_ process: Int, record: CrashRecord?) async {
        let whose = record?.execution.map { " in \(witness.name($0))" } ?? ""
        log.write("process \(process) \(record == nil ? "is killed" : "crashes" + whose)", at: now)
        if let record, let id = workers[process].id {
            crashes.leave(Array((record.line + "\n").utf8), by: id)
            witness.members[id]?.culprit = record.execution
        }
        for execution in workers[process].handlers.keys.sorted() where witness.executions[execution]?.isCommand == true {
            enter(.orphanEnds(execution), in: between(.zero, .seconds(20)))
        }
        await kill(process)
        if workers[process].toldToLeaveAt == nil, !workers[process].isStopping {
            enter(.start, in: between(.milliseconds(50), .seconds(2)))
        }
    }

    /// Ends a process, whatever it does.
    mutating func kill(_ process: Int) async {
        workers[process].isAlive = false
        witness.didDie(process, at: now)
        await workers[process].process.kill()
        await workers[process].rescue?.rescuer.abandon()
        workers[process].rescue = nil
    }
}
