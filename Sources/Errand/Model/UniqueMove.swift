// What becomes of a job whose unique key is taken: a pure decision that every store acts on.

/// The job that has a unique key, as an enqueue finds it.
package struct UniqueOwner: Sendable, Hashable {
    package var job: JobID
    package var hasStarted: Bool
    package var hasEnded: Bool
    package var createdAt: Timestamp
    package var runAt: Timestamp
    /// The job that waits behind it, and when that may start.
    package var next: JobID?
    package var nextRunAt: Timestamp?

    package init(
        job: JobID, hasStarted: Bool, hasEnded: Bool, createdAt: Timestamp, runAt: Timestamp, next: JobID? = nil,
        nextRunAt: Timestamp? = nil
    ) {
        (self.job, self.hasStarted, self.hasEnded, self.createdAt, self.runAt) = (job, hasStarted, hasEnded, createdAt, runAt)
        (self.next, self.nextRunAt) = (next, nextRunAt)
    }
}

/// What an enqueue does that meets the owner of its key.
package enum UniqueMove: Sendable, Hashable {
    /// Nothing is added.
    case refuse
    /// The new job takes the place of that one, under its ID, and starts then.
    case substitute(JobID, runAt: Timestamp, EnqueueResult)
    /// The new job waits behind the owner.
    case wait
}

extension Uniqueness {
    /// What becomes of a job that may start at `runAt` (`nil` is at once) beside `owner`.
    package func move(beside owner: UniqueOwner, runAt: Timestamp?, now: Timestamp) -> UniqueMove {
        guard !owner.hasEnded else { return .refuse }
        switch onConflict {
        case .reject: return .refuse
        case .replace, .keepLast:
            // Without a time of its own it keeps its place in the line: whoever is replaced again and again comes to its turn.
            guard owner.hasStarted else {
                return .substitute(owner.job, runAt: runAt ?? min(owner.runAt, now), .replaced(owner.job))
            }
            guard onConflict == .keepLast else { return .refuse }
            guard let next = owner.next else { return .wait }
            return .substitute(next, runAt: runAt ?? min(owner.nextRunAt ?? now, now), .replaced(next))
        case .debounce(let delay, let maximumWait):
            guard !owner.hasStarted else { return .refuse }
            let latest = maximumWait.map { owner.createdAt + $0 }
            return .substitute(owner.job, runAt: min(now + delay, latest ?? now + delay), .debounced(owner.job))
        }
    }

    /// When the first job with a key may start, if that is not its own to say.
    package func firstRunAt(now: Timestamp) -> Timestamp? {
        if case .debounce(let delay, let maximumWait) = onConflict { now + min(delay, maximumWait ?? delay) } else { nil }
    }
}
