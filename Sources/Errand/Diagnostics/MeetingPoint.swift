// Holds tasks until all of a group have come: forces an interleaving without a sleep.

import Synchronization

/// A place where tasks wait for each other, group after group of the same size.
final class MeetingPoint: Sendable {
    private let size: Int
    private let waiting = Mutex<[CheckedContinuation<Void, Never>]>([])

    /// A place for groups of `size`.
    init(size: Int) { self.size = size }

    /// Returns when the caller's group is complete.
    func arrive() async {
        await withCheckedContinuation { continuation in
            let group = waiting.withLock { waiting -> [CheckedContinuation<Void, Never>] in
                waiting.append(continuation)
                guard waiting.count == size else { return [] }
                defer { waiting = [] }
                return waiting
            }
            for continuation in group { continuation.resume() }
        }
    }
}
