// Why a worker starts nothing at the moment although it has free slots: the store is short of room, or it lacks something itself.

/// What keeps a worker from claiming, and what its log has said about it.
struct ClaimPauses: Sendable {
    /// Why the store gave out nothing last time, if it said so.
    private(set) var shortage: String?
    /// Until when nothing is started, because the worker lacks what it would take.
    private(set) var hinderedUntil: Duration?
    /// When it was last said that it does.
    private var toldAt: Duration?

    /// How long a worker waits before it asks again a store that is short of room: 2 seconds.
    static let shortagePause = Duration.seconds(2)
    /// How often at most a worker says that it lacks what it needs: once a minute.
    static let quiet = Duration.seconds(60)

    /// The store has answered a claim, with a shortage or without; what is to be said, once for each change.
    mutating func didAsk(_ found: String?) -> WorkerState.Note? {
        defer { shortage = found }
        switch (shortage, found) {
        case (nil, let reason?): return .claimsPaused(reason: reason)
        case (.some, nil): return .claimsResumed
        default: return nil
        }
    }

    /// The store could not even be written to, for want of room.
    mutating func didFail(_ reason: String) { shortage = reason }

    /// The worker lacks what executions need.
    mutating func hinder(_ reason: String, for pause: Duration, at now: Duration) -> WorkerState.Note? {
        hinderedUntil = max(hinderedUntil ?? .zero, now + pause)
        if let toldAt, now - toldAt < ClaimPauses.quiet { return nil }
        toldAt = now
        return .hindered(reason: reason, pause: pause)
    }

    /// Whether a hindrance is over just now.
    mutating func isOver(at now: Duration) -> Bool {
        guard let until = hinderedUntil, until <= now else { return false }
        hinderedUntil = nil
        return true
    }
}
