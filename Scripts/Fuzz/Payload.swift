// Payload JSON: what the validator lets pass is what SQLite takes for JSON, less the limits of our own, and nothing else.

import Errand
import FoundationEssentials

extension FuzzTarget {
    /// `JSONValidator` against SQLite's own parser, and against documents whose worth is known because they are made here.
    static let payload = FuzzTarget(name: "payload", broken: "takes what Foundation's decoder takes") { bytes, variant throws(Finding) in
        var source = ByteSource(bytes)
        if source.byte() % 4 == 0 {
            let document = MadeDocument(from: &source)
            let verdict = Verdict(document.bytes, variant)
            try expect(verdict == document.worth, "\(verdict), but it was made \(document.worth): \(shown(document.bytes))")
        } else {
            try compare(source.remainder(), variant)
        }
    }

    private static func compare(_ bytes: [UInt8], _ variant: Variant) throws(Finding) {
        let verdict = Verdict(bytes, variant)
        let text = String(validating: bytes, as: UTF8.self)
        switch verdict {
        case .good:
            guard let text else { throw Finding("accepts what is not UTF-8: \(shown(bytes))") }
            try expect(!bytes.contains(0), "accepts NUL: \(shown(bytes))")
            try expect(SQLiteJSON.shared.isValid(bytes), "accepts what SQLite does not: \(shown(bytes))")
            try expect(JSONNames.areUnique(in: bytes), "accepts a name twice: \(shown(bytes))")
            try expect(!text.contains("\\u0000"), "accepts an escaped NUL: \(shown(bytes))")
        case .syntax:
            // SQLite reads up to the first NUL, and 3.40 does not look at bytes above 0x7F or at halves of surrogate pairs.
            try expect(!SQLiteJSON.shared.isValid(bytes), "refuses what SQLite accepts: \(shown(bytes))")
        case .notUTF8: try expect(text == nil, "calls UTF-8 invalid: \(shown(bytes))")
        case .nul: try expect(bytes.contains(0) || text?.contains("\\u0000") == true, "sees a NUL where none is: \(shown(bytes))")
        case .surrogate: try expect(text?.contains("\\u") == true, "sees a surrogate without an escape: \(shown(bytes))")
        case .deep: try expect(bytes.count(where: { $0 == 0x5B || $0 == 0x7B }) > Limits.jsonDepth, "sees depth: \(shown(bytes))")
        case .duplicate: try expect(bytes.count(where: { $0 == 0x22 }) >= 4, "sees two names where there are not two: \(shown(bytes))")
        }
    }
}

/// What becomes of a document.
enum Verdict: Equatable {
    case good, syntax, notUTF8, nul, surrogate, deep, duplicate

    init(_ bytes: [UInt8], _ variant: Variant) {
        switch variant {
        case .real: self.init(bytes)
        case .broken:
            do {
                _ = try JSONDecoder().decode(AnyJSON.self, from: Data(bytes))
                self = .good
            } catch {
                self.init(bytes)
            }
        }
    }

    private init(_ bytes: [UInt8]) {
        do throws(JSONValidator.Problem) {
            try JSONValidator.validate(bytes)
            self = .good
        } catch {
            precondition((0...bytes.count).contains(error.offset), "a problem outside of the document: \(error)")
            self = Verdict.kinds.first { error.message.contains($0.words) }?.verdict ?? .syntax
        }
    }

    /// The words by which a message tells what it is about.
    private static let kinds: [(words: String, verdict: Verdict)] = [
        ("invalid UTF-8", .notUTF8), ("text cannot hold", .nul), ("surrogate", .surrogate), ("nesting deeper", .deep),
        ("duplicate name", .duplicate),
    ]
}

/// Any JSON at all, for the variant that asks nothing else of a document.
private struct AnyJSON: Decodable {
    private struct AnyKey: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        // Each `try?` asks whether it is that kind of value; whatever is neither is a scalar, which the decoder has read already.
        if let object = try? decoder.container(keyedBy: AnyKey.self) {
            for key in object.allKeys { _ = try object.decode(AnyJSON.self, forKey: key) }
        } else if var array = try? decoder.unkeyedContainer() {
            while !array.isAtEnd { _ = try array.decode(AnyJSON.self) }
        }
    }
}

/// An input for people: text with escapes.
func shown(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self).debugDescription }
