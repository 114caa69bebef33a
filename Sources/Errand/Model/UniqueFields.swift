// The unique key that a payload's own values make.

import ErrandContext

extension Uniqueness {
    /// The same with its key worked out from `payload`, where it is unique by ``fields``.
    /// - Throws: a text that says what is wrong with the fields, or the payload.
    package func resolved(for payload: [UInt8]) throws(UniqueFieldsProblem) -> Uniqueness {
        guard !fields.isEmpty else { return self }
        guard fields.count <= Limits.uniqueFields else {
            throw UniqueFieldsProblem("a job can be unique by \(Limits.uniqueFields) fields, and \(fields.count) are named")
        }
        var parts: [[UInt8]] = []
        var isAnyThere = false
        for field in fields {
            guard let path = PayloadPath(field) else {
                throw UniqueFieldsProblem("\"\(field)\" is no place in a payload: write account.id, or /account/id")
            }
            let value = path.value(in: payload)
            isAnyThere = isAnyThere || value != nil
            parts.append(Array("\(field)=".utf8) + (value.map(JSONMembers.canonical) ?? Array("null".utf8)))
        }
        guard isAnyThere else {
            throw UniqueFieldsProblem("the payload has none of \(fields.joined(separator: ", ")): it is unique by nothing")
        }
        var resolved = self
        resolved.key = String(decoding: JSONMembers.list(parts), as: UTF8.self)
        return resolved
    }
}

/// Why a payload makes no unique key.
package struct UniqueFieldsProblem: Error, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

extension JSONMembers {
    /// JSON in the one spelling that equal values share: without space, the members of objects by name, strings without needless
    /// escapes. Numbers stay as they are spelt.
    package static func canonical(_ value: ArraySlice<UInt8>) -> [UInt8] {
        let value = trimmed(value)
        switch value.first {
        case UInt8(ascii: "{"):
            guard let members = JSONMembers(object: value) else { return Array("{}".utf8) }
            let sorted = members.names.sorted().map { name -> [UInt8] in
                quoted(name) + [UInt8(ascii: ":")] + canonical(members.raw(name) ?? [])
            }
            return [UInt8(ascii: "{")] + list(sorted) + [UInt8(ascii: "}")]
        case UInt8(ascii: "["):
            let elements: [[UInt8]] = (elements(of: value) ?? []).map(canonical)
            return [UInt8(ascii: "[")] + list(elements) + [UInt8(ascii: "]")]
        case UInt8(ascii: "\""): return text(of: value).map { quoted($0) } ?? Array(value)
        default: return Array(value)
        }
    }
    /// The parts with commas between.
    fileprivate static func list(_ parts: [[UInt8]]) -> [UInt8] { Array(parts.joined(separator: [UInt8(ascii: ",")])) }

    private static func quoted(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        JSONText.append(text, to: &bytes)
        return bytes
    }
}
