// A place in a job's payload, and what is asked of it.

import ErrandContext

/// A place in JSON: names of members and numbers of elements, from the outside in.
public struct PayloadPath: Sendable, Hashable, CustomStringConvertible {
    /// The names and numbers, one or more; elements count from 0.
    public let steps: [String]

    /// The place written as `customer.id` or `items.0.sku`, or, for names with dots in them, as a JSON pointer (RFC 6901): `/a.b/0`.
    /// `nil` for a text with an empty name in it.
    public init?(_ text: String) {
        if text.hasPrefix("/") {
            steps = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
                .map { String($0).replacing("~1", with: "/").replacing("~0", with: "~") }
        } else {
            steps = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        }
        guard !steps.isEmpty, !steps.contains("") else { return nil }
    }

    /// The place as a JSON pointer.
    public var description: String {
        steps.map { "/" + $0.replacing("~", with: "~0").replacing("/", with: "~1") }.joined()
    }

    /// The bytes of the value there; `nil` when the payload has no such place.
    package func value(in payload: [UInt8]) -> ArraySlice<UInt8>? {
        var value = JSONMembers.trimmed(payload[...])
        for step in steps {
            guard let next = PayloadPath.member(step, of: value) else { return nil }
            value = next
        }
        return value
    }

    /// The value there as text: a string's content, a number, `true` or `false` as it is written; `nil` for anything else, and where the
    /// payload has no such place.
    public func text(in payload: [UInt8]) -> String? {
        guard let value = value(in: payload), let first = value.first else { return nil }
        if let text = JSONMembers.text(of: value) { return text }
        let isPlain = first != UInt8(ascii: "{") && first != UInt8(ascii: "[") && !value.elementsEqual("null".utf8)
        return isPlain ? String(decoding: value, as: UTF8.self) : nil
    }

    /// The payload with `raw`, which is JSON, at this place; all other bytes stay as they are. The last name may be new; `nil` when the
    /// place before it is not there, or is no object.
    package func setting(_ raw: [UInt8], in payload: [UInt8]) -> [UInt8]? {
        var payload = payload
        if let old = value(in: payload) {
            payload.replaceSubrange(old.indices, with: raw)
            return payload
        }
        var parent = JSONMembers.trimmed(payload[...])
        for step in steps.dropLast() {
            guard let next = PayloadPath.member(step, of: parent) else { return nil }
            parent = next
        }
        guard let members = JSONMembers(object: parent), let name = steps.last else { return nil }
        var member: [UInt8] = members.names.isEmpty ? [] : [UInt8(ascii: ",")]
        JSONText.append(name, to: &member)
        payload.insert(contentsOf: member + [UInt8(ascii: ":")] + raw, at: parent.endIndex - 1)
        return payload
    }

    private static func member(_ step: String, of value: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        if let members = JSONMembers(object: value) { return members.raw(step) }
        guard let index = Int(step), let elements = JSONMembers.elements(of: value), elements.indices.contains(index) else { return nil }
        return elements[index]
    }
}

/// What a payload must hold at a place.
public struct PayloadMatch: Sendable, Hashable {
    /// Where.
    public var path: PayloadPath
    /// What: a string's content, or a number, `true`, `false` or `null` as it is written in the payload. Objects and arrays equal nothing.
    public var value: String

    /// `value` at `path`.
    public init(path: PayloadPath, value: String) {
        self.path = path
        self.value = value
    }

    /// Whether `payload` holds that.
    public func matches(_ payload: [UInt8]) -> Bool {
        guard let found = path.value(in: payload), let first = found.first else { return false }
        if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") { return false }
        return JSONMembers.text(of: found).map { $0 == value } ?? found.elementsEqual(value.utf8)
    }
}
