// The rate rule, as a value: how many jobs may start now, and when the next one may (GCRA, the generic cell rate algorithm).

/// How much of a rate is used up. One number says it all: the theoretical time at which every permit is back (ITU-T I.371, annex A).
package struct PermitMeter: Sendable, Hashable {
    /// Microseconds from one permit to the next; at least 1.
    package var interval: Int64
    /// How many permits can be saved up; at least 1.
    package var burst: Int64
    /// When all permits are back, in microseconds since 1970; in the past for an unused meter.
    package var fullAt: Int64

    /// A meter that was used up to `fullAt`.
    package init(interval: Int64, burst: Int64, fullAt: Int64 = 0) {
        self.interval = min(max(1, interval), PermitMeter.longest)
        self.burst = max(1, burst)
        self.fullAt = max(0, fullAt)
    }

    /// A meter of `rate` that was used up to `fullAt`.
    package init(_ rate: RateLimit, fullAt: Int64 = 0) {
        self.init(interval: max(1, rate.interval.wholeMicroseconds), burst: Int64(rate.burst), fullAt: fullAt)
    }

    /// How many jobs may start at `now`.
    package func permits(at now: Int64) -> Int { Int((span - owed(at: now)) / interval) }

    /// When the next job may start; `nil` when one may start at `now`.
    package func nextPermit(at now: Int64) -> Int64? {
        let missing = owed(at: now) - (span - interval)
        return missing > 0 ? now + missing : nil
    }

    /// When there are more than `permits`; `nil` when there are never more.
    package func nextPermit(after permits: Int, at now: Int64) -> Int64? {
        guard permits < burst else { return nil }
        return now + max(0, owed(at: now) - (span - Int64(permits + 1) * interval))
    }

    /// Uses up `count` permits, which there are.
    package mutating func take(_ count: Int, at now: Int64) { fullAt = now + owed(at: now) + Int64(count) * interval }

    /// The time that all permits take; what a store holds may be any number.
    private var span: Int64 {
        let (product, isOverflow) = interval.multipliedReportingOverflow(by: burst)
        return isOverflow ? PermitMeter.longest : min(product, max(PermitMeter.longest, interval))
    }

    private static let longest = Limits.longestDuration.wholeMicroseconds

    /// What is missing until all permits are back. Never more than all: a wall clock that was set back freezes no rate.
    private func owed(at now: Int64) -> Int64 { min(max(fullAt - now, 0), span) }
}
