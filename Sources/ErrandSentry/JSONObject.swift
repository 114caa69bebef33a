// Puts a JSON object together member by member, as bytes.

#if Web
import ErrandContext

/// A JSON object that is being written; a member that has no value is left out.
struct JSONObject {
    private var content: [UInt8] = []

    /// The whole object.
    var bytes: [UInt8] { [UInt8(ascii: "{")] + content + [UInt8(ascii: "}")] }
    var isEmpty: Bool { content.isEmpty }

    mutating func add(_ name: String, _ text: String?) {
        guard let text else { return }
        begin(name)
        JSONText.append(text, to: &content)
    }

    mutating func add(_ name: String, _ number: Int64) {
        begin(name)
        JSONText.append(number, to: &content)
    }

    mutating func add(_ name: String, _ number: Int) { add(name, Int64(number)) }

    mutating func add(_ name: String, _ object: JSONObject) {
        guard !object.isEmpty else { return }
        add(name, json: object.bytes)
    }

    mutating func add(_ name: String, _ texts: [String]) {
        add(
            name,
            json: JSONObject.array(
                texts.map { text in
                    var bytes: [UInt8] = []
                    JSONText.append(text, to: &bytes)
                    return bytes
                }))
    }

    /// A value that is JSON already.
    mutating func add(_ name: String, json: some Sequence<UInt8>) {
        begin(name)
        content.append(contentsOf: json)
    }

    private mutating func begin(_ name: String) {
        if !content.isEmpty { content.append(UInt8(ascii: ",")) }
        JSONText.append(name, to: &content)
        content.append(UInt8(ascii: ":"))
    }

    /// An array of values that are JSON already.
    static func array(_ values: some Sequence<[UInt8]>) -> [UInt8] {
        var bytes = [UInt8(ascii: "[")]
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: value)
        }
        bytes.append(UInt8(ascii: "]"))
        return bytes
    }
}
#endif
