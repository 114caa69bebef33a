// Text from jobs on its way to a terminal: nothing in it may move the cursor, change colours or reorder what is read.

/// Makes text safe to show, and measures it.
enum TerminalText {
    /// `text` with control characters (C0, DEL, C1), bidirectional controls and line separators written as escapes such as `\x1b` and
    /// `\u202e`. Tabs stay when `keepingTabs`.
    static func escaped(_ text: String, keepingTabs: Bool = false) -> String {
        guard text.unicodeScalars.contains(where: { isUnsafe($0) && !(keepingTabs && $0 == "\t") }) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if !isUnsafe(scalar) || (keepingTabs && scalar == "\t") {
                result.append(scalar)
            } else {
                result.append(contentsOf: escape(of: scalar).unicodeScalars)
            }
        }
        return String(result)
    }

    /// The same JSON with what stands raw in its texts and is unsafe written as `\u009b`: DEL, C1, bidirectional controls, separators.
    static func escaped(json: [UInt8]) -> [UInt8] {
        guard json.contains(where: { $0 >= 0x7F }) else { return json }
        var result: [UInt8] = []
        for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
            if scalar.value >= 0x7F, isUnsafe(scalar) {
                let digits = String(scalar.value, radix: 16)
                result += Array("\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8)
            } else {
                result.append(contentsOf: UTF8.encode(scalar)!)
            }
        }
        return result
    }

    /// Whether a terminal or a reader's eye might be misled.
    static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0: true
        // Bidirectional marks, embeddings, overrides and isolates; line and paragraph separators.
        case 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    private static func escape(of scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        default:
            let digits = String(scalar.value, radix: 16)
            let width = scalar.value < 0x100 ? 2 : 4
            let padding = String(repeating: "0", count: max(0, width - digits.count))
            return (width == 2 ? "\\x" : "\\u") + padding + digits
        }
    }

    /// How many columns `text` takes, without escape sequences in it.
    static func width(of text: String) -> Int { text.reduce(0) { $0 + width(of: $1) } }

    private static func width(of character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        // Unicode Standard Annex 11: the blocks whose characters are wide or full-width.
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
            return 2
        default: return scalar.properties.isDefaultIgnorableCodePoint || scalar.properties.generalCategory == .nonspacingMark ? 0 : 1
        }
    }

    /// `text`, cut to `columns` with an ellipsis where it is longer.
    static func cut(_ text: String, to columns: Int) -> String {
        guard width(of: text) > columns else { return text }
        var result = ""
        var used = 0
        for character in text {
            let width = width(of: character)
            guard used + width <= columns - 1 else { break }
            result.append(character)
            used += width
        }
        return result + "…"
    }
}
