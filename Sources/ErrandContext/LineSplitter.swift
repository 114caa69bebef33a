// Cuts a stream of bytes into lines, with a limit to what one line may hold in memory.

import Glibc

/// Splits bytes that arrive in pieces into lines.
///
/// A line ends at `\n` or `\r\n`, which are not part of it, or at the end of the stream. What exceeds the limit is discarded.
package struct LineSplitter: Sendable {
    /// One line of output.
    package struct Line: Equatable, Sendable {
        /// Its bytes, without the newline.
        package var bytes: [UInt8]
        /// Whether it was longer than the limit.
        package var isTruncated: Bool

        package init(bytes: [UInt8], isTruncated: Bool) {
            self.bytes = bytes
            self.isTruncated = isTruncated
        }
    }

    /// How many bytes of a line are kept.
    let limit: Int
    /// The line that has no end yet: up to one byte past the limit, so that a carriage return there is not mistaken for text.
    private var partial: [UInt8] = []
    private var isDiscarding = false
    private var hasPartial = false

    package init(limit: Int) {
        precondition(limit > 0, "a line needs room: \(limit)")
        self.limit = limit
    }

    /// The lines that `bytes` complete.
    package mutating func push(_ bytes: some Sequence<UInt8>) -> [Line] {
        let array = Array(bytes)
        return array.withUnsafeBufferPointer { push($0) }
    }

    /// The lines that `bytes` complete.
    package mutating func push(_ bytes: UnsafeBufferPointer<UInt8>) -> [Line] {
        var lines: [Line] = []
        var start = 0
        while let end = LineSplitter.newline(in: bytes, from: start) {
            keep(bytes[start..<end])
            lines.append(takeLine(isEnded: true))
            start = end + 1
        }
        if start < bytes.count { keep(bytes[start...]) }
        return lines
    }

    private static func newline(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        guard start < bytes.count, let base = bytes.baseAddress, let found = memchr(base + start, 0x0A, bytes.count - start) else {
            return nil
        }
        return UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }

    /// The last line, if the stream ended without a newline.
    package mutating func finish() -> Line? { hasPartial ? takeLine(isEnded: false) : nil }

    private mutating func keep(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) {
        hasPartial = true
        let room = limit + 1 - partial.count
        partial.append(contentsOf: bytes.prefix(room))
        if bytes.count > room { isDiscarding = true }
    }

    private mutating func takeLine(isEnded: Bool) -> Line {
        var bytes = partial
        if isEnded, !isDiscarding, bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        let isTruncated = isDiscarding || bytes.count > limit
        if isTruncated { bytes.removeLast(bytes.count - LineSplitter.cut(bytes, at: limit)) }
        partial.removeAll(keepingCapacity: true)
        isDiscarding = false
        hasPartial = false
        return Line(bytes: bytes, isTruncated: isTruncated)
    }

    /// The last place up to `limit` that is not inside of a UTF-8 sequence.
    private static func cut(_ bytes: [UInt8], at limit: Int) -> Int {
        guard limit < bytes.count else { return bytes.count }
        var end = limit
        while end > 0, limit - end < 3, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        // Four continuation bytes in a row are no character that could be saved.
        return bytes[end] & 0xC0 == 0x80 ? limit : end
    }
}
