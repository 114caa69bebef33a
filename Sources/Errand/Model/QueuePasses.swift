// Weighted queues as a value: whose turn it is (stride scheduling).

/// How far each queue has come: whoever is behind is next. Each process keeps its own.
package struct QueuePasses: Sendable {
    private var times: [String: Int64] = [:]
    private var now: Int64 = 0

    /// No queue has come any further than another.
    package init() {}

    /// What a job costs a queue of weight 1.
    package static let stride: Int64 = 1_000_000

    /// Where a queue stands. One that had nothing to give for long is owed nothing for that.
    package func time(of queue: String) -> Int64 { max(times[queue] ?? 0, now) }

    /// A job of a queue starts.
    package mutating func take(_ queue: String, weight: Int64) {
        now = time(of: queue)
        times[queue] = now + QueuePasses.stride / max(1, weight)
    }
}
