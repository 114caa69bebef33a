// Many times of the same thing.

/// Times, in seconds.
struct Sample: Sendable {
    private(set) var values: [Double] = []

    mutating func add(_ value: Double) { values.append(value) }

    mutating func add(_ other: Sample) { values += other.values }

    /// The value that so many of a hundred do not exceed; 0 when there is none.
    func percentile(_ percent: Double) -> Double {
        guard !values.isEmpty else { return 0 }
        let sorted = values.sorted()
        return sorted[min(sorted.count - 1, Int(Double(sorted.count) * percent / 100))]
    }

    var median: Double { percentile(50) }
}
