// Decides whether bytes are JSON as RFC 8259 has it; payloads are stored as given, so nothing is repaired.

/// Checks payload bytes: strict JSON in valid UTF-8, no duplicate keys, no NUL, nesting up to a limit.
///
/// Foundation's decoder accepts trailing commas and duplicate keys and repairs invalid bytes; a queue that stores input for others
/// to read must not.
package struct JSONValidator {
    /// What is wrong, and where.
    package struct Problem: Error, Hashable, CustomStringConvertible {
        /// What is wrong.
        package let message: String
        /// Where, in bytes from 0.
        package let offset: Int

        package var description: String { "\(message) at byte \(offset)" }
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private let maximumDepth: Int

    /// Checks `bytes`.
    package static func validate(_ bytes: [UInt8], maximumDepth: Int = Limits.jsonDepth) throws(Problem) {
        let result = bytes.withUnsafeBufferPointer { buffer -> Result<Void, Problem> in
            var validator = JSONValidator(bytes: buffer, maximumDepth: maximumDepth)
            do throws(Problem) {
                try validator.checkUTF8()
                validator.skipSpace()
                try validator.value(depth: 0)
                validator.skipSpace()
                guard validator.position == buffer.count else { throw validator.problem("unexpected text after the JSON value") }
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    private init(bytes: UnsafeBufferPointer<UInt8>, maximumDepth: Int) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
    }

    private func problem(_ message: String) -> Problem { Problem(message: message, offset: position) }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func checkUTF8() throws(Problem) {
        // Walks the bytes by the table of well-formed sequences (Unicode 15, table 3-7); NUL is refused as well.
        var index = 0
        while index < bytes.count {
            if isPlainText(at: index) {
                index += 8
                continue
            }
            let length = sequenceLength(at: index)
            guard length > 0 else {
                position = index
                throw problem(bytes[index] == 0 ? "a NUL byte, which text cannot hold," : "invalid UTF-8")
            }
            index += length
        }
    }

    /// Whether the next eight bytes are ASCII without a NUL, as most are: seen in one look at all of them.
    private func isPlainText(at index: Int) -> Bool {
        guard index + 8 <= bytes.count, let start = bytes.baseAddress else { return false }
        let eight = UnsafeRawPointer(start + index).loadUnaligned(as: UInt64.self)
        return (eight | (eight &- 0x0101_0101_0101_0101)) & 0x8080_8080_8080_8080 == 0
    }

    private func sequenceLength(at index: Int) -> Int {
        func continues(_ offset: Int, from low: UInt8 = 0x80, to high: UInt8 = 0xBF) -> Bool {
            index + offset < bytes.count && bytes[index + offset] >= low && bytes[index + offset] <= high
        }
        switch bytes[index] {
        case 0x01...0x7F: return 1
        case 0xC2...0xDF: return continues(1) ? 2 : 0
        case 0xE0: return continues(1, from: 0xA0) && continues(2) ? 3 : 0
        case 0xED: return continues(1, to: 0x9F) && continues(2) ? 3 : 0
        case 0xE1...0xEF: return continues(1) && continues(2) ? 3 : 0
        case 0xF0: return continues(1, from: 0x90) && continues(2) && continues(3) ? 4 : 0
        case 0xF1...0xF3: return continues(1) && continues(2) && continues(3) ? 4 : 0
        case 0xF4: return continues(1, to: 0x8F) && continues(2) && continues(3) ? 4 : 0
        default: return 0
        }
    }

    private mutating func value(depth: Int) throws(Problem) {
        switch next {
        case UInt8(ascii: "{"): try object(depth: depth + 1)
        case UInt8(ascii: "["): try array(depth: depth + 1)
        case UInt8(ascii: "\""): _ = try skipString()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): try number()
        case nil: throw problem("the JSON value ends too early")
        default: throw problem("unexpected character")
        }
    }

    private func checkDepth(_ depth: Int) throws(Problem) {
        guard depth <= maximumDepth else { throw problem("nesting deeper than \(maximumDepth) levels") }
    }

    private mutating func object(depth: Int) throws(Problem) {
        try checkDepth(depth)
        position += 1
        var names = NamesOfObject()
        skipSpace()
        if next == UInt8(ascii: "}") {
            position += 1
            return
        }
        while true {
            let start = position
            guard next == UInt8(ascii: "\"") else { throw problem("expected a quoted name") }
            let hasEscapes = try skipString()
            let isNew = hasEscapes ? names.insert(try content(at: start), of: bytes) : names.insert(start + 1..<position - 1, of: bytes)
            guard isNew else {
                let name = try content(at: start)
                position = start
                throw problem("duplicate name \"\(String(decoding: name, as: UTF8.self))\"")
            }
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw problem("expected ':'") }
            position += 1
            skipSpace()
            try value(depth: depth)
            skipSpace()
            guard try continues(until: UInt8(ascii: "}")) else { return }
        }
    }

    private mutating func array(depth: Int) throws(Problem) {
        try checkDepth(depth)
        position += 1
        skipSpace()
        if next == UInt8(ascii: "]") {
            position += 1
            return
        }
        while true {
            try value(depth: depth)
            skipSpace()
            guard try continues(until: UInt8(ascii: "]")) else { return }
        }
    }

    /// After a member: true when a comma and another member follow, false at the end.
    private mutating func continues(until end: UInt8) throws(Problem) -> Bool {
        if next == end {
            position += 1
            return false
        }
        guard next == UInt8(ascii: ",") else { throw problem("expected ',' or '\(Character(Unicode.Scalar(end)))'") }
        position += 1
        skipSpace()
        guard next != end else { throw problem("a trailing comma") }
        return true
    }

    private mutating func word(_ text: StaticString) throws(Problem) {
        let matches = text.withUTF8Buffer { word in
            position + word.count <= bytes.count && word.indices.allSatisfy { bytes[position + $0] == word[$0] }
        }
        guard matches else { throw problem("unexpected character") }
        position += text.utf8CodeUnitCount
    }

    private mutating func number() throws(Problem) {
        if next == UInt8(ascii: "-") { position += 1 }
        if next == UInt8(ascii: "0") {
            position += 1
        } else {
            try digits()
        }
        if next == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if let byte = next, byte | 0x20 == UInt8(ascii: "e") {
            position += 1
            if let sign = next, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
    }

    private mutating func digits() throws(Problem) {
        let start = position
        while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
        guard position > start else { throw problem("expected a digit") }
    }

    /// Reads a string of which nobody wants to know the content; returns whether it has escapes.
    private mutating func skipString() throws(Problem) -> Bool {
        var hasEscapes = false
        position += 1
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return hasEscapes
            case UInt8(ascii: "\\"):
                hasEscapes = true
                var content: [UInt8] = []
                try escape(into: &content)
            case 0..<0x20: throw problem("a control character inside a string")
            default: position += 1
            }
        }
        throw problem("a string without an end")
    }

    /// The content of the string at `start`, with escapes resolved, so that `"a"` and `"\u0061"` count as the same name.
    private mutating func content(at start: Int) throws(Problem) -> [UInt8] {
        position = start + 1
        var content: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return content
            case UInt8(ascii: "\\"): try escape(into: &content)
            case 0..<0x20: throw problem("a control character inside a string")
            default:
                content.append(byte)
                position += 1
            }
        }
        throw problem("a string without an end")
    }

    private mutating func escape(into content: inout [UInt8]) throws(Problem) {
        position += 1
        guard let kind = next else { throw problem("a string without an end") }
        position += 1
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(kind)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0C)
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "u"): try unicodeEscape(into: &content)
        default:
            position -= 1
            throw problem("an unknown escape")
        }
    }

    private mutating func unicodeEscape(into content: inout [UInt8]) throws(Problem) {
        var unit = try hexUnit()
        guard unit != 0 else { throw problem("\\u0000, which text cannot hold,") }
        if unit & 0xFC00 == 0xD800 {
            guard next == UInt8(ascii: "\\"), position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "u") else {
                throw problem("half of a surrogate pair")
            }
            position += 2
            let low = try hexUnit()
            guard low & 0xFC00 == 0xDC00 else { throw problem("half of a surrogate pair") }
            unit = 0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF
        }
        guard let scalar = Unicode.Scalar(unit) else { throw problem("half of a surrogate pair") }
        content.append(contentsOf: String(Character(scalar)).utf8)
    }

    private mutating func hexUnit() throws(Problem) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw problem("expected four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
