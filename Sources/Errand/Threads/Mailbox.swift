// Messages from any thread to one task, which takes all that have come at a time.

import Synchronization

/// Holds messages until their one reader takes them.
package final class Mailbox<Message: Sendable>: Sendable {
    private struct State {
        var messages: [Message] = []
        var reader: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// An empty one.
    package init() {}

    /// Puts a message behind the others; from any thread.
    package func put(_ message: Message) {
        let reader = state.withLock { state in
            state.messages.append(message)
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume()
    }

    /// Everything that has come, in order; waits for the first. One task at a time, and cancellation does not end the wait.
    package func take() async -> [Message] {
        await withCheckedContinuation { continuation in
            let isFilled = state.withLock { state in
                precondition(state.reader == nil, "one reader at a time")
                if state.messages.isEmpty { state.reader = continuation }
                return !state.messages.isEmpty
            }
            if isFilled { continuation.resume() }
        }
        return state.withLock { state in
            defer { state.messages = [] }
            return state.messages
        }
    }
}
