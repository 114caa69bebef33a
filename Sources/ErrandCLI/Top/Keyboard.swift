// Keys of a terminal in raw mode.

/// What a person pressed.
enum Key: Hashable {
    case up, down, pageUp, pageDown, home, end
    case enter, escape, tab, backTab
    case letter(Character)
    /// Ctrl-C, or the terminal is gone.
    case quit

    /// The keys in what one read gave; what is no key that is used here is left out.
    static func keys(in bytes: [UInt8]) -> [Key] {
        var keys: [Key] = []
        var rest = bytes[...]
        while let first = rest.popFirst() {
            switch first {
            case 0x03, 0x04: keys.append(.quit)
            case 0x09: keys.append(.tab)
            case 0x0A, 0x0D: keys.append(.enter)
            case 0x1B: keys.append(contentsOf: sequence(&rest))
            case 0x20..<0x7F: keys.append(.letter(Character(Unicode.Scalar(first))))
            default: break
            }
        }
        return keys
    }

    /// Whether `bytes` end within what may be one key.
    static func isUnfinished(_ bytes: [UInt8]) -> Bool {
        guard let escape = bytes.lastIndex(of: 0x1B) else { return false }
        let rest = bytes[(escape + 1)...]
        guard let kind = rest.first else { return true }
        guard kind == UInt8(ascii: "[") || kind == UInt8(ascii: "O") else { return false }
        return rest.dropFirst().allSatisfy { (0x20..<0x40).contains($0) }
    }

    /// What follows an escape: a control sequence (ECMA-48) or nothing, when it was the key itself.
    private static func sequence(_ rest: inout ArraySlice<UInt8>) -> [Key] {
        guard let kind = rest.first, kind == UInt8(ascii: "[") || kind == UInt8(ascii: "O") else { return [.escape] }
        rest.removeFirst()
        let parameters = rest.prefix { (0x20..<0x40).contains($0) }
        rest = rest.dropFirst(parameters.count)
        guard let final = rest.popFirst() else { return [] }
        switch (final, String(decoding: parameters, as: UTF8.self)) {
        case (UInt8(ascii: "A"), _): return [.up]
        case (UInt8(ascii: "B"), _): return [.down]
        case (UInt8(ascii: "H"), _), (UInt8(ascii: "~"), "1"), (UInt8(ascii: "~"), "7"): return [.home]
        case (UInt8(ascii: "F"), _), (UInt8(ascii: "~"), "4"), (UInt8(ascii: "~"), "8"): return [.end]
        case (UInt8(ascii: "~"), "5"): return [.pageUp]
        case (UInt8(ascii: "~"), "6"): return [.pageDown]
        case (UInt8(ascii: "Z"), _): return [.backTab]
        default: return []
        }
    }
}
