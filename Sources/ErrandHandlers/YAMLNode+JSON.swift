// A YAML value as JSON, for payloads that are written in errand.yaml.

import Errand
import ErrandContext

extension YAMLNode {
    /// The value as JSON: what is written without quotes and is a number, a truth value or nothing in JSON is that, all else is text.
    /// Numbers stay as they are spelt.
    var json: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    private func append(to bytes: inout [UInt8]) {
        switch content {
        case _ where isNull: bytes += Array("null".utf8)
        case .scalar(let text, let isPlain):
            if isPlain, text == "true" || text == "false" || YAMLNode.isNumber(text) {
                bytes += Array(text.utf8)
            } else {
                JSONText.append(text, to: &bytes)
            }
        case .sequence(let nodes):
            bytes.append(UInt8(ascii: "["))
            for (index, node) in nodes.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                node.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .mapping(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                JSONText.append(member.name, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    /// Whether JSON has such a number: no leading zeros or plus, no hexadecimal, no infinity.
    private static func isNumber(_ text: String) -> Bool {
        guard let first = text.utf8.first, first == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        do throws(JSONValidator.Problem) {
            try JSONValidator.validate(Array(text.utf8))
            return true
        } catch {
            return false
        }
    }
}
