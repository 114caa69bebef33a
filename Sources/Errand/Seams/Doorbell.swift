// The wake-up seam: tells waiting processes that there may be something to do. Only ever a hint.

/// Wakes whoever waits for a topic, in this process and in others on the same store. A ring may be lost or come for nothing;
/// whoever listens looks for itself.
public protocol Doorbell: Sendable {
    /// Wakes the listeners of `topics`. Never blocks, never fails.
    func ring(_ topics: Set<DoorbellTopic>)

    /// Calls `onRing` when one of `topics` was rung, from a thread of the doorbell's own, until the listener is stopped. A store
    /// whose changes can happen without a ring (plain SQL) calls it also when it notices one, with all topics.
    func listen(to topics: Set<DoorbellTopic>, _ onRing: @escaping @Sendable (Set<DoorbellTopic>) -> Void) -> any DoorbellListener
}

/// A listener that can be stopped.
public protocol DoorbellListener: Sendable {
    /// Ends the calls; one that is under way may still finish.
    func stop()
}

/// What a ring is about.
public enum DoorbellTopic: String, Sendable, Hashable, CaseIterable {
    /// Jobs may have become available.
    case work
    /// Somebody asked a worker for something, such as the end of an execution.
    case control
    /// Jobs have ended.
    case outcome
    /// Log lines have been appended, or progress was told.
    case log
}
