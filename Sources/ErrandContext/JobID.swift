// Who a job is: a 63-bit number that grows with every commit, shown as 13 characters.

/// A job's identity in one store: unique, never reused, and in the order in which jobs were committed.
///
/// The number is the job's row key (milliseconds since 2025-01-01 shifted left by 22 bits, plus a counter). Its text is 13
/// lower-case Crockford base32 characters, such as `06h3k9x8q4p2a`, and in JSON it is always that text. Never derive a job's age
/// from it: a clock may once have been wrong; times are columns of their own.
public struct JobID: Hashable, Comparable, Sendable {
    /// The row key: 0 or more.
    public let rawValue: Int64

    /// Wraps a row key.
    /// - Precondition: `rawValue` is not negative.
    public init(rawValue: Int64) {
        precondition(rawValue >= 0, "a job ID is never negative: \(rawValue)")
        self.rawValue = rawValue
    }

    /// Reads the 13 characters of ``description``; upper case and Crockford's look-alikes (`o` for `0`, `i` and `l` for `1`) are
    /// accepted. `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == JobID.length, let value = Base32.decode(text.utf8) else { return nil }
        rawValue = value
    }

    /// How many characters a job ID has.
    public static let length = 13

    /// The order in which jobs were committed.
    public static func < (lhs: JobID, rhs: JobID) -> Bool { lhs.rawValue < rhs.rawValue }
}

extension JobID: CustomStringConvertible, LosslessStringConvertible {
    /// 13 lower-case Crockford base32 characters.
    public var description: String { Base32.encode(rawValue) }

    /// Reads the 13 characters of ``description``, or gives `nil`.
    public init?(_ description: String) {
        guard description.utf8.count == JobID.length, let value = Base32.decode(description.utf8) else { return nil }
        rawValue = value
    }
}

extension JobID: Codable {
    /// Reads the text form.
    /// - Throws: `DecodingError.dataCorrupted` when the text is not a job ID.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let id = JobID(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a job ID: \(text)")
        }
        self = id
    }

    /// Writes the text form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// Crockford's base32 for 63-bit numbers; https://www.crockford.com/base32.html
package enum Base32 {
    private static let digits = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    /// The number as exactly 13 digits.
    package static func encode(_ value: Int64) -> String {
        String(unsafeUninitializedCapacity: JobID.length) { buffer in
            var rest = value
            for index in stride(from: JobID.length - 1, through: 0, by: -1) {
                buffer[index] = digits[Int(rest & 31)]
                rest >>= 5
            }
            return JobID.length
        }
    }

    /// The value of up to 13 digits, most significant first, or `nil` when a character is no digit or the number needs 64 bits.
    package static func decode(_ text: some Sequence<UInt8>) -> Int64? {
        var value: UInt64 = 0
        for character in text {
            guard let digit = digit(character), value >> 58 == 0 else { return nil }
            value = value << 5 | UInt64(digit)
        }
        return Int64(exactly: value)
    }

    private static func digit(_ character: UInt8) -> Int? {
        switch character | 0x20 {
        case UInt8(ascii: "o"): 0
        case UInt8(ascii: "i"), UInt8(ascii: "l"): 1
        case let lower: digits.firstIndex(of: character < 0x40 ? character : lower)
        }
    }
}
