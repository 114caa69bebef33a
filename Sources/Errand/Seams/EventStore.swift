// The seam to the database, as someone who follows what happens sees it.

/// Reads the events that a store has recorded, in the order of its commits.
public protocol EventStore: Sendable {
    /// Events behind `cursor`, at most `limit`, oldest first; `nil` is behind the newest, which brings none. Whether the cursor is still
    /// good is said by ``EventPage/check(_:)``.
    /// - Throws: ``JobStoreError``.
    func events(after cursor: EventCursor?, limit: Int) async throws(JobStoreError) -> EventPage
}

/// A piece of the stream.
public struct EventPage: Sendable, Hashable {
    /// Oldest first.
    public var events: [JobEvent]
    /// The lowest cursor that nothing is missing behind.
    public var oldest: EventCursor
    /// The place behind the newest event.
    public var newest: EventCursor

    /// Puts together a page; used by stores.
    public init(events: [JobEvent], oldest: EventCursor, newest: EventCursor) {
        self.events = events
        self.oldest = oldest
        self.newest = newest
    }

    /// Refuses a cursor that events are missing behind, or that this store has never given out.
    /// - Throws: ``EventError``.
    public func check(_ cursor: EventCursor) throws(EventError) {
        guard cursor >= oldest else { throw .cursorTooOld(cursor, oldest: oldest) }
        guard cursor <= newest else { throw .cursorUnknown(cursor, newest: newest) }
    }
}

/// Why the stream of events cannot be read from there.
@nonexhaustive public enum EventError: Error, Hashable, Sendable {
    /// What came next is not kept any more.
    case cursorTooOld(EventCursor, oldest: EventCursor)
    /// The store has not recorded so many events: the cursor is another store's, or that of one which was restored since.
    case cursorUnknown(EventCursor, newest: EventCursor)
    /// The store keeps no events.
    case notKept
    /// The store could not be asked.
    case store(JobStoreError)
}

extension EventError: CustomStringConvertible {
    /// What happened, then what to do next.
    public var description: String {
        switch self {
        case .cursorTooOld(let cursor, let oldest):
            "the events behind cursor \(cursor) are not kept any more: look at the jobs themselves, and go on from the oldest, \(oldest)"
        case .cursorUnknown(let cursor, let newest):
            "cursor \(cursor) is not of this store, which has recorded \(newest) events: look at the jobs themselves, and go on from there"
        case .notKept: "this store keeps no events"
        case .store(let error): error.description
        }
    }
}
