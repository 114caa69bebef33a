// One secret value, found in text as it is and as JSON writes it, whichever way: \" and \/, \u00fc, and quoted more than once.

import Glibc

/// A value that must not be read.
struct SecretText: Sendable, Hashable {
    /// What it is, in UTF-8.
    let bytes: [UInt8]
    /// What it is made of; backslashes in a row are one, since every writing makes another number of them.
    private let scalars: [Unicode.Scalar]

    init(_ text: String) {
        bytes = Array(text.utf8)
        scalars = text.unicodeScalars.reduce(into: []) { if $1 != "\\" || $0.last != "\\" { $0.append($1) } }
    }

    /// Where it stands in `text`; no place begins in another.
    func places(in text: [UInt8]) -> [Range<Int>] {
        text.withUnsafeBytes { text in
            // Without a backslash nothing is escaped, and the C library looks at many bytes at once.
            let isPlain = text.baseAddress.map { memchr($0, Int32(SecretText.backslash), text.count) == nil } ?? true
            return isPlain ? plainPlaces(in: text) : writtenPlaces(in: text)
        }
    }

    /// How much of the end of `text` is the beginning of it, in bytes; 0 for fewer than `least`.
    func beginning(atEndOf text: [UInt8], least: Int) -> Int {
        text.withUnsafeBytes { text in
            // Nothing makes a byte longer than \u0000 does; quoted once more, and twice, it has 7 and 9 bytes.
            let first = max(0, text.count - bytes.count * 9)
            let start = (first..<max(first, text.count - least + 1)).first { mayBegin(in: text, at: $0) && match(text, at: $0) == .cut }
            return start.map { text.count - $0 } ?? 0
        }
    }

    // MARK: Search

    private static let backslash = UInt8(ascii: "\\")

    private func plainPlaces(in text: UnsafeRawBufferPointer) -> [Range<Int>] {
        guard let base = text.baseAddress else { return [] }
        var places: [Range<Int>] = []
        var start = 0
        // memmem(3) is missing from Swift's Glibc import.
        while text.count - start >= bytes.count, let found = memchr(base + start, Int32(bytes[0]), text.count - start - bytes.count + 1) {
            let place = UnsafeRawPointer(found) - base
            let isHere = memcmp(base + place, bytes, bytes.count) == 0
            if isHere { places.append(place..<(place + bytes.count)) }
            start = place + (isHere ? bytes.count : 1)
        }
        return places
    }

    private func writtenPlaces(in text: UnsafeRawBufferPointer) -> [Range<Int>] {
        var places: [Range<Int>] = []
        var position = 0
        while position < text.count {
            if mayBegin(in: text, at: position), case .whole(let end) = match(text, at: position) {
                places.append(position..<end)
                position = end
            } else {
                position += 1
            }
        }
        return places
    }

    /// With its own first byte, or with backslashes, all of them.
    private func mayBegin(in text: UnsafeRawBufferPointer, at place: Int) -> Bool {
        text[place] == SecretText.backslash ? place == 0 || text[place - 1] != SecretText.backslash : text[place] == bytes[0]
    }

    // MARK: Comparison

    private enum Match: Equatable {
        case none
        /// The text ends within it.
        case cut
        case whole(end: Int)
    }

    private func match(_ text: UnsafeRawBufferPointer, at start: Int) -> Match {
        var position = start
        for scalar in scalars {
            let first = position
            while position < text.count, text[position] == SecretText.backslash { position += 1 }
            if position == text.count { return .cut }
            if scalar == "\\" {
                guard position > first else { return .none }
                continue
            }
            // A backslash of the secret's own, just before, counts too: all in a row have been passed there.
            let isEscaped = position > start && text[position - 1] == SecretText.backslash
            var next = Match.none
            if isEscaped { next = escape(of: scalar, text, at: position) }
            if next == .none, position == first || scalar == "\"" || scalar == "/" { next = raw(scalar, text, at: position) }
            guard case .whole(let end) = next else { return next }
            position = end
        }
        return .whole(end: position)
    }

    private func raw(_ scalar: Unicode.Scalar, _ text: UnsafeRawBufferPointer, at start: Int) -> Match {
        var position = start
        for byte in UTF8.encode(scalar)! {
            if position == text.count { return .cut }
            guard text[position] == byte else { return .none }
            position += 1
        }
        return .whole(end: position)
    }

    /// What stands after the backslash: `t`, or `u` and four digits for each UTF-16 unit.
    private func escape(of scalar: Unicode.Scalar, _ text: UnsafeRawBufferPointer, at start: Int) -> Match {
        if scalar == "\t", text[start] == UInt8(ascii: "t") { return .whole(end: start + 1) }
        var position = start
        for (index, unit) in UTF16.encode(scalar)!.enumerated() {
            if index > 0 {
                let first = position
                while position < text.count, text[position] == SecretText.backslash { position += 1 }
                if position < text.count, position == first { return .none }
            }
            let digits = (0..<4).map { UInt8(truncatingIfNeeded: unit >> (12 - 4 * $0) & 0xF) }
            guard position < text.count else { return .cut }
            guard text[position] == UInt8(ascii: "u") else { return .none }
            position += 1
            for digit in digits {
                guard position < text.count else { return .cut }
                guard Character(Unicode.Scalar(text[position])).hexDigitValue == Int(digit) else { return .none }
                position += 1
            }
        }
        return .whole(end: position)
    }
}
