// Durations as people write and read them: `1h30m` in flags and files, `3m 5s` in tables.

/// Reads durations such as `30s` or `1h30m`, and writes them short.
public enum DurationText {
    /// The longest duration that is read, the same as a job may ask for: ten years.
    public static let maximum: Duration = Limits.longestDuration

    /// Why a text is no duration.
    public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
        /// What is wrong, and what a duration looks like.
        public let description: String
    }

    /// The duration that `text` says: whole numbers, each followed by one of `d h m s ms`, largest unit first and each at most once,
    /// such as `500ms`, `30s`, `1h30m`, `1d`. A lone `0` is zero. Spaces, signs and decimals are refused.
    /// - Throws: ``Problem`` when the text is empty, negative, not such a text, or more than ``maximum``.
    public static func parse(_ text: String) throws(Problem) -> Duration {
        guard !text.isEmpty else { throw Problem(description: "a duration is empty: \(hint)") }
        guard !text.hasPrefix("-") else { throw Problem(description: "a duration cannot be negative: \"\(shown(text))\"") }
        if text == "0" { return .zero }
        var rest = Array(text.utf8)[...]
        var milliseconds: Int64 = 0
        var lastUnit = -1
        while !rest.isEmpty {
            let digits = rest.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { $0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z") }
            rest = rest.dropFirst(name.count)
            guard !digits.isEmpty else { throw notADuration(text) }
            guard !name.isEmpty || !rest.isEmpty else {
                throw Problem(description: "a duration needs a unit after \"\(shown(text))\": \(hint)")
            }
            guard let unit = units.firstIndex(where: { Array($0.name.utf8) == Array(name) }), unit > lastUnit else {
                throw notADuration(text)
            }
            lastUnit = unit
            guard let sum = add(digits, of: units[unit].milliseconds, to: milliseconds) else {
                throw Problem(description: "a duration is at most ten years: \"\(shown(text))\"")
            }
            milliseconds = sum
        }
        return .milliseconds(milliseconds)
    }

    /// A short text for people: `0ms`, `480ms`, `1.2s`, `59.9s`, `3m 5s`, `2h 10m`, `4d 3h`; cut, never rounded up. Less than a
    /// millisecond is `<1ms`, and a negative duration has a minus sign.
    public static func format(_ duration: Duration) -> String {
        guard duration >= .zero else { return "-" + format(.zero - duration) }
        let milliseconds = duration.wholeMicroseconds / 1000
        let seconds = milliseconds / 1000
        switch seconds {
        case 0 where milliseconds == 0: return duration == .zero ? "0ms" : "<1ms"
        case 0: return "\(milliseconds)ms"
        case ..<60: return "\(seconds).\(milliseconds % 1000 / 100)s"
        case ..<3600: return pair(seconds / 60, "m", seconds % 60, "s")
        case ..<86_400: return pair(seconds / 3600, "h", seconds % 3600 / 60, "m")
        default: return pair(seconds / 86_400, "d", seconds % 86_400 / 3600, "h")
        }
    }

    /// Largest first; the order that a text must keep.
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    private static let hint = "write 500ms, 30s, 10m, 2h, 1d or 1h30m"

    private static func notADuration(_ text: String) -> Problem {
        Problem(description: "\"\(shown(text))\" is no duration: \(hint)")
    }

    /// A wrong text may be anything, so only its beginning is repeated.
    private static func shown(_ text: String) -> String { text.count > 40 ? text.prefix(40) + "…" : text }

    /// `nil` when the sum is above the maximum.
    private static func add(_ digits: ArraySlice<UInt8>, of unit: Int64, to sum: Int64) -> Int64? {
        var number: Int64 = 0
        let limit = maximum.wholeMicroseconds / 1000
        for digit in digits {
            number = number * 10 + Int64(digit - UInt8(ascii: "0"))
            guard number <= limit else { return nil }
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit)
        guard !overflow, product <= limit - sum else { return nil }
        return sum + product
    }

    private static func pair(_ large: Int64, _ largeUnit: String, _ small: Int64, _ smallUnit: String) -> String {
        small == 0 ? "\(large)\(largeUnit)" : "\(large)\(largeUnit) \(small)\(smallUnit)"
    }
}
