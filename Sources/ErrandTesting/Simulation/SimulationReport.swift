// What came of a simulation.

/// What one simulation found, and how much trouble it went through.
public struct SimulationReport: Sendable, Hashable {
    /// The seed that gives the same history again.
    public var seed: UInt64
    /// How many events happened.
    public var steps: Int
    /// The promises that were broken, in order; empty when none were. The first one ended the storm.
    public var violations: [String]
    /// What happened how often, to see that a run meets trouble at all.
    public var counts: [String: Int]
    /// The last events before the end, one a line.
    public var history: [String]
    /// A number made of the whole history: the same for the same seed.
    public var fingerprint: UInt64
}

extension SimulationReport: CustomStringConvertible {
    /// The seed, what was broken, and what led to it.
    public var description: String {
        guard !violations.isEmpty else { return "seed \(seed): \(steps) steps, nothing broken" }
        return (["seed \(seed), step \(steps): \(violations[0])"] + violations.dropFirst() + history.map { "  " + $0 }).joined(
            separator: "\n")
    }
}

/// Keeps the end of a history and the fingerprint of all of it.
struct SimulationLog {
    private(set) var lines: [String] = []
    // FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/
    private(set) var fingerprint: UInt64 = 0xCBF2_9CE4_8422_2325
    private(set) var counts: [String: Int] = [:]

    static let limit = 60

    mutating func write(_ line: String, at time: Duration) {
        for byte in line.utf8 { fingerprint = (fingerprint ^ UInt64(byte)) &* 0x100_0000_01B3 }
        if lines.count == 2 * SimulationLog.limit { lines.removeFirst(SimulationLog.limit) }
        lines.append("\(time) \(line)")
    }

    mutating func count(_ what: String) { counts[what, default: 0] += 1 }
}
