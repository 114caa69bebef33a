// Sequences in the in-memory store: one job at a time, in the order in which they were added.

import Errand
import ErrandContext

/// Whose turn it is in a sequence.
struct ModelSequence {
    /// A live job, or the dead one that halts the sequence.
    var current: JobID
    var isHalted = false
}

extension ModelTables {
    /// Whether it is the turn of `job`, which becomes its sequence's first if there is none.
    mutating func takesTurn(_ job: ModelJob) -> Bool {
        guard let key = sequence(of: job), !faults.contains(.ignoresSequences) else { return true }
        guard let sequence = sequences[key] else {
            sequences[key] = ModelSequence(current: job.id)
            return true
        }
        guard sequence.current == job.id else { return false }
        sequences[key]?.isHalted = false
        return true
    }

    func sequence(of job: ModelJob) -> ModelKey? {
        job.input.terms.sequence.map { ModelKey(queue: job.input.queue, name: $0.key) }
    }

    /// A job has ended: the turn goes to the next of its sequence, unless its death halts that.
    mutating func turnEnds(of id: JobID, as state: JobState, at now: Timestamp) {
        guard let key = sequences.first(where: { $0.value.current == id })?.key else { return }
        if state == .dead, jobs[id]?.input.terms.sequence?.haltsOnDeath ?? false {
            sequences[key]?.isHalted = true
        } else {
            passTurn(in: key, at: now)
        }
    }

    /// Lets the next job of a sequence go on.
    mutating func passTurn(in key: ModelKey, at now: Timestamp) {
        let waiting = jobs.values.filter { $0.state == .waiting && $0.waits == .forTurn && sequence(of: $0) == key }
        guard var next = waiting.min(by: { $0.id < $1.id }) else {
            sequences[key] = nil
            return
        }
        sequences[key] = ModelSequence(current: next.id)
        place(&next, at: now)
        jobs[next.id] = next
        rings.insert(.work)
    }

    /// A job leaves its sequence in the middle of its life.
    mutating func leaveSequence(_ id: JobID, at now: Timestamp) {
        guard let key = sequences.first(where: { $0.value.current == id })?.key else { return }
        passTurn(in: key, at: now)
    }

    /// Whether the death of a job halts its sequence.
    func halts(_ id: JobID) -> Bool { sequences.values.contains { $0.current == id } }
}
