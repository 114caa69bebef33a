// Which traces are recorded.

#if Web
import ErrandContext

/// Decides which spans are recorded and sent: all of a trace, or none of it.
public struct OTLPSampler: Sendable, Hashable {
    /// What share of the traces that begin here is recorded, 0 … 1; 1 by default.
    public var ratio = 1.0
    /// Whether a trace that began elsewhere is recorded exactly if its caller records it; true by default. Otherwise ``ratio`` decides
    /// about every span by its trace ID.
    public var followsParent = true

    /// Everything that begins here, and what the caller records.
    public init() {}

    /// A share of what begins here.
    public init(ratio: Double, followsParent: Bool = true) {
        precondition((0...1).contains(ratio), "a ratio is 0 … 1, not \(ratio)")
        self.ratio = ratio
        self.followsParent = followsParent
    }

    func isSampled(traceID: String, parent: TraceContext?) -> Bool {
        if followsParent, let parent { return parent.isSampled }
        if ratio >= 1 { return true }
        // The choice that other SDKs make too: the upper 63 bits of the trace ID's last 8 bytes, against the share of their range.
        guard let low = UInt64(traceID.suffix(16), radix: 16) else { return false }
        return low >> 1 < UInt64(ratio * 0x1p63)
    }
}
#endif
