// What an end means for those that wait for it: a durable list of ends, worked off a bounded slice at a time.

import Errand
import ErrandContext

extension QueueDatabase {
    /// So many edges are settled in one transaction; the rest follows in the next, which the reply's `nextWake` asks for at once.
    static let settlementsPerStep = 500

    /// A job has ended: whoever waits for it is to learn that, and its workflow counts it.
    func structureEnds(at id: Int64, _ state: FinalState, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        let place = try connection[DependencySQL.place].bind(1, id).first {
            (flags: JobFlags(rawValue: $0.integer(0)), workflow: $0.optionalInteger(1))
        }
        guard let place else { return }
        if place.flags.contains(.dependent) {
            try connection[DependencySQL.end].bind(1, id).run()
            gathered.movedEdges += connection.changes
        }
        try noteEnd(of: id, state, topics: &topics)
        if let workflow = place.workflow { try memberEnds(of: workflow, state, topics: &topics) }
    }

    /// Puts the end of a job or workflow on the list, if anybody waits for it.
    func noteEnd(of id: Int64, _ state: FinalState, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        guard try connection[DependencySQL.hasOpen].bind(1, id).first({ _ in true }) != nil else { return }
        try connection[DependencySQL.settle].bind(1, id).bind(2, state.rawValue).run()
        topics.insert(.work)
    }

    /// Works the list off, up to a slice: dependents are released, cancelled, or go on waiting.
    func settle(topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        guard try termsInUse().contains(.structure) else { return }
        var budget = QueueDatabase.settlementsPerStep
        while budget > 0 {
            guard let next = try connection[DependencySQL.nextSettling].first({ ($0.integer(0), $0.integer(1)) }) else { return }
            guard let state = FinalState(rawValue: next.1) else {
                throw .damaged(reason: "errand_settling holds the unknown state \(next.1)")
            }
            var settled: [(state: Int64, dependent: Int64, policy: Int64)] = []
            let upTo = state == .completed ? EdgeState.openHolding : .open
            try connection[DependencySQL.settled].bind(1, next.0).bind(2, upTo.rawValue).bind(3, Int64(budget)).forEach { row in
                settled.append((row.integer(0), row.integer(1), row.integer(2)))
            }
            let asked = budget
            var done = 0
            budget -= 1
            for edge in settled where budget > 0 {
                done += 1
                budget -= 1
                let before = gathered.movedEdges
                // A job that is cancelled takes all of its edges along.
                defer { budget -= gathered.movedEdges - before }
                if state != .completed, DependencyPolicy(code: edge.policy) == .cascade {
                    let prerequisite = Prerequisite(number: next.0, policy: edge.policy)
                    try cascade(to: edge.dependent, reason: QueueDatabase.reason(prerequisite, state), topics: &topics)
                } else {
                    let met = state == .completed ? EdgeState.met : .ignored
                    try connection[DependencySQL.move].bind(1, next.0).bind(2, edge.state).bind(3, edge.dependent).bind(4, met.rawValue)
                        .run()
                    try needLess(edge.dependent, topics: &topics)
                }
            }
            if done == settled.count, done < asked { try connection[DependencySQL.dropSettling].bind(1, next.0).run() }
        }
    }

    /// Whether the list has more than the last slice has taken.
    func isSettling() throws(JobStoreError) -> Bool {
        guard try termsInUse().contains(.structure) else { return false }
        return try connection[DependencySQL.nextSettling].first { _ in true } ?? false
    }

    /// Cancels a job that waits for what has failed.
    private func cascade(to id: Int64, reason: String, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        guard let job = try locate(JobID(rawValue: id)), case .blocked(let carried, _) = job.state else {
            throw .damaged(reason: "job \(JobID(rawValue: id)) waits for another and is not blocked")
        }
        try takeOut(JobID(rawValue: id), job)
        try end(JobID(rawValue: id), job, carried, as: .cancelled, reason: reason, topics: &topics)
    }

    /// One of the things that a job waits for has ended: with the last one it is released.
    private func needLess(_ id: Int64, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        let row = try connection[DependencySQL.blocked].bind(1, id).first {
            (
                needs: $0.integer(0),
                carried: Whereabouts.Carried(base: $0.integer(1), attempt: $0.integer(2), crashes: $0.integer(3))
            )
        }
        guard let row else { throw .damaged(reason: "job \(JobID(rawValue: id)) waits for another and is not blocked") }
        guard row.needs <= 1 else {
            try connection[DependencySQL.needLess].bind(1, id).run()
            return
        }
        try connection[DependencySQL.unblock].bind(1, id).run()
        try release(id, row.carried)
        topics.insert(.work)
    }

    /// Lets a job go on that was blocked: at its own time, or as due now.
    func release(_ id: Int64, _ carried: Whereabouts.Carried) throws(JobStoreError) {
        let now = clock.now
        let runAt = try connection[PlacementSQL.input].bind(1, id).first { $0.integer(2) }
        if let runAt, runAt > now {
            try schedule(
                id, until: runAt, base: carried.base, attempt: carried.attempt, crashes: carried.crashes, reason: .delayed)
        } else {
            try connection[DependencySQL.becomeDue].bind(1, now).bind(2, id).run()
            try place(id, base: carried.base, attempt: carried.attempt, crashes: carried.crashes)
        }
    }
}
