// The doorbell of the in-memory store: calls listeners of this process, one ring after the other.

import Dispatch
public import Errand
import Synchronization

/// A ``Doorbell`` for one process. Listeners are called in the order of the rings, on a queue of the doorbell's own.
public final class ModelDoorbell: Doorbell {
    private struct State {
        var last = 0
        var listeners: [Int: (topics: Set<DoorbellTopic>, onRing: @Sendable (Set<DoorbellTopic>) -> Void)] = [:]
    }

    private let state = Mutex(State())
    private let calls = DispatchQueue(label: "errand.model-doorbell")

    /// A doorbell that nobody listens to yet.
    public init() {}

    /// Calls the listeners of `topics`, soon; an empty set rings nothing.
    public func ring(_ topics: Set<DoorbellTopic>) {
        guard !topics.isEmpty else { return }
        calls.async { [self] in
            let called = state.withLock { state in state.listeners.sorted { $0.key < $1.key }.map(\.value) }
            for listener in called {
                let heard = listener.topics.intersection(topics)
                if !heard.isEmpty { listener.onRing(heard) }
            }
        }
    }

    /// Calls `onRing` with those of `topics` that were rung, until the listener is stopped.
    public func listen(to topics: Set<DoorbellTopic>, _ onRing: @escaping @Sendable (Set<DoorbellTopic>) -> Void) -> any DoorbellListener {
        state.withLock { state in
            state.last += 1
            state.listeners[state.last] = (topics, onRing)
            return Listener(doorbell: self, number: state.last)
        }
    }

    private struct Listener: DoorbellListener {
        let doorbell: ModelDoorbell
        let number: Int

        func stop() {
            doorbell.state.withLock { $0.listeners[number] = nil }
        }
    }
}
