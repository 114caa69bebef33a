// The witness of rescues: who may be found, condemned and cut, and who pays for it.

import Errand
import ErrandContext

extension Witness {
    mutating func didFind(_ casualties: [Casualty], by observer: WorkerID, at now: Duration) {
        let judged = casualties.contains { $0.cause == .overdue && members[$0.worker]?.isRegistered == true }
        guard judged, let member = members[observer] else { return }
        if now < member.watchesFrom || now - member.renewedAt > member.lease * 2 / 3 {
            broken("\(name(observer)) judges others by time although it was late itself")
        }
    }

    mutating func didCondemn(_ casualty: Casualty, at now: Duration) {
        let worker = casualty.worker
        guard let member = members[worker] else { return broken("an unknown worker was condemned") }
        guard member.isRegistered else {
            // Condemned before, by time: whoever finishes that must not think that somebody died.
            if casualty.cause == .dead, processes[member.process].isAlive, !member.hasLeft {
                broken("\(name(worker)) was condemned while it lived, and then taken for dead")
            }
            return
        }
        members[worker]?.isRegistered = false
        switch casualty.cause {
        case .dead:
            if processes[member.process].isAlive { broken("\(name(worker)) was taken for dead, and lives") }
        case .overdue:
            if now - member.renewedAt <= member.lease {
                broken("\(name(worker)) was condemned \(member.renewedAt + member.lease - now) before the end of its lease")
            }
            if processes[member.process].isAlive, member.isKnown, neglected(member, at: now) {
                broken("\(name(worker)) lost its lease although it had the time to renew it")
            }
            for execution in held(by: worker) { executions[execution]?.isExcused = true }
        }
    }

    mutating func didRescue(_ request: RescueRequest, cut: [ExecutionID], at now: Duration, wall: Timestamp) {
        let worker = request.casualty.worker
        guard !cut.isEmpty else { return }
        didCondemn(request.casualty, at: now)
        let held = held(by: worker)
        if Set(cut) != Set(held) { broken("the rescue of \(name(worker)) cut \(cut.map(name)), and it held \(held.map(name))") }
        let isDeath = request.casualty.cause == .dead
        let culprit = members[worker]?.culprit
        for execution in held {
            if executions[execution]?.isLive == true, executions[execution]?.isCommand == true {
                broken("\(name(execution)) was rescued while its child process runs")
            }
            let diedAlone = isDeath && culprit == nil && held.count == 1 && self[execution.job].isSuspect
            let isGuilty = culprit == execution || diedAlone
            if let conviction = request.convictions.first(where: { $0.execution == execution }) {
                if !isGuilty { broken("\(name(execution)) was convicted, and did not crash") }
                end(
                    execution, .crashed, next: conviction.next(afterCrashes: self[execution.job].crashes, limit: request.convictionLimit),
                    wall: wall)
            } else {
                if isGuilty, isDeath { broken("\(name(execution)) took its worker down, and was not convicted") }
                if isDeath, culprit == nil {
                    self[execution.job].deaths += 1
                    if self[execution.job].deaths >= suspectThreshold { self[execution.job].isSuspect = true }
                }
                end(execution, isDeath ? .interrupted : .lost, next: .giveBack, wall: wall)
            }
        }
    }
}
