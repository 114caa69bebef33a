// Which slots are fired when a periodic job is due: arithmetic on times, nothing else.

import ErrandSchedules

extension PeriodicJob {
    /// The names under which a run carries where it comes from, in its ``NewJob/meta``.
    package static let metaName = "periodic"
    package static let metaSlot = "slot"

    /// The job that stands for the slot at `slot`.
    package func run(at slot: Timestamp) -> NewJob {
        var run = job
        let start = slot + delay(of: slot)
        run.runAt = start
        run.meta[PeriodicJob.metaName] = name
        run.meta[PeriodicJob.metaSlot] = slot.description
        // A run that starts late by chance has as long as the others.
        if let expires { run.terms.expiresAt = start + expires }
        if let deadline { run.terms.deadline = start + deadline }
        if let uniqueness { run.terms.uniqueness = uniqueness }
        run.traceRelation = .link
        return run
    }

    /// What keeps its runs apart; `nil` where they may overlap.
    package var uniqueness: Uniqueness? {
        let key = "errand.periodic/\(name)"
        switch overlap {
        case .allow: return nil
        case .skip: return Uniqueness(key: key, scope: .store, onConflict: .reject)
        case .queue, .cancel: return Uniqueness(key: key, scope: .store, onConflict: .keepLast)
        }
    }

    /// How much later than its slot a run may start: always the same for a slot, and scattered over names and slots.
    private func delay(of slot: Timestamp) -> Duration {
        let span = jitter.wholeMicroseconds
        guard span > 0 else { return .zero }
        // FNV-1a over name and slot: nothing here must differ between processes, as Swift's own hashes do.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in Array(name.utf8) + Array(slot.description.utf8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return .microseconds(Int64(hash % UInt64(span + 1)))
    }

    /// The slots that are fired now, of those from `due` up to `now`; the oldest first. Empty when all are left out.
    package func slotsToFire(due: Timestamp, now: Timestamp) throws(ScheduleProblem) -> [Timestamp] {
        let schedule = try schedule()
        let last = endsAt.map { min($0, now) } ?? now
        let bound = Timestamp(microseconds: due.microseconds - 1)
        switch missed {
        case .skip: return schedule.latest(1, upTo: last, after: bound).filter { now - $0 <= PeriodicJob.punctuality }
        case .latest: return schedule.latest(1, upTo: last, after: bound)
        case .all(let limit): return schedule.latest(limit, upTo: last, after: bound)
        }
    }

    /// What is to be written when a slot has come.
    package func firing(of entry: PeriodicEntry, due: Timestamp, now: Timestamp) throws(ScheduleProblem) -> PeriodicFiring {
        let slots = try slotsToFire(due: due, now: now)
        // What is too much for one commit is due at once again: the first that is left is the next slot.
        let limit = max(1, min(PeriodicFiring.runsPerCommit, PeriodicFiring.bytesPerCommit / max(1, job.payload.count)))
        return PeriodicFiring(
            name: name, revision: entry.revision, due: due,
            runs: slots.prefix(limit).map { PeriodicFiring.Run(slot: $0, job: run(at: $0)) },
            next: slots.count > limit ? slots[limit] : try nextSlot(after: max(now, due)), cancelsPrevious: overlap == .cancel)
    }
}
