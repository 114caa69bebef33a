// Writes JSON into bytes: the few shapes that log lines need, without intermediate strings.

/// Appends JSON to a byte array. Text is escaped as RFC 8259 asks and stays one line whatever it holds.
package enum JSONText {
    /// Appends a quoted string, cut (at a character) after `limit` bytes of `text`; returns whether it was cut.
    @discardableResult
    package static func append(_ text: String, to bytes: inout [UInt8], limit: Int = .max) -> Bool {
        var text = text
        return text.withUTF8 { append(utf8: $0, to: &bytes, limit: limit) }
    }

    /// Appends a quoted string of bytes that are valid UTF-8.
    @discardableResult
    package static func append(utf8: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8], limit: Int = .max) -> Bool {
        var end = utf8.count
        if end > limit {
            end = limit
            while end > 0, utf8[end] & 0xC0 == 0x80 { end -= 1 }
        }
        bytes.append(UInt8(ascii: "\""))
        var clean = 0
        for index in 0..<end {
            let byte = utf8[index]
            guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7F else { continue }
            bytes.append(contentsOf: utf8[clean..<index])
            clean = index + 1
            appendEscape(of: byte, to: &bytes)
        }
        bytes.append(contentsOf: utf8[clean..<end])
        bytes.append(UInt8(ascii: "\""))
        return end < utf8.count
    }

    /// Appends a whole number.
    package static func append(_ number: Int64, to bytes: inout [UInt8]) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var rest = number.magnitude
            var first = 20
            repeat {
                first -= 1
                digits[first] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            } while rest > 0
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: digits[first...]))
        }
    }

    /// Appends text that already is JSON.
    package static func append(raw text: StaticString, to bytes: inout [UInt8]) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    private static func appendEscape(of byte: UInt8, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case UInt8(ascii: "\n"): bytes.append(UInt8(ascii: "n"))
        case UInt8(ascii: "\t"): bytes.append(UInt8(ascii: "t"))
        case UInt8(ascii: "\r"): bytes.append(UInt8(ascii: "r"))
        default:
            let digits = Array("0123456789abcdef".utf8)
            append(raw: "u00", to: &bytes)
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        }
    }
}
