// Periodic jobs in the in-memory store.

import Errand
import ErrandContext

extension ModelTables {
    mutating func set(_ draft: PeriodicDraft, source: String?) -> PeriodicSetResult {
        let name = draft.periodic.name
        guard var entry = periodic[name] else {
            periodic[name] = PeriodicEntry(
                periodic: draft.periodic, source: source, isPaused: false, next: draft.first, last: nil, revision: 1)
            rings.formUnion([.work, .control])
            return .added
        }
        if source == nil, let owner = entry.source { return .belongs(to: owner) }
        guard entry.periodic != draft.periodic || entry.source != source else { return .unchanged }
        if entry.periodic.timingText != draft.periodic.timingText { entry.next = entry.isPaused ? nil : draft.first }
        entry.periodic = draft.periodic
        entry.source = source
        entry.revision += 1
        periodic[name] = entry
        rings.formUnion([.work, .control])
        return .changed
    }

    /// Removes what `source` has set before and does not name any more.
    mutating func keepPeriodic(_ names: Set<String>, of source: String) {
        periodic = periodic.filter { $0.value.source != source || names.contains($0.key) }
    }

    mutating func pausePeriodic(_ name: String, _ isPaused: Bool, next: Timestamp?) -> Bool {
        guard var entry = periodic[name] else { return false }
        entry.isPaused = isPaused
        entry.next = isPaused ? nil : next
        entry.revision += 1
        periodic[name] = entry
        if !isPaused { rings.formUnion([.work, .control]) }
        return true
    }

    func duePeriodic(at time: Timestamp, limit: Int) -> [PeriodicEntry] {
        let due = periodic.values.filter { $0.next.map { $0 <= time } ?? false }
        return Array(due.sorted { ($0.next ?? time, $0.periodic.name) < ($1.next ?? time, $1.periodic.name) }.prefix(limit))
    }

    mutating func fire(
        _ firing: PeriodicFiring, at now: Timestamp, using generator: inout some RandomNumberGenerator
    ) -> PeriodicFireResult {
        guard let entry = periodic[firing.name], entry.revision == firing.revision else { return .stale }
        if let due = firing.due, entry.next != due, !faults.contains(.firesAnySlot) { return .stale }
        var results: [EnqueueResult] = []
        for run in firing.runs {
            if firing.cancelsPrevious { cancelPrevious(of: run.job, at: now) }
            results += enqueue([run.job], at: now, using: &generator)
        }
        if firing.due != nil { periodic[firing.name]?.next = firing.next }
        if let run = firing.runs.last, let result = results.last {
            let wasSkipped = if case .unique = result { true } else { false }
            periodic[firing.name]?.last = PeriodicEntry.Fired(slot: run.slot, at: now, job: result.id, wasSkipped: wasSkipped)
        }
        return .fired(results)
    }

    private mutating func cancelPrevious(of job: NewJob, at now: Timestamp) {
        guard let mark = job.terms.uniqueness?.mark(kind: job.kind, queue: job.queue), let key = uniqueKeys[mark] else { return }
        for id in [key.next, key.owner].compactMap(\.self) where jobs[id]?.state.isFinal == false {
            _ = cancel(id, reason: "the next run of its periodic job is due", at: now)
        }
    }

    // MARK: The leader

    mutating func nextSlot(for worker: WorkerID, leads: Bool) -> Timestamp? {
        guard let next = periodic.values.compactMap(\.next).min() else { return nil }
        guard leads else {
            leaves(worker)
            return nil
        }
        if leader == nil || faults.contains(.everybodyLeads) { leader = worker }
        return leader == worker ? next : nil
    }

    /// A worker leads no more, if it did.
    mutating func leaves(_ worker: WorkerID) {
        guard leader == worker else { return }
        leader = nil
        rings.formUnion([.work, .control])
    }
}
