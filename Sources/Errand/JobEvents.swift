// Following what happens to jobs, in any process that has the store open.

extension JobQueue {
    /// What happens to jobs from `cursor` on, in the order of the store's commits, in whatever process it happens; never ends by itself.
    ///
    /// ```swift
    /// for try await event in queue.events(after: lastSeen) {
    ///     if event.change == .died { await alert(event.job) }
    ///     lastSeen = event.cursor
    /// }
    /// ```
    /// An event comes within half a second. Keep the cursor with what you make of the events, and a restart goes on where you were; the
    /// store keeps the newest ``Limits/events``, for ``Limits/eventAge``.
    /// - Parameter cursor: Where to go on; `nil`, the default, begins with what happens from now on (once it is asked for the first event).
    public func events(after cursor: EventCursor? = nil) -> JobEvents { JobEvents(store: store, clock: clock, start: cursor) }
}

/// What happens to jobs, as an asynchronous sequence; each iteration is one of its own.
///
/// - Throws: ``EventError``; the iteration ends (without an error) when its task is cancelled.
public struct JobEvents: AsyncSequence, Sendable {
    let store: Store
    let clock: any ErrandClock
    let start: EventCursor?

    /// Begins to follow.
    public func makeAsyncIterator() -> Iterator {
        let attention = Attention(to: Set(DoorbellTopic.allCases), on: store.doorbell, clock: clock)
        return Iterator(store: store, cursor: start, attention: attention)
    }

    /// One reader of the stream.
    public struct Iterator: AsyncIteratorProtocol {
        let store: Store
        var cursor: EventCursor?
        let attention: Attention
        /// Read ahead, the next last.
        private var ahead: [JobEvent] = []

        /// How many events are read at a time.
        private static let pageSize = 500

        init(store: Store, cursor: EventCursor?, attention: Attention) {
            self.store = store
            self.cursor = cursor
            self.attention = attention
        }

        /// The next event, once it happens; `nil` when the task was cancelled.
        /// - Throws: ``EventError``.
        public mutating func next() async throws(EventError) -> JobEvent? {
            while ahead.isEmpty {
                guard !Task.isCancelled else { return nil }
                if try await read() { break }
                await attention.wait()
            }
            let event = ahead.removeLast()
            cursor = event.cursor
            return event
        }

        /// Reads the next page; whether there was anything on it.
        private mutating func read() async throws(EventError) -> Bool {
            guard let events = store.events else { throw .notKept }
            let page: EventPage
            do throws(JobStoreError) {
                page = try await events.events(after: cursor, limit: Iterator.pageSize)
            } catch {
                throw .store(error)
            }
            if let cursor { try page.check(cursor) }
            cursor = cursor ?? page.newest
            ahead = page.events.reversed()
            return !ahead.isEmpty
        }
    }
}
