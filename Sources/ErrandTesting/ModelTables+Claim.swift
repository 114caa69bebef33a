// What a claim takes from the in-memory store, and in which order.

import Errand
import ErrandContext

extension ModelTables {
    /// A suspect alone, where that may be; else what ``candidates(for:at:)`` gives, and whether a suspect waits for an idle worker.
    mutating func candidatesMindingSuspects(for claim: ClaimRequest, at now: Timestamp) -> (candidates: [JobID], suspectsWait: Bool) {
        guard claim.limit > 0, !jobs.values.contains(where: { $0.isSuspect && $0.state == .running }) else {
            return (candidates(for: claim, at: now), false)
        }
        let room = ModelRoom(in: self, at: now)
        let queues = Set(claim.queues.filter { $0.limit > 0 }.map(\.queue))
        let waiting = jobs.values.filter {
            $0.isSuspect && $0.state == .available && queues.contains($0.input.queue) && claim.kinds.contains($0.input.kind)
                && room.admits($0.input) && (key(of: $0).map { self.room(of: $0, at: now) > 0 } ?? true)
        }
        guard let next = waiting.min(by: ModelTables.precedes) else { return (candidates(for: claim, at: now), false) }
        return claim.mayRunAlone ? ([next.id], false) : (candidates(for: claim, at: now), true)
    }

    /// The jobs that `claim` would take: of the queues in their order, or by their weights; in each by priority, place and ID, only of the
    /// kinds asked for. Jobs that stand in the way and whose limit key has no room any more wait again.
    mutating func candidates(for claim: ClaimRequest, at now: Timestamp) -> [JobID] {
        var found: [JobID] = []
        var room = ModelRoom(in: self, at: now)
        var keyRoom: [ModelKey: Int] = [:]
        var left: [String: Int] = Dictionary(claim.queues.map { ($0.queue, $0.limit) }, uniquingKeysWith: max)
        var lines: [String: [ModelJob]] = [:]
        for share in claim.queues { lines[share.queue] = line(of: share, for: claim) }
        while found.count < claim.limit {
            let open = claim.queues.map(\.queue).filter { queue in
                left[queue] ?? 0 > 0 && lines[queue]?.contains { room.admits($0.input) } ?? false
            }
            let next = claim.order == .strict ? open.first : open.min { passes.time(of: $0) < passes.time(of: $1) }
            guard let next, let place = lines[next]?.firstIndex(where: { room.admits($0.input) }), var job = lines[next]?[place] else {
                break
            }
            if let spare = claim.spare, found.count >= claim.limit - spare.slots, job.input.priority > spare.priority {
                left[next] = 0
                continue
            }
            lines[next]?.remove(at: place)
            if let key = key(of: job), !faults.contains(.keysCheckedOnce) {
                let free = keyRoom[key] ?? self.room(of: key, at: now)
                guard free > 0 else {
                    (job.state, job.waits, job.rank) = (.waiting, .forKey, nil)
                    jobs[job.id] = job
                    continue
                }
                keyRoom[key] = free < .max ? free - 1 : free
            }
            found.append(job.id)
            left[next, default: 0] -= 1
            if !faults.contains(.limitsCheckedOnce) { room.take(job.input) }
            if claim.order == .weighted { passes.take(next, weight: Int64(limits[.queue(next)]?.weight ?? 1)) }
        }
        return found
    }

    /// What stands in the line of a queue.
    private func line(of share: ClaimRequest.QueueShare, for claim: ClaimRequest) -> [ModelJob] {
        var line = jobs.values.filter {
            $0.state == .available && $0.input.queue == share.queue && (!$0.isSuspect || faults.contains(.suspectsMingle))
        }
        line.sort {
            ($0.input.priority, $0.rank ?? $0.dueAt.microseconds, $0.id) < ($1.input.priority, $1.rank ?? $1.dueAt.microseconds, $1.id)
        }
        if faults.contains(.filterAfterRange) { line = Array(line.prefix(max(0, min(share.limit, claim.limit)))) }
        return line.filter { claim.kinds.contains($0.input.kind) }
    }
}
