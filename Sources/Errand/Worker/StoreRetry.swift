// When a worker tries a store again that has failed: soon at first, seldom later, and never all workers at once.

/// The pauses of one worker between its tries.
///
/// Full jitter, after "Exponential Backoff and Jitter", https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/: when
/// a store comes back that many workers wait for, they come one after another.
struct StoreRetry: Sendable {
    private static let backoff = Backoff(base: .milliseconds(50), maximum: .seconds(2))
    /// Never sooner than this: a store that fails at once is not asked in a tight loop.
    private static let least = Duration.milliseconds(10)

    private var generator: SplitMix?

    /// The pauses that follow from `seed`; `nil` takes the longest each time, for tests that count on it.
    init(seed: UInt64?) { generator = seed.map(SplitMix.init(state:)) }

    /// How long to wait after so many failures in a row: at most 50 ms, doubling to 2 s.
    mutating func pause(after failures: Int) -> Duration {
        guard var generator else { return StoreRetry.backoff.limit(after: failures) }
        defer { self.generator = generator }
        return max(StoreRetry.least, StoreRetry.backoff.delay(after: failures, using: &generator))
    }
}

/// SplitMix64, https://prng.di.unimi.it/splitmix64.c: a state of one word, so that a worker's mind stays a value.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
