// How much memory lines may take that wait for the disk, in all logs of a worker together.

import Synchronization

/// Bytes of lines that wait, against what they may be.
package final class LogRoom: Sendable {
    private let limit: Int
    private let waiting = Atomic<Int>(0)

    /// Room for `limit` bytes; a line may go beyond it, the next one is dropped.
    package init(limit: Int) { self.limit = limit }

    /// Room without end, for logs that nobody keeps.
    package static let unlimited = LogRoom(limit: .max)

    /// Whether no line may come.
    package var isFull: Bool { waiting.load(ordering: .relaxed) >= limit }

    /// Lines of so many bytes have come, or with a minus sign gone.
    package func add(_ bytes: Int) { waiting.add(bytes, ordering: .relaxed) }
}
