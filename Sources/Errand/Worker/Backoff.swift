// How long a failed job waits: exponential with full jitter, so that many jobs that failed together do not come back together.

/// How long a failed job waits before its next attempt: a random time between zero and a limit that doubles each time.
///
/// Full jitter, from "Exponential Backoff and Jitter", https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
public struct Backoff: Sendable, Hashable {
    /// The limit after the first failed attempt; 1 second by default.
    public var base: Duration = .seconds(1)
    /// The limit never exceeds this; 1 hour by default.
    public var maximum: Duration = .seconds(3600)

    /// 1 second, doubling to 1 hour.
    public init(base: Duration = .seconds(1), maximum: Duration = .seconds(3600)) {
        self.base = base
        self.maximum = maximum
    }

    /// How long to wait after `attempt` (1 or more) has failed: evenly distributed from zero up to the limit.
    public func delay(after attempt: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        .microseconds(Int64.random(in: 0...limit(after: attempt).wholeMicroseconds, using: &generator))
    }

    /// The longest wait after `attempt` (1 or more) has failed.
    public func limit(after attempt: Int) -> Duration {
        precondition(attempt >= 1, "attempts count from 1: \(attempt)")
        let doublings = min(attempt - 1, 62)
        let (microseconds, overflow) = base.wholeMicroseconds.multipliedReportingOverflow(by: 1 << doublings)
        return overflow ? maximum : min(.microseconds(microseconds), maximum)
    }
}
