// JSON written byte by byte: escapes, cuts, numbers.

import ErrandContext
import FoundationEssentials
import Testing

struct JSONTextTests {
    private func written(_ text: String, limit: Int = .max) -> (text: String, wasCut: Bool) {
        var bytes: [UInt8] = []
        let wasCut = JSONText.append(text, to: &bytes, limit: limit)
        return (String(decoding: bytes, as: UTF8.self), wasCut)
    }

    @Test func `every ASCII character survives, and no control character is written raw`() throws {
        for value in UInt8(0)..<0x80 {
            let character = String(Character(Unicode.Scalar(value)))
            let json = written("a\(character)b").text
            #expect(json.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "\(value)")
            #expect(try JSONDecoder().decode(String.self, from: Data(json.utf8)) == "a\(character)b", "\(value)")
        }
    }

    @Test(arguments: [
        ("", "\"\""), ("plain", "\"plain\""), ("\"\\/", "\"\\\"\\\\/\""), ("\n\r\t", "\"\\n\\r\\t\""),
        ("\u{0}\u{1F}\u{7F}", "\"\\u0000\\u001f\\u007f\""),
        ("é🧵", "\"é🧵\""), ("\r\n", "\"\\r\\n\""),
    ])
    func `text is escaped`(text: String, json: String) {
        #expect(written(text).text == json)
        #expect(!written(text).wasCut)
    }

    @Test(arguments: [
        ("aé", 3, "aé", false), ("aé", 2, "a", true), ("aé", 1, "a", true), ("aé", 0, "", true), ("🧵", 4, "🧵", false), ("🧵", 3, "", true),
        ("🧵", 1, "", true), ("€€", 5, "€", true), ("", 0, "", false), ("abc", 2, "ab", true), ("\n\n\n", 2, "\\n\\n", true),
    ])
    func `a cut falls between characters`(text: String, limit: Int, kept: String, wasCut: Bool) {
        #expect(written(text, limit: limit) == ("\"\(kept)\"", wasCut))
    }

    @Test(arguments: [Int64.min, -1, 0, 1, 9, 10, 1234567890, Int64.max])
    func `whole numbers are written`(number: Int64) {
        var bytes: [UInt8] = [0x20]
        JSONText.append(number, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == " \(number)")
    }
}
