// What must not be read in logs, errors and views: members by name, secrets by value. Pure.

/// Takes secrets out of text: whatever stands under one of some names, and some values wherever they stand. Each is shown as
/// `[redacted]`.
///
/// ```swift
/// let redaction = Redaction(names: ["password", "*_token"], secrets: [apiToken])
/// redaction.redacted("{\"user\":\"ada\",\"password\":\"x\"}")  // {"user":"ada","password":"[redacted]"}
/// ```
/// Names are found where text says whose value it is: in JSON (`"password": …`, however deep, quoted once more too) and in
/// `password=…`. What a handler prints without its name is found only when it is known as a secret; a worker knows those of the job's
/// own payload (see ``Worker/Configuration/redaction``). Nothing finds a secret that was changed: encoded, shortened or split.
public struct Redaction: Sendable, Hashable {
    /// What stands instead of a secret.
    public static let mark = "[redacted]"
    /// The shortest secret that is looked for by value, 6 bytes: a shorter one stands in many words that are none.
    public static let shortestSecret = 6

    /// The patterns in lower case.
    private let names: [[UInt8]]
    /// In a fixed order, so that equal ones are equal.
    private var secrets: [SecretText]

    /// Redacts what stands under `names` and each of `secrets`.
    /// - Parameters:
    ///   - names: names of JSON members, metadata, `meta` and variables; case does not count, `*` stands for any characters.
    ///   - secrets: values, found as they are and as JSON writes them, whatever it escapes. Of one with several lines each line is
    ///     looked for; what is shorter than ``shortestSecret`` is not.
    public init(names: [String], secrets: [String] = []) {
        self.names = names.map { Array($0.lowercased().utf8) }
        self.secrets = []
        add(secrets)
    }

    /// The same, with more secrets.
    public func adding(secrets: [String]) -> Redaction {
        var redaction = self
        redaction.add(secrets)
        return redaction
    }

    /// Its names and secrets, for another process that is to redact the same.
    package var parts: (names: [String], secrets: [String]) {
        (names.map { String(decoding: $0, as: UTF8.self) }, secrets.map { String(decoding: $0.bytes, as: UTF8.self) })
    }

    private mutating func add(_ more: [String]) {
        var all = Set(secrets)
        for secret in more {
            for line in secret.split(whereSeparator: \.isNewline) where line.utf8.count >= Redaction.shortestSecret {
                all.insert(SecretText(String(line)))
            }
        }
        secrets = all.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    }

    /// Whether what stands under `name` is a secret.
    public func hides(_ name: String) -> Bool { hides(Array(name.utf8)[...]) }

    func hides(_ name: ArraySlice<UInt8>) -> Bool {
        names.contains { Redaction.matches(name, $0[...]) }
    }

    /// `text` without its secrets; the same text, at little cost, when there are none.
    public func redacted(_ text: String) -> String {
        var bytes = Array(text.utf8)
        guard redact(&bytes) else { return text }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `values` without the secrets among them.
    public func redacted(_ values: [String: String]) -> [String: String] {
        values.reduce(into: [:]) { $0[redacted($1.key)] = hides($1.key) ? Redaction.mark : redacted($1.value) }
    }

    /// Takes the secrets out of `bytes`; tells whether there were any. With `quotesMark` the mark is a JSON text where a number, an object
    /// or the like stood.
    package func redact(_ bytes: inout [UInt8], quotesMark: Bool = false) -> Bool {
        let named = names.isEmpty ? nil : NamedValues(in: bytes, hides: hides)
        var spans = named?.spans ?? []
        for secret in secrets { spans += secret.places(in: bytes) }
        guard !spans.isEmpty else { return false }
        spans.sort { ($0.lowerBound, $1.upperBound) < ($1.lowerBound, $0.upperBound) }
        var result: [UInt8] = []
        var position = 0
        for span in spans where span.upperBound > position {
            // What overlaps is one secret.
            if span.lowerBound >= position {
                let isBare = quotesMark && named?.bare.contains(span.lowerBound) == true
                result += bytes[position..<span.lowerBound] + Array((isBare ? "\"\(Redaction.mark)\"" : Redaction.mark).utf8)
            }
            position = span.upperBound
        }
        bytes = result + bytes[position...]
        return true
    }

    /// The end of a text that was cut, without the beginning of a secret.
    package func withoutCutSecret(_ text: String) -> String {
        let bytes = Array(text.utf8)
        let length = secrets.map { $0.beginning(atEndOf: bytes, least: 4) }.max() ?? 0
        return length == 0 ? text : String(decoding: bytes.dropLast(length), as: UTF8.self) + Redaction.mark
    }

    /// The values under hidden names in `bytes`, as they are written there: quoted ones without their quotes, escapes and all.
    package func values(in bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        NamedValues(in: bytes, hides: hides).spans.map { bytes[$0] }
    }

    /// Whether `name` is what `pattern`, in lower case, says. Of several stars only the latest is ever tried again, so that no pattern
    /// costs more than the product of both lengths.
    private static func matches(_ name: ArraySlice<UInt8>, _ pattern: ArraySlice<UInt8>) -> Bool {
        var (place, expected) = (name.startIndex, pattern.startIndex)
        var star: (place: Int, expected: Int)?
        while place < name.endIndex {
            let next = expected < pattern.endIndex ? pattern[expected] : nil
            if next == UInt8(ascii: "*") {
                expected += 1
                star = (place, expected)
            } else if next == lowercased(name[place]) {
                (place, expected) = (place + 1, expected + 1)
            } else if let latest = star {
                (place, expected) = (latest.place + 1, latest.expected)
                star?.place = place
            } else {
                return false
            }
        }
        return pattern[expected...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }
}
