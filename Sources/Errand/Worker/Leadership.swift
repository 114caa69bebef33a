// The leader's part of a worker's mind: when slots of periodic jobs are to be fired.

/// What a worker knows of slots while it leads; nothing while another one does.
struct Leadership: Sendable {
    /// The next slot of any periodic job.
    private(set) var nextSlot: Timestamp?
    /// Whether slots are being fired.
    private(set) var isFiring = false
    /// Whether the store is to be asked for the next slot at once.
    private(set) var mustAsk = false
    /// Not before this, after a failure.
    private var pausedUntil: Duration?

    /// After a failure it waits so long: 5 seconds.
    static let pause = Duration.seconds(5)

    /// The store has said when the next slot is, or that this worker does not lead.
    mutating func heard(_ slot: Timestamp?) {
        // What was read before the slots under way are written says nothing any more.
        if !isFiring { nextSlot = slot }
    }

    /// Whether slots are to be fired now; then they are under way.
    mutating func begin(at now: WorkerState.Moment) -> Bool {
        guard !isFiring, let nextSlot, nextSlot <= now.wall, pausedUntil.map({ $0 <= now.uptime }) ?? true else { return false }
        isFiring = true
        pausedUntil = nil
        return true
    }

    /// Slots were fired; only the store knows the next.
    mutating func fired() {
        isFiring = false
        nextSlot = nil
        mustAsk = true
    }

    /// The store is to be told, or asked, at once: while this worker leads.
    mutating func ask() { mustAsk = mustAsk || isFiring || nextSlot != nil }

    /// The store is being asked.
    mutating func asked() { mustAsk = false }

    /// Slots could not be fired.
    mutating func failed(at uptime: Duration) {
        isFiring = false
        pausedUntil = uptime + Leadership.pause
    }

    /// When to look again.
    func nextLook(at now: WorkerState.Moment) -> Duration? {
        guard !isFiring, let nextSlot else { return nil }
        return max(now.uptime + max(nextSlot - now.wall, .zero), pausedUntil ?? .zero)
    }
}
