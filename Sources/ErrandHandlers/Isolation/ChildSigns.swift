// Signs of life of an isolated handler, on their way to the worker: not more often than somebody could notice.

import Errand
import ErrandContext
import Synchronization

/// Tells the worker of progress and heartbeats; what comes too soon after the last waits for the next or for the end.
final class ChildSigns: PulseWatch {
    private struct State {
        var sentAt: Duration?
        /// The newest note that was not sent.
        var waiting: ProgressNote?
    }

    /// How much time is between two messages at least.
    private static let pause = Duration.milliseconds(100)

    private let channel: ChildChannel
    private let clock: any ErrandClock
    private let state = Mutex(State())

    init(to channel: ChildChannel, clock: any ErrandClock) {
        self.channel = channel
        self.clock = clock
    }

    func didBeat(_ execution: ExecutionID) { send(.heartbeat) }

    func didProgress(_ execution: ExecutionID, to note: ProgressNote) { send(.progress(note), note: note) }

    /// Sends the note that waits.
    func flush() {
        let note = state.withLock { state in
            defer { state.waiting = nil }
            return state.waiting
        }
        if let note { channel.send(.progress(note)) }
    }

    private func send(_ message: ChannelMessage, note: ProgressNote? = nil) {
        let now = clock.uptime()
        let isDue = state.withLock { state in
            if let sentAt = state.sentAt, now - sentAt < ChildSigns.pause {
                if let note { state.waiting = note }
                return false
            }
            state.sentAt = now
            if note != nil { state.waiting = nil }
            return true
        }
        if isDue { channel.send(message) }
    }
}
