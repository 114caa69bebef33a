// Finds the values that stand under a name in any text: JSON members, wherever the JSON begins and however often it is quoted, and `a=b`.

/// The places of values under hidden names.
struct NamedValues {
    /// The values' places, in the order of the text; quotes around a value are not part of it, brackets are.
    private(set) var spans: [Range<Int>] = []
    /// Where the values begin that are no texts but numbers, words, objects and arrays: what stands for them needs quotes of its own.
    private(set) var bare: Set<Int> = []

    private let bytes: [UInt8]
    private let hides: (ArraySlice<UInt8>) -> Bool

    /// The longest name that is looked at: 128 bytes. It bounds the work on text that is full of quotes.
    private static let nameLimit = 128

    init(in bytes: [UInt8], hides: (ArraySlice<UInt8>) -> Bool) {
        self = withoutActuallyEscaping(hides) { hides in
            var finder = NamedValues(bytes: bytes, hides: hides)
            finder.search()
            return NamedValues(bytes: [], hides: { _ in false }, spans: finder.spans, bare: finder.bare)
        }
    }

    private init(
        bytes: [UInt8], hides: @escaping (ArraySlice<UInt8>) -> Bool, spans: [Range<Int>] = [], bare: Set<Int> = []
    ) {
        self.bytes = bytes
        self.hides = hides
        self.spans = spans
        self.bare = bare
    }

    private mutating func search() {
        var position = 0
        while position < bytes.count {
            let found =
                switch bytes[position] {
                case UInt8(ascii: "\""): member(at: position)
                case UInt8(ascii: "="): assignment(at: position)
                default: Range<Int>?.none
                }
            if let found {
                spans.append(found)
                if isMember(at: position), bytes[found.lowerBound - 1] != UInt8(ascii: "\"") { bare.insert(found.lowerBound) }
                position = max(position + 1, found.upperBound)
            } else {
                position += 1
            }
        }
    }

    /// Whether a name begins here that is not quoted once more.
    private func isMember(at position: Int) -> Bool { bytes[position] == UInt8(ascii: "\"") && backslashes(before: position) == 0 }

    // MARK: "name": value

    /// The value of the member whose name may begin with the quote at `start`.
    private func member(at start: Int) -> Range<Int>? {
        // In JSON that is quoted once more a quote has a backslash before it: what closes a text looks like what opened it.
        let depth = backslashes(before: start)
        guard let end = closing(depth, from: start + 1, limit: start + 1 + NamedValues.nameLimit) else { return nil }
        var position = skipSpace(end + 1)
        guard position < bytes.count, bytes[position] == UInt8(ascii: ":"), hides(bytes[(start + 1)..<(end - depth)]) else { return nil }
        position = skipSpace(position + 1)
        if let content = quoted(at: position) { return content }
        let value = position..<endOfValue(from: position)
        return value.isEmpty ? nil : value
    }

    private func backslashes(before place: Int) -> Int {
        var count = 0
        while place - count > 0, bytes[place - count - 1] == UInt8(ascii: "\\") { count += 1 }
        return count
    }

    /// The place of the next quote with exactly `depth` backslashes, or fewer: one with more is part of the text.
    private func closing(_ depth: Int, from start: Int, limit: Int) -> Int? {
        var position = start
        while position < min(limit, bytes.count) {
            if bytes[position] == UInt8(ascii: "\"") {
                let before = min(backslashes(before: position), position - start)
                // A backslash that is itself escaped does not escape the quote.
                if before <= depth || (depth == 0 && before % 2 == 0) { return position }
            }
            position += 1
        }
        return nil
    }

    /// The content of the text that begins at `start` with a quote, backslashes before it where the whole is quoted once more; `nil` when
    /// no text begins there.
    private func quoted(at start: Int) -> Range<Int>? {
        var quote = start
        while quote < bytes.count, bytes[quote] == UInt8(ascii: "\\") { quote += 1 }
        guard quote < bytes.count, bytes[quote] == UInt8(ascii: "\"") else { return nil }
        let begin = quote + 1
        // A line that was cut may never say where the value ends.
        guard let close = closing(quote - start, from: begin, limit: bytes.count) else { return begin..<bytes.count }
        return begin..<max(begin, close - (quote - start))
    }

    private func skipSpace(_ start: Int) -> Int {
        var position = start
        while position < bytes.count, bytes[position] == 0x20 || (0x09...0x0D).contains(bytes[position]) { position += 1 }
        return position
    }

    /// The end of a number, a word, an object or an array.
    private func endOfValue(from start: Int) -> Int {
        var depth = 0
        var position = start
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return position }
                depth -= 1
                if depth == 0 { return position + 1 }
            case UInt8(ascii: "\""):
                // Brackets inside of texts do not count.
                guard let close = closing(backslashes(before: position), from: position + 1, limit: bytes.count) else { return bytes.count }
                position = close
            case UInt8(ascii: ","), 0x20, 0x09...0x0D: if depth == 0 { return position }
            default: break
            }
            position += 1
        }
        return bytes.count
    }

    // MARK: name=value

    /// The value of the assignment whose sign stands at `sign`.
    private func assignment(at sign: Int) -> Range<Int>? {
        var start = sign
        while start > 0, sign - start < NamedValues.nameLimit, isNamePart(bytes[start - 1]) { start -= 1 }
        // Options begin with dashes, names do not.
        while start < sign, bytes[start] == UInt8(ascii: "-") { start += 1 }
        guard start < sign, hides(bytes[start..<sign]) else { return nil }
        let begin = sign + 1
        if let content = quoted(at: begin) { return content }
        if begin < bytes.count, bytes[begin] == UInt8(ascii: "'") {
            return (begin + 1)..<(bytes[(begin + 1)...].firstIndex(of: UInt8(ascii: "'")) ?? bytes.count)
        }
        let end = bytes[begin...].firstIndex(where: ends) ?? bytes.count
        return begin < end ? begin..<end : nil
    }

    private func isNamePart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), 0x80...:
            true
        default: false
        }
    }

    private func ends(_ byte: UInt8) -> Bool {
        byte <= 0x20
            || [UInt8(ascii: "&"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "\\")]
                .contains(byte)
    }
}
