// What is fuzzed: each target reads any bytes whatsoever and says what about them must be true.

/// One thing that takes input from outside, with the rules that hold for every input.
struct FuzzTarget: Sendable {
    /// Its name, which is also that of its folder of seeds.
    let name: String
    /// What its broken variant does wrong.
    let broken: String
    /// Gives bytes to it.
    /// - Throws: ``Finding``; a trap is one as well.
    let check: @Sendable ([UInt8], Variant) throws(Finding) -> Void

    /// All of them.
    static let all: [FuzzTarget] = [.payload, .framing, .arguments, .texts, .crashFile, .trace]
}

/// What is checked: the real thing, or one with a deliberate mistake that the rules must find.
enum Variant: Sendable {
    case real, broken
}

/// A rule that an input breaks.
struct Finding: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// - Throws: ``Finding`` when a rule does not hold.
func expect(_ holds: Bool, _ rule: @autoclosure () -> String) throws(Finding) {
    if !holds { throw Finding(rule()) }
}

/// Takes an input apart into the parts that a target needs.
struct ByteSource {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// The next byte, 0 at the end.
    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// A number below `bound`.
    mutating func number(below bound: Int) -> Int { Int(byte()) % bound }

    /// Eight bytes as a number.
    mutating func word() -> UInt64 { (0..<8).reduce(0) { word, _ in word << 8 | UInt64(byte()) } }

    /// The bytes up to the next NUL, `nil` at the end.
    mutating func field() -> [UInt8]? {
        guard !rest.isEmpty else { return nil }
        let field = rest.prefix { $0 != 0 }
        rest = rest.dropFirst(field.count + 1)
        return Array(field)
    }

    /// All fields that are left.
    mutating func fields() -> [[UInt8]] {
        var fields: [[UInt8]] = []
        while let field = field() { fields.append(field) }
        return fields
    }

    /// Everything that is left.
    mutating func remainder() -> [UInt8] {
        defer { rest = [] }
        return Array(rest)
    }

    var isEmpty: Bool { rest.isEmpty }
}
