// Holds tasks until all of a group have come: forces an interleaving without a sleep.

import Synchronization

/// A place where tasks wait for each other, group after group of the same size.
///
/// Only for tasks, never for blocks of a queue: Dispatch has few threads, and a thousand waiting blocks would wait for ever.
package final class MeetingPoint: Sendable {
    private let parties: Int
    private let waiting = Mutex<[CheckedContinuation<Void, Never>]>([])

    /// A place for groups of so many tasks.
    package init(parties: Int) { self.parties = parties }

    /// Returns when the caller's group is complete.
    package func arrive() async {
        await withCheckedContinuation { continuation in
            let group = waiting.withLock { waiting -> [CheckedContinuation<Void, Never>] in
                waiting.append(continuation)
                guard waiting.count == parties else { return [] }
                defer { waiting = [] }
                return waiting
            }
            for continuation in group { continuation.resume() }
        }
    }
}
