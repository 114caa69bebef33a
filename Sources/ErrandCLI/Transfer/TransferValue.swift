// Payloads and results in an export: readable where they can be, and always exactly the bytes that they are.

import Errand
import FoundationEssentials

/// A payload, a result, or the result of a step, as members of a record.
enum TransferValue {
    /// Writes `value` as `name` where it is JSON on one line; as text in `name_text` where a reader would not give its spaces back; and
    /// sealed in Base64, as `name_sealed` with the key that opens it as `name_key`. Nothing for `nil`.
    static func write(_ name: String, _ value: [UInt8]?, to writer: inout JSONWriter) {
        guard let value else { return }
        if let sealed = SealedBytes(value) {
            writer.member("\(name)_sealed", Data(value).base64EncodedString())
            writer.member("\(name)_key", sealed.keyID)
        } else if value.contains(where: { $0 < 0x20 }) || value.first == 0x20 || value.last == 0x20 {
            writer.member("\(name)_text", String(decoding: value, as: UTF8.self))
        } else {
            writer.member(name, raw: value)
        }
    }

    /// What ``write(_:_:to:)`` has written; `nil` when it is not there.
    static func read(_ name: String, of members: JSONMembers) throws(TransferProblem) -> [UInt8]? {
        if let raw = members.raw(name) { return Array(raw) }
        if let text = members.text("\(name)_text") { return Array(text.utf8) }
        guard let text = members.text("\(name)_sealed") else { return nil }
        guard let bytes = Data(base64Encoded: text).map({ Array($0) }), SealedBytes(bytes) != nil else {
            throw TransferProblem("its \(name)_sealed is not what was encrypted, in Base64")
        }
        return bytes
    }
}
