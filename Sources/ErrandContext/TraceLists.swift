// The grammars of the two lists that travel with a trace position: `tracestate` and `baggage`, as their W3C documents write them.

/// Whether a text is a `tracestate` list: https://www.w3.org/TR/trace-context/#tracestate-header-field-values
enum TraceStateGrammar {
    /// How many members a list may have, empty ones included.
    static let members = 32
    /// The longest list that its own rules allow: 32 members of a 256-byte key, `=` and a 256-byte value, with commas between.
    static let bytes = members * 513 + members - 1

    static func accepts(_ text: String) -> Bool {
        guard text.utf8.count <= bytes else { return false }
        let list = Array(text.utf8).split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map(trimmed)
        let members = list.filter { !$0.isEmpty }
        guard list.count <= TraceStateGrammar.members, !members.isEmpty else { return false }
        var keys: Set<ArraySlice<UInt8>> = []
        return members.allSatisfy { member in
            guard let equals = member.firstIndex(of: UInt8(ascii: "=")) else { return false }
            let key = member[..<equals]
            // "Only one entry per key is allowed."
            return isKey(key) && isValue(member[(equals + 1)...]) && keys.insert(key).inserted
        }
    }

    /// A key of one vendor, `a…`, or of one of a vendor's tenants, `tenant@vendor`.
    private static func isKey(_ key: ArraySlice<UInt8>) -> Bool {
        let parts = key.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        switch parts.count {
        case 1: return isName(parts[0], first: isLetter, longest: 256)
        case 2:
            return isName(parts[0], first: { isLetter($0) || isDigit($0) }, longest: 241) && isName(parts[1], first: isLetter, longest: 14)
        default: return false
        }
    }

    private static func isName(_ name: ArraySlice<UInt8>, first: (UInt8) -> Bool, longest: Int) -> Bool {
        guard let initial = name.first, first(initial), name.count <= longest else { return false }
        return name.allSatisfy { isLetter($0) || isDigit($0) || "_-*/".utf8.contains($0) }
    }

    /// 1 to 256 printable ASCII characters without comma and equals sign; the last is no blank.
    private static func isValue(_ value: ArraySlice<UInt8>) -> Bool {
        guard let last = value.last, last != UInt8(ascii: " "), value.count <= 256 else { return false }
        return value.allSatisfy { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "=") }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}

/// Whether a text is a `baggage` list: https://www.w3.org/TR/baggage/#definition
enum BaggageGrammar {
    /// How many members every platform must carry, and Errand at most.
    static let members = 64
    /// How many bytes every platform must carry, and Errand at most.
    static let bytes = 8192

    static func accepts(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= bytes else { return false }
        let list = Array(text.utf8).split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        return list.count <= members && list.allSatisfy(isMember)
    }

    /// `key=value`, and properties after semicolons: `key` or `key=value`.
    private static func isMember(_ member: ArraySlice<UInt8>) -> Bool {
        let parts = member.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map(trimmed)
        return isPair(parts[0]) && parts.dropFirst().allSatisfy { isPair($0) || isToken($0) }
    }

    private static func isPair(_ text: ArraySlice<UInt8>) -> Bool {
        guard let equals = text.firstIndex(of: UInt8(ascii: "=")) else { return false }
        return isToken(trimmed(text[..<equals])) && trimmed(text[(equals + 1)...]).allSatisfy(isValueByte)
    }

    /// RFC 7230, 3.2.6.
    private static func isToken(_ text: ArraySlice<UInt8>) -> Bool {
        !text.isEmpty
            && text.allSatisfy { byte in
                let scalar = Unicode.Scalar(byte)
                return scalar.properties.isAlphabetic && byte < 0x80 || (0x30...0x39).contains(byte)
                    || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
    }

    /// Printable ASCII without blank, double quote, comma, semicolon and backslash.
    private static func isValueByte(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: ",") && byte != UInt8(ascii: ";")
            && byte != UInt8(ascii: "\\")
    }
}

/// `text` without the optional white space (blanks and tabs) around it.
private func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
    let tail = text.drop(while: isBlank)
    guard let last = tail.lastIndex(where: { !isBlank($0) }) else { return tail.prefix(0) }
    return tail[...last]
}
