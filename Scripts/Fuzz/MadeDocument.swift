// JSON documents made from bytes, each good or with one known mistake.

import Errand

/// A document, and what the validator must say about it.
struct MadeDocument {
    /// The text.
    private(set) var bytes: [UInt8] = []
    /// What is right or wrong about it.
    private(set) var worth: Verdict = .good
    private var budget = 60

    /// Makes one from choices; the same bytes make the same document.
    init(from source: inout ByteSource) { value(depth: 0, &source) }

    private mutating func put(_ text: String) { bytes += text.utf8 }

    private mutating func space(_ source: inout ByteSource) {
        let choice = source.byte()
        if choice < 32 { put([" ", "\t", "\n", "\r\n"][Int(choice) % 4]) }
    }

    private mutating func value(depth: Int, _ source: inout ByteSource) {
        budget -= 1
        space(&source)
        switch budget > 0 ? source.number(below: 9) : 0 {
        case 0: put(["null", "true", "false"][source.number(below: 3)])
        case 1: put(["0", "-0", "12", "-3.25", "1e9", "4E-2", "0.5e+1"][source.number(below: 7)])
        case 2, 3: string(&source)
        case 4, 5: array(depth: depth + 1, &source)
        case 6, 7: object(depth: depth + 1, &source)
        default: nest(depth: depth, &source)
        }
        space(&source)
    }

    /// Brackets around a value, up to the limit or one further.
    private mutating func nest(depth: Int, _ source: inout ByteSource) {
        let levels = source.number(below: 2) == 0 ? source.number(below: 8) : Limits.jsonDepth - depth + source.number(below: 2)
        note(depth: depth + levels)
        put(String(repeating: "[", count: levels) + "1" + String(repeating: "]", count: levels))
    }

    private mutating func array(depth: Int, _ source: inout ByteSource) {
        note(depth: depth)
        put("[")
        for index in 0..<source.number(below: 4) {
            if index > 0 { put(",") }
            value(depth: depth, &source)
        }
        put("]")
    }

    private mutating func object(depth: Int, _ source: inout ByteSource) {
        note(depth: depth)
        put("{")
        var used: Set<String> = []
        for index in 0..<source.number(below: 4) {
            if index > 0 { put(",") }
            space(&source)
            let name = ["a", "b", "/", "é"][source.number(below: 4)]
            if !used.insert(name).inserted, worth == .good { worth = .duplicate }
            put("\"" + spelled(name, &source) + "\"")
            space(&source)
            put(":")
            value(depth: depth, &source)
        }
        put("}")
    }

    /// One name has many spellings, and is the same name in all of them.
    private func spelled(_ name: String, _ source: inout ByteSource) -> String {
        switch (name, source.number(below: 4)) {
        case ("/", 1): "\\/"
        case (_, 2), (_, 3):
            name.utf16.map { unit in
                let digits = String(unit, radix: 16, uppercase: source.number(below: 2) == 0)
                return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }.joined()
        default: name
        }
    }

    private mutating func string(_ source: inout ByteSource) {
        put("\"")
        for _ in 0..<source.number(below: 6) {
            let pieces = ["x", "é", "🧵", "\\n", "\\\"", "\\\\", "\\u00e9", "\\ud83e\\uddf5", "\u{7F}", "\u{2028}"]
            put(pieces[source.number(below: pieces.count)])
        }
        if source.byte() == 7, worth == .good {
            worth = .surrogate
            put(["\\ud83e", "\\udc00", "\\ud83ex", "\\ud83e\\u0041"][source.number(below: 4)])
        }
        put("\"")
    }

    private mutating func note(depth: Int) {
        if depth > Limits.jsonDepth, worth == .good { worth = .deep }
    }
}
