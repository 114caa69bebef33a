// Slots at an even distance, counted from an anchor.

/// Every whole multiple of an interval before and after an anchor, in microseconds since 1970-01-01T00:00:00Z.
struct IntervalSlots: Hashable, Sendable {
    /// 1 second to 10 years, in whole seconds.
    let interval: Int64
    let anchor: Int64

    /// The first slot after `moment`.
    func next(after moment: Int64) -> Int64 { last(upTo: moment) + interval }

    /// The last slot up to and at `moment`.
    func last(upTo moment: Int64) -> Int64 {
        let phase = anchor.flooredDivision(by: interval).remainder
        return (moment - phase).flooredDivision(by: interval).quotient * interval + phase
    }
}
