// Periodic jobs in the in-memory store.

import Errand
import ErrandContext

extension ModelTables {
    mutating func set(_ draft: PeriodicDraft, source: String?, at now: Timestamp) -> PeriodicSetResult {
        let name = draft.periodic.name
        guard var entry = periodic[name] else {
            periodic[name] = PeriodicEntry(
                periodic: draft.periodic, source: source, isPaused: false, next: draft.first, last: nil, revision: now.microseconds)
            rings.formUnion([.work, .control])
            return .added
        }
        if source == nil, let owner = entry.source { return .belongs(to: owner) }
        guard entry.periodic != draft.periodic || entry.source != source else { return .unchanged }
        if entry.periodic.timingText != draft.periodic.timingText { entry.next = entry.isPaused ? nil : draft.first }
        heldPeriodic[name] = nil
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
        heldPeriodic[name] = nil
        entry.isPaused = isPaused
        entry.next = isPaused ? nil : next
        entry.revision += 1
        periodic[name] = entry
        if !isPaused { rings.formUnion([.work, .control]) }
        return true
    }

    /// When there is something to do about a periodic job.
    private func look(_ entry: PeriodicEntry) -> Timestamp? { entry.next.map { heldPeriodic[entry.periodic.name] ?? $0 } }

    func duePeriodic(at time: Timestamp, limit: Int) -> [PeriodicEntry] {
        let due = periodic.values.compactMap { entry in look(entry).map { (look: $0, entry: entry) } }.filter { $0.look <= time }
        return due.sorted { ($0.look, $0.entry.periodic.name) < ($1.look, $1.entry.periodic.name) }.prefix(limit).map(\.entry)
    }

    mutating func holdPeriodic(_ name: String, revision: Int64, until time: Timestamp) {
        if periodic[name]?.revision == revision, periodic[name]?.next != nil { heldPeriodic[name] = time }
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
        if firing.due != nil {
            periodic[firing.name]?.next = firing.next
            heldPeriodic[firing.name] = nil
        }
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
        guard let next = periodic.values.compactMap({ look($0) }).min() else { return nil }
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
