// Takes one JSON object apart without understanding all of it: members by name, values as the bytes that they were written in.

/// The members of a JSON object, in their order. Values stay bytes, so that numbers of any size and spelling survive a reader.
package struct JSONMembers: Sendable {
    /// The names, unescaped, in the order of the text.
    package private(set) var names: [String] = []
    private var values: [ArraySlice<UInt8>] = []

    /// Reads `{"a":1,…}`, or gives `nil` when that is not what the bytes are.
    package init?(object bytes: ArraySlice<UInt8>) {
        guard bytes.first == UInt8(ascii: "{"), bytes.last == UInt8(ascii: "}"), bytes.count >= 2 else { return nil }
        self.init(withoutBraces: bytes.dropFirst().dropLast())
    }

    /// Reads `"a":1,…`, or gives `nil` when that is not what the bytes are.
    package init?(withoutBraces bytes: ArraySlice<UInt8>) {
        var scanner = JSONScanner(bytes: bytes)
        scanner.skipSpace()
        guard !scanner.isAtEnd else { return }
        repeat {
            scanner.skipSpace()
            guard let name = scanner.string() else { return nil }
            scanner.skipSpace()
            guard scanner.skip(UInt8(ascii: ":")), let value = scanner.value() else { return nil }
            names.append(name)
            values.append(value)
            scanner.skipSpace()
        } while scanner.skip(UInt8(ascii: ","))
        guard scanner.isAtEnd else { return nil }
    }

    /// The bytes of a member's value, without space around them; `nil` when there is none.
    package func raw(_ name: String) -> ArraySlice<UInt8>? { names.firstIndex(of: name).map { values[$0] } }

    /// A member's value when it is a string.
    package func text(_ name: String) -> String? { raw(name).flatMap(JSONMembers.text(of:)) }

    /// A member's value when it is a whole number of 64 bits.
    package func number(_ name: String) -> Int64? { raw(name).flatMap { Int64(String(decoding: $0, as: UTF8.self)) } }

    /// A member's values when it is an array of strings; those of other types are left out.
    package func texts(_ name: String) -> [String] {
        guard let raw = raw(name), let elements = JSONMembers.elements(of: raw) else { return [] }
        return elements.compactMap(JSONMembers.text(of:))
    }

    /// The bytes of a JSON array's elements; `nil` for any other value.
    package static func elements(of value: ArraySlice<UInt8>) -> [ArraySlice<UInt8>]? {
        guard value.first == UInt8(ascii: "["), value.last == UInt8(ascii: "]"), value.count >= 2 else { return nil }
        var scanner = JSONScanner(bytes: value.dropFirst().dropLast())
        var elements: [ArraySlice<UInt8>] = []
        repeat {
            guard let element = scanner.value() else { return elements }
            elements.append(element)
            scanner.skipSpace()
        } while scanner.skip(UInt8(ascii: ","))
        return elements
    }

    /// JSON without the space around it.
    package static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
        let rest = bytes.drop(while: isSpace)
        guard let last = rest.lastIndex(where: { !isSpace($0) }) else { return rest }
        return rest[...last]
    }

    /// The content of a JSON string; `nil` for any other value.
    package static func text(of value: ArraySlice<UInt8>) -> String? {
        var scanner = JSONScanner(bytes: value)
        guard let text = scanner.string(), scanner.isAtEnd else { return nil }
        return text
    }
}

/// Walks over JSON from the front.
private struct JSONScanner {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    var isAtEnd: Bool { position == bytes.endIndex }
    private var next: UInt8? { isAtEnd ? nil : bytes[position] }

    mutating func skip(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }

    /// The bytes of the next value. Brackets are counted and strings respected; numbers and words are not judged.
    mutating func value() -> ArraySlice<UInt8>? {
        skipSpace()
        let start = position
        var depth = 0
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""): guard skipString() else { return nil }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard depth > 0 else { return start < position ? bytes[start..<position] : nil }
                depth -= 1
                position += 1
            case UInt8(ascii: ","), 0x20, 0x09, 0x0A, 0x0D:
                guard depth > 0 else { return start < position ? bytes[start..<position] : nil }
                position += 1
            default: position += 1
            }
        }
        return depth == 0 && start < position ? bytes[start..<position] : nil
    }

    private mutating func skipString() -> Bool {
        position += 1
        while let byte = next {
            position += 1
            if byte == UInt8(ascii: "\"") { return true }
            if byte == UInt8(ascii: "\\") {
                guard next != nil else { return false }
                position += 1
            }
        }
        return false
    }

    /// The next string, unescaped; bytes that are not UTF-8 become U+FFFD.
    mutating func string() -> String? {
        guard next == UInt8(ascii: "\"") else { return nil }
        let start = position + 1
        guard skipString() else { return nil }
        let content = bytes[start..<(position - 1)]
        guard content.contains(UInt8(ascii: "\\")) else { return String(decoding: content, as: UTF8.self) }
        return JSONScanner.unescaped(content)
    }

    private static func unescaped(_ content: ArraySlice<UInt8>) -> String? {
        var units: [UInt8] = []
        var index = content.startIndex
        while index < content.endIndex {
            guard content[index] == UInt8(ascii: "\\") else {
                units.append(content[index])
                index += 1
                continue
            }
            index += 2
            switch content[index - 1] {
            case UInt8(ascii: "b"): units.append(0x08)
            case UInt8(ascii: "f"): units.append(0x0C)
            case UInt8(ascii: "n"): units.append(0x0A)
            case UInt8(ascii: "r"): units.append(0x0D)
            case UInt8(ascii: "t"): units.append(0x09)
            case UInt8(ascii: "u"):
                guard let scalar = scalar(in: content, at: &index) else { return nil }
                units.append(contentsOf: String(Character(scalar)).utf8)
            case let other: units.append(other)
            }
        }
        return String(decoding: units, as: UTF8.self)
    }

    /// The scalar behind `\u`, a surrogate pair taken together; half a pair becomes U+FFFD.
    private static func scalar(in content: ArraySlice<UInt8>, at index: inout Int) -> Unicode.Scalar? {
        guard let unit = hex(content, at: index) else { return nil }
        index += 4
        guard unit & 0xFC00 == 0xD800 else { return Unicode.Scalar(unit) ?? "\u{FFFD}" }
        guard index + 6 <= content.endIndex, content[index] == UInt8(ascii: "\\"), content[index + 1] == UInt8(ascii: "u"),
            let low = hex(content, at: index + 2), low & 0xFC00 == 0xDC00
        else { return "\u{FFFD}" }
        index += 6
        return Unicode.Scalar(0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF)
    }

    private static func hex(_ content: ArraySlice<UInt8>, at index: Int) -> UInt32? {
        guard index + 4 <= content.endIndex else { return nil }
        return UInt32(String(decoding: content[index..<(index + 4)], as: UTF8.self), radix: 16)
    }
}
