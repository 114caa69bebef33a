// Lines out of pieces of a stream.

import ErrandContext
import Testing

struct LineSplitterTests {
    private func split(_ pieces: [[UInt8]], limit: Int = 8) -> [LineSplitter.Line] {
        var splitter = LineSplitter(limit: limit)
        var lines = pieces.flatMap { splitter.push($0) }
        if let last = splitter.finish() { lines.append(last) }
        return lines
    }

    @Test(arguments: [
        ("", []), ("\n", [""]), ("a", ["a"]), ("a\n", ["a"]), ("a\nb", ["a", "b"]), ("a\r\nb\r\n", ["a", "b"]), ("\r\n\r\n", ["", ""]),
        ("a\rb\n", ["a\rb"]), ("a\r", ["a\r"]), ("12345678\r\n", ["12345678"]), ("\n\nx\n\n", ["", "", "x", ""]),
    ])
    func `newlines of both kinds end a line, and the end of the stream does`(text: String, lines: [String]) {
        #expect(split([Array(text.utf8)]) == lines.map { LineSplitter.Line(bytes: Array($0.utf8), isTruncated: false) })
    }

    @Test(arguments: [
        ("123456789\nab\n", ["12345678", "ab"], [true, false]),
        ("12345678\nab", ["12345678", "ab"], [false, false]),
        ("12345678\r\r\n", ["12345678"], [true]),
        ("1234567é\n", ["1234567"], [true]),
        ("123456789", ["12345678"], [true]),
        ("1234567890123456789012\n", ["12345678"], [true]),
    ])
    func `what exceeds the limit is discarded and flagged, characters are not torn`(text: String, lines: [String], flags: [Bool]) {
        let result = split([Array(text.utf8)])
        #expect(result.map { String(decoding: $0.bytes, as: UTF8.self) } == lines)
        #expect(result.map(\.isTruncated) == flags)
    }

    @Test(arguments: 0..<200)
    func `lines do not depend on how the stream arrives`(seed: UInt64) {
        var generator = SplitMix(state: seed)
        let alphabet: [UInt8] = [0x61, 0x0A, 0x0D, 0xC3, 0xA9, 0xFF, 0x00]
        let stream = (0..<Int.random(in: 0...200, using: &generator)).map { _ in alphabet.randomElement(using: &generator)! }
        var pieces: [[UInt8]] = []
        var rest = stream[...]
        while !rest.isEmpty {
            let count = Int.random(in: 1...20, using: &generator)
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        let whole = split([stream])
        #expect(split(pieces) == whole)
        #expect(split(stream.map { [$0] }) == whole)
        // And nothing is lost: without a limit, the lines give the stream back.
        let roomy = split(pieces, limit: 1000)
        #expect(roomy.count == stream.count { $0 == 0x0A } + (stream.last == 0x0A || stream.isEmpty ? 0 : 1))
        #expect(roomy.allSatisfy { !$0.isTruncated })
    }
}

/// A generator that a seed determines.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
