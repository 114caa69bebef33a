// Whether the outcomes that are there go to the store now, or wait a moment for those that are about to come. Pure.

/// Holds a few outcomes back as long as executions run that have only just begun: jobs that are over at once end together, and one commit
/// may take the outcomes of all. Never for longer than a part of what the last exchange took, so that waiting costs less than it can save.
package struct Gathering: Sendable {
    /// What the last answer of the store brought, as far as it still runs.
    private var young: Set<ExecutionID> = []
    /// No longer than until then.
    private var until = Duration.zero

    /// So many outcomes are worth a commit of their own, which the store makes while others run: 32, since the commit itself costs about as
    /// much as twenty outcomes in it.
    package static let enough = 32
    /// Which part of the last exchange's time outcomes may wait: half.
    static let part = 2
    /// No outcome waits longer, however slow the store is: 5 milliseconds.
    static let limit = Duration.milliseconds(5)

    /// The store has answered after `duration`.
    mutating func answered(_ claimed: [ClaimedJob], after duration: Duration, at uptime: Duration) {
        young = Set(claimed.lazy.map(\.execution))
        until = uptime + min(duration / Gathering.part, Gathering.limit)
    }

    /// An execution has ended.
    mutating func ended(_ execution: ExecutionID) { young.remove(execution) }

    /// Until when so many outcomes wait; `nil` when they need not.
    func holdsBackUntil(outcomes: Int, at uptime: Duration) -> Duration? {
        young.isEmpty || outcomes == 0 || outcomes >= Gathering.enough || uptime >= until ? nil : until
    }
}
