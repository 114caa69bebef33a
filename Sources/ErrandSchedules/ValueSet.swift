// A set of small numbers in one word: the values that a cron field allows.

/// Numbers from 0 to 63.
struct ValueSet: Hashable, Sendable {
    private(set) var bits: UInt64 = 0

    init() {}

    init(_ range: ClosedRange<Int>) { for value in range { insert(value) } }

    mutating func insert(_ value: Int) {
        precondition((0..<64).contains(value), "no such value: \(value)")
        bits |= 1 << UInt64(value)
    }

    func contains(_ value: Int) -> Bool { bits & (1 << UInt64(value)) != 0 }

    func union(_ other: ValueSet) -> ValueSet {
        var result = self
        result.bits |= other.bits
        return result
    }

    func intersection(_ other: ValueSet) -> ValueSet {
        var result = self
        result.bits &= other.bits
        return result
    }

    var isEmpty: Bool { bits == 0 }
    var count: Int { bits.nonzeroBitCount }
    var first: Int? { first(atOrAfter: 0) }
    var last: Int? { last(atOrBefore: 63) }

    /// `nil` when there is none.
    func first(atOrAfter value: Int) -> Int? {
        guard value < 64 else { return nil }
        let rest = bits & (UInt64.max << UInt64(max(0, value)))
        return rest == 0 ? nil : rest.trailingZeroBitCount
    }

    /// `nil` when there is none.
    func last(atOrBefore value: Int) -> Int? {
        guard value >= 0 else { return nil }
        let rest = bits & (UInt64.max >> UInt64(63 - min(63, value)))
        return rest == 0 ? nil : 63 - rest.leadingZeroBitCount
    }

    /// Lowest first.
    var values: [Int] { (0..<64).filter(contains) }
}
