// Writes JSON objects of this tool's own shape, member by member, in the order in which they are written.

import Errand
import ErrandContext

/// A JSON object being written.
struct JSONWriter {
    private(set) var bytes: [UInt8] = [UInt8(ascii: "{")]
    private var isEmpty = true

    /// An object with the schema version.
    static func versioned(_ fill: (inout JSONWriter) -> Void) -> [UInt8] {
        object {
            $0.member("v", 1)
            fill(&$0)
        }
    }

    /// An object.
    static func object(_ fill: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        fill(&writer)
        writer.bytes.append(UInt8(ascii: "}"))
        return writer.bytes
    }

    /// An array of values that are JSON already.
    static func array(_ values: [[UInt8]]) -> [UInt8] {
        [UInt8(ascii: "[")] + values.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")]
    }

    /// A string.
    static func string(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        JSONText.append(text, to: &bytes)
        return bytes
    }

    mutating func member(_ name: String, _ text: String?) {
        key(name)
        if let text { JSONText.append(text, to: &bytes) } else { null() }
    }

    mutating func member(_ name: String, _ number: Int?) {
        key(name)
        if let number { JSONText.append(Int64(number), to: &bytes) } else { null() }
    }

    mutating func member(_ name: String, _ value: Bool) {
        key(name)
        if value { JSONText.append(raw: "true", to: &bytes) } else { JSONText.append(raw: "false", to: &bytes) }
    }

    mutating func member(_ name: String, _ time: Timestamp?) { member(name, time?.description) }

    /// A value that is JSON already, kept byte by byte.
    mutating func member(_ name: String, raw value: [UInt8]?) {
        key(name)
        if let value { bytes.append(contentsOf: value) } else { null() }
    }

    mutating func member(_ name: String, _ values: [String: String]) {
        member(
            name,
            raw: JSONWriter.object { writer in
                for (key, value) in values.sorted(by: { $0.key < $1.key }) { writer.member(key, value) }
            })
    }

    private mutating func key(_ name: String) {
        if isEmpty { isEmpty = false } else { bytes.append(UInt8(ascii: ",")) }
        JSONText.append(name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func null() { JSONText.append(raw: "null", to: &bytes) }
}
