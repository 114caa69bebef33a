// Sizes as people write and read them, each with its unit: `512MiB`.

/// Reads sizes such as `512MiB`, and writes them short.
public enum ByteText {
    /// Why a text is no size.
    public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
        /// What is wrong, and what a size looks like.
        public let description: String
    }

    /// The number of bytes that `text` says: a whole number and one of `B`, `KiB`, `MiB`, `GiB`, `TiB` (powers of 1024) or `KB`, `MB`,
    /// `GB`, `TB` (powers of 1000), such as `512MiB`. A number alone is refused: nobody remembers its unit.
    /// - Throws: ``Problem`` for any other text, and for more than 2⁶³ − 1.
    public static func parse(_ text: String) throws(Problem) -> Int {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, let unit = units.first(where: { $0.name == text.dropFirst(digits.count) }) else {
            let shown = text.count > 40 ? text.prefix(40) + "…" : text
            throw Problem(description: "\"\(shown)\" is no size: write a whole number and its unit, such as 64KiB, 512MiB or 2GiB")
        }
        guard let number = Int(digits), case let (bytes, overflow) = number.multipliedReportingOverflow(by: unit.bytes), !overflow else {
            throw Problem(description: "the size \(text.prefix(40)) is larger than anything: at most 8 EiB can be said")
        }
        return bytes
    }

    /// A short text that ``parse(_:)`` reads back as the same number: the largest binary unit that divides it, such as `512MiB`.
    public static func format(_ bytes: Int) -> String {
        let unit = units.prefix(5).first { bytes >= $0.bytes && bytes % $0.bytes == 0 }
        guard let unit else { return "\(bytes)B" }
        return "\(bytes / unit.bytes)\(unit.name)"
    }

    /// A short text for people who want to know about how much it is: `0 B`, `512 B`, `1.5 MiB`; cut, never rounded up.
    package static func short(_ bytes: Int) -> String {
        guard bytes >= 1024 else { return "\(max(0, bytes)) B" }
        let names = ["B", "KiB", "MiB", "GiB", "TiB"]
        var scaled = bytes > Int.max / 10 ? bytes / 1024 * 10 : bytes * 10
        var unit = bytes > Int.max / 10 ? 1 : 0
        while scaled >= 10_240, unit < names.count - 1 {
            scaled /= 1024
            unit += 1
        }
        return "\(scaled / 10).\(scaled % 10) \(names[unit])"
    }

    /// Binary ones first, largest first.
    private static let units: [(name: String, bytes: Int)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
        ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1000),
    ]
}
