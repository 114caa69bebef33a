// Counts what a command prints, on both streams together, against its limit.

import Synchronization

/// The output of one command so far. Both pumps of a command share one.
final class OutputMeter: Sendable {
    private let limit: Int
    private let used = Atomic(0)
    private let tellOnce: @Sendable () -> Void

    /// Calls `exceeded` when more than `limit` bytes have been taken, once; never for `nil`.
    init(limit: Int?, exceeded: @escaping @Sendable () -> Void) {
        self.limit = limit ?? .max
        tellOnce = exceeded
    }

    /// Counts `bytes` and tells how many of them are still within the limit.
    func take(_ bytes: Int) -> Int {
        guard limit < .max else { return bytes }
        let (before, after) = used.add(bytes, ordering: .relaxed)
        if before <= limit, after > limit { tellOnce() }
        return max(0, min(bytes, limit - before))
    }

    /// Whether more was printed than may be.
    var isExceeded: Bool { limit < .max && used.load(ordering: .relaxed) > limit }
}
