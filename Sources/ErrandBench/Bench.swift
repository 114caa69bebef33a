// What can be measured, and how all of it is run.

package import Errand
import Synchronization

/// A setting of a measurement, by the name of its option.
package enum BenchParameter: String, Sendable, CaseIterable {
    case jobs, concurrency, callers, batch, lines, payload, processes, stored, seconds

    /// What may be given: `lines` and `stored` may be none at all.
    package var range: ClosedRange<Int> {
        switch self {
        case .lines: 0...1000
        case .stored: 0...10_000_000
        case .payload: 2...Limits.payloadBytes
        case .concurrency, .callers: 1...4096
        case .processes: 1...256
        case .seconds: 1...3600
        case .jobs, .batch: 1...10_000_000
        }
    }
}

/// How measurements are made. What is left open is measured with each of its usual values.
package struct BenchSettings: Sendable, Hashable {
    /// Where stores are made, used and removed: the disk that is measured.
    package var directory: String
    /// What acknowledgements survive; `nil` is ``Durability/full``.
    package var durability: Durability?
    /// What was given.
    package var given: [BenchParameter: Int] = [:]

    /// Everything left open.
    package init(directory: String) { self.directory = directory }
}

/// One way to measure something, with everything settled.
struct BenchChoice: Sendable, Hashable {
    var durability: Durability
    fileprivate(set) var values: [BenchParameter: Int] = [:]

    /// The value of a parameter that the measurement has named among its usual ones.
    subscript(_ parameter: BenchParameter) -> Int {
        guard let value = values[parameter] else { preconditionFailure("a measurement uses \(parameter) without naming it") }
        return value
    }
}

/// Something that can be measured.
package protocol Measurement: Sendable {
    /// What it is called on the command line.
    static var name: String { get }
    /// What it finds out, in one sentence.
    static var summary: String { get }
    /// The settings that it takes notice of, in the order in which they are shown, each with the values that it is usually measured with.
    static var usual: KeyValuePairs<BenchParameter, [Int]> { get }
    /// Whether it takes notice of the durability.
    static var hasDurability: Bool { get }
}

/// What a measurement does, which only this room sees.
protocol Measuring: Measurement {
    /// Measures.
    /// - Throws: whatever kept it from being measured.
    static func measure(_ choice: BenchChoice, in place: BenchPlace) async throws -> [BenchValue]
}

extension Measurement {
    package static var hasDurability: Bool { true }
}

/// One line of the result: what was run, and what came of it.
package struct Figure: Sendable {
    /// The measurement's name.
    package var name: String
    /// What repeats it: the arguments of `bench`, but for those that it has anyway.
    package var arguments: [String]
    /// All settings, as numbers.
    package var parameters: [(name: String, value: Int)]
    /// What acknowledgements survived; `nil` where that made no difference.
    package var durability: Durability?
    /// What was found, the most telling first.
    package var values: [BenchValue]
}

/// All measurements.
package enum Bench {
    private static let measuring: [any Measuring.Type] = [
        EnqueueRate.self, BulkRate.self, StoreCycle.self, Drain.self, PickUp.self, ClaimCost.self, MixedLoad.self, ProcessRate.self,
        CommandRate.self,
        IdleCost.self,
    ]

    /// In the order in which they run.
    package static var all: [any Measurement.Type] { measuring }

    /// Makes the measurements of these names, all of them when there are none, and tells each figure as soon as it is there.
    /// - Throws: ``BenchError`` for what could not be measured; what `tell` throws.
    package static func run(_ names: [String], _ settings: BenchSettings, tell: (Figure) throws -> Void) async throws {
        for type in measuring where names.isEmpty || names.contains(type.name) {
            for choice in choices(type, settings) {
                try Task.checkCancellation()
                try tell(try await figure(type, choice, settings))
            }
        }
    }

    private static func figure(_ type: any Measuring.Type, _ choice: BenchChoice, _ settings: BenchSettings) async throws -> Figure {
        let place = try BenchPlace(in: settings.directory)
        inUse.withLock { $0 = place }
        defer {
            inUse.withLock { $0 = nil }
            place.remove()
        }
        return Figure(
            name: type.name, arguments: [type.name] + arguments(type, choice, settings),
            parameters: type.usual.map { ($0.key.rawValue, choice[$0.key]) }, durability: type.hasDurability ? choice.durability : nil,
            values: try await type.measure(choice, in: place))
    }

    /// Where something is being measured.
    private static let inUse = Mutex<BenchPlace?>(nil)

    /// Removes what the measurement under way has made; for a process that is about to end, from any thread.
    package static func abandon() { inUse.withLock { $0 }?.remove() }

    /// Every combination of what was given and what is usual.
    private static func choices(_ type: any Measurement.Type, _ settings: BenchSettings) -> [BenchChoice] {
        type.usual.reduce([BenchChoice(durability: settings.durability ?? .full)]) { choices, parameter in
            choices.flatMap { choice in
                (settings.given[parameter.key].map { [$0] } ?? parameter.value).map { value in
                    var choice = choice
                    choice.values[parameter.key] = value
                    return choice
                }
            }
        }
    }

    /// What must be said to have just this measured again.
    private static func arguments(_ type: any Measurement.Type, _ choice: BenchChoice, _ settings: BenchSettings) -> [String] {
        let chosen = type.usual.filter { $0.value != [choice[$0.key]] }.flatMap { ["--\($0.key.rawValue)", "\(choice[$0.key])"] }
        return chosen + (type.hasDurability && choice.durability != .full ? ["--durability", choice.durability.rawValue] : [])
    }
}

/// Why something could not be measured.
package struct BenchError: Error, CustomStringConvertible {
    /// What happened.
    package let description: String

    init(_ description: String) { self.description = description }
}
