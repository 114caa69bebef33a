// The doorbell: one datagram socket and one thread for each listening process, and a look at the database in case nobody rang.

import CErrand
import Errand
import ErrandContext
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Wakes listeners in all processes on a store.
final class SocketDoorbell: Doorbell {
    private struct State {
        var listeners: [Int: Listening] = [:]
        var nextListener = 0
        var thread: OwnThread?
        var socket: Int32 = -1
        var name: String?
        var isStopping = false
        var isClosed = false
    }

    private struct Listening {
        var topics: Set<DoorbellTopic>
        var onRing: @Sendable (Set<DoorbellTopic>) -> Void
    }

    private let directory: DoorbellDirectory
    private let look: @Sendable () -> ChangeLook
    private let state = Mutex(State())
    /// Wakes the thread when it is to end: read end, write end.
    private let (wakeIn, wakeOut): (Int32, Int32)

    /// How often the database is looked at, in milliseconds.
    static let lookMilliseconds: Int32 = 500

    /// A doorbell in `directory` that finds silent changes with what `look` makes, on its own thread.
    init(directory: DoorbellDirectory, look: @escaping @Sendable () -> ChangeLook) {
        self.directory = directory
        self.look = look
        var ends: [Int32] = [-1, -1]
        if errand_wake_pipe(&ends) != 0 { ends = [-1, -1] }
        (wakeIn, wakeOut) = (ends[0], ends[1])
    }

    deinit {
        for end in [wakeIn, wakeOut] where end >= 0 { Glibc.close(end) }
    }

    func ring(_ topics: Set<DoorbellTopic>) { directory.ring(topics) }

    func listen(
        to topics: Set<DoorbellTopic>, _ onRing: @escaping @Sendable (Set<DoorbellTopic>) -> Void
    ) -> any DoorbellListener {
        let id = state.withLock { state in
            state.nextListener += 1
            state.listeners[state.nextListener] = Listening(topics: topics, onRing: onRing)
            if !state.isClosed {
                rename(&state)
                if state.thread != nil {
                    nudge()
                } else {
                    state.isStopping = false
                    let socket = state.socket
                    state.thread = OwnThread.start(name: "errand-doorbell") { [self] in run(socket) }
                }
            }
            return state.nextListener
        }
        return Listener(doorbell: self, id: id)
    }

    /// Gives the socket the name of what is listened to now; the first listener binds it.
    private func rename(_ state: inout State) {
        let topics = state.listeners.values.reduce(into: Set<DoorbellTopic>()) { $0.formUnion($1.topics) }
        if let old = state.name {
            let suffix = old.drop { $0 != "-" }
            let name = DoorbellDirectory.name(topics, suffix: 0).prefix { $0 != "-" } + suffix
            guard name != old else { return }
            directory.rename(old, to: String(name))
            state.name = String(name)
        } else {
            let name = DoorbellDirectory.name(topics, suffix: UInt64.random(in: 0 ... .max))
            guard let socket = directory.bind(name) else { return }
            state.socket = socket
            state.name = name
        }
    }

    fileprivate func stop(_ id: Int) {
        state.withLock { state in
            state.listeners[id] = nil
            // Without listeners the name holds no topic, so nobody rings, and the thread sleeps until there is one again.
            if !state.isClosed { rename(&state) }
        }
    }

    /// Ends the thread and takes the socket away; listeners hear nothing any more.
    func close() {
        let thread = state.withLock { state in
            state.isClosed = true
            state.isStopping = true
            state.listeners = [:]
            defer { state.thread = nil }
            return state.thread
        }
        nudge()
        thread?.join()
        state.withLock { state in
            if let name = state.name { directory.remove(name) }
            if state.socket >= 0 { Glibc.close(state.socket) }
            state.socket = -1
            state.name = nil
        }
    }

    /// Makes the thread look at its state. A full pipe is as good as a byte in it.
    private func nudge() {
        var byte: UInt8 = 0
        _ = write(wakeOut, &byte, 1)
    }

    // MARK: The thread

    private func run(_ socket: Int32) {
        let look = look()
        var lookAt = MachineClock.nanoseconds
        while true {
            let now = MachineClock.nanoseconds
            let isDeaf = state.withLock { $0.listeners.isEmpty && !$0.isStopping }
            // Without a pipe, for which there were no descriptors, nobody could wake it.
            let wait = isDeaf && wakeIn >= 0 ? -1 : max(0, min(Int64(SocketDoorbell.lookMilliseconds), (lookAt - now) / 1_000_000 + 1))
            var sources = [
                pollfd(fd: socket, events: Int16(POLLIN), revents: 0), pollfd(fd: wakeIn, events: Int16(POLLIN), revents: 0),
            ]
            poll(&sources, 2, Int32(wait))
            if state.withLock({ $0.isStopping }) { return }
            var rung: UInt8 = 0
            var byte: UInt8 = 0
            while read(wakeIn, &byte, 1) == 1 {}
            while socket >= 0, recv(socket, &byte, 1, Int32(MSG_DONTWAIT)) == 1 { rung |= byte }
            if rung != 0 { tell(Set(bits: rung)) }
            guard MachineClock.nanoseconds >= lookAt else { continue }
            lookAt = MachineClock.nanoseconds + Int64(SocketDoorbell.lookMilliseconds) * 1_000_000
            if look.hasChanged() { tell(Set(DoorbellTopic.allCases)) }
        }
    }

    private func tell(_ topics: Set<DoorbellTopic>) {
        let listeners = state.withLock { $0.listeners.values.filter { !$0.topics.isDisjoint(with: topics) } }
        LentThread.whileLending { for listener in listeners { listener.onRing(topics) } }
    }
}

/// One listener's hold on a doorbell.
private struct Listener: DoorbellListener {
    let doorbell: SocketDoorbell
    let id: Int

    func stop() { doorbell.stop(id) }
}
