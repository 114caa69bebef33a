// What counts as JSON: RFC 8259 to the letter, with our own limits (names once, no NUL, 64 levels).

import Errand
import Testing

struct JSONValidatorTests {
    private func problem(_ bytes: [UInt8], maximumDepth: Int = Limits.jsonDepth) -> JSONValidator.Problem? {
        do throws(JSONValidator.Problem) {
            try JSONValidator.validate(bytes, maximumDepth: maximumDepth)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        "null", "true", "false", "0", "-0", "0.0", "-0.0e-0", "1", "-1", "1e5", "1E+5", "1.5e-10", "1e99999",
        "123456789012345678901234567890",
        "\"\"", "\"a\"", "[]", "{}", "[ ]", "{ }", " \t\r\n1 \t\r\n", "[1,2]", "[ 1 , 2 ]", "{\"a\":1,\"b\":[{}]}", "{ \"a\" : 1 }",
        #""\"\\\/\b\f\n\r\t""#, #""\u00e9\u00E9""#, #""\ud83e\uddf5""#, #""\uD83E\uDDF5""#, "\"é🧵\u{7F}\u{2028}\"", #"{"":1}"#,
        #"{"a":1,"A":2}"#, #"{"a":1,"\u0061b":2}"#, #"[{"a":1},{"a":1}]"#, #"{"a":{"a":1}}"#, #"{"é":1,"e\u0301":2}"#, "\"\u{FEFF}\"",
        #""\uFFFF""#, #""\u0001""#,
    ])
    func `a good document passes`(text: String) {
        #expect(problem(Array(text.utf8)) == nil)
    }

    @Test(arguments: [0, 1, 7, 8, 9, 15, 16, 17, 40])
    func `a wrong byte is found wherever it stands among plain ones`(position: Int) {
        for (wrong, message) in [(0x00, "a NUL byte, which text cannot hold,"), (0x80, "invalid UTF-8"), (0xFF, "invalid UTF-8")] {
            var text = [UInt8](repeating: UInt8(ascii: "a"), count: 41)
            text[position] = UInt8(wrong)
            #expect(problem([UInt8(ascii: "\"")] + text + [UInt8(ascii: "\"")])?.description == "\(message) at byte \(position + 1)")
        }
        for letter in ["é", "€", "🧵", "\u{7F}", "\u{1}"] {
            let text = String(repeating: "a", count: position) + letter + "bcdefghijk"
            let isControl = letter == "\u{1}"
            #expect((problem(Array("\"\(text)\"".utf8)) == nil) == !isControl)
        }
    }

    @Test(arguments: [
        ("", "the JSON value ends too early at byte 0"),
        ("  ", "the JSON value ends too early at byte 2"),
        ("nul", "unexpected character at byte 0"),
        ("nulll", "unexpected text after the JSON value at byte 4"),
        ("True", "unexpected character at byte 0"),
        ("NaN", "unexpected character at byte 0"),
        ("Infinity", "unexpected character at byte 0"),
        ("01", "unexpected text after the JSON value at byte 1"),
        ("-01", "unexpected text after the JSON value at byte 2"),
        ("-", "expected a digit at byte 1"),
        ("+1", "unexpected character at byte 0"),
        ("1.", "expected a digit at byte 2"),
        ("1.e5", "expected a digit at byte 2"),
        (".5", "unexpected character at byte 0"),
        ("1e", "expected a digit at byte 2"),
        ("1e+", "expected a digit at byte 3"),
        ("0x1", "unexpected text after the JSON value at byte 1"),
        ("1_000", "unexpected text after the JSON value at byte 1"),
        ("- 1", "expected a digit at byte 1"),
        ("1 2", "unexpected text after the JSON value at byte 2"),
        ("{}{}", "unexpected text after the JSON value at byte 2"),
        ("[1,]", "a trailing comma at byte 3"),
        ("[1, ]", "a trailing comma at byte 4"),
        ("{\"a\":1,}", "a trailing comma at byte 7"),
        ("[,1]", "unexpected character at byte 1"),
        ("[1 2]", "expected ',' or ']' at byte 3"),
        ("[1,,2]", "unexpected character at byte 3"),
        ("[1}", "expected ',' or ']' at byte 2"),
        ("{\"a\":1]", "expected ',' or '}' at byte 6"),
        ("[", "the JSON value ends too early at byte 1"),
        ("[1", "expected ',' or ']' at byte 2"),
        ("{", "expected a quoted name at byte 1"),
        ("{a:1}", "expected a quoted name at byte 1"),
        ("{'a':1}", "expected a quoted name at byte 1"),
        ("{1:1}", "expected a quoted name at byte 1"),
        ("{\"a\"}", "expected ':' at byte 4"),
        ("{\"a\":}", "unexpected character at byte 5"),
        ("{\"a\" 1}", "expected ':' at byte 5"),
        ("]", "unexpected character at byte 0"),
        ("'a'", "unexpected character at byte 0"),
        ("\"a", "a string without an end at byte 2"),
        ("\"a\\", "a string without an end at byte 3"),
        ("\"a\\\"", "a string without an end at byte 4"),
        ("\"a\nb\"", "a control character inside a string at byte 2"),
        ("\"a\tb\"", "a control character inside a string at byte 2"),
        ("\"\u{1F}\"", "a control character inside a string at byte 1"),
        (#""\x41""#, "an unknown escape at byte 2"),
        (#""\'""#, "an unknown escape at byte 2"),
        (#""\u12""#, "expected four hexadecimal digits at byte 5"),
        (#""\u12g4""#, "expected four hexadecimal digits at byte 5"),
        (#""\u+123""#, "expected four hexadecimal digits at byte 3"),
        (#""\ud83e""#, "half of a surrogate pair at byte 7"),
        (#""\ud83ex""#, "half of a surrogate pair at byte 7"),
        (#""\ud83e\n""#, "half of a surrogate pair at byte 7"),
        (#""\ud83e\ud83e""#, "half of a surrogate pair at byte 13"),
        (#""\uddf5""#, "half of a surrogate pair at byte 7"),
        (#""\uddf5\ud83e""#, "half of a surrogate pair at byte 7"),
        (#""\u0000""#, "\\u0000, which text cannot hold, at byte 7"),
        (#"{"\u0000":1}"#, "\\u0000, which text cannot hold, at byte 8"),
        ("\"a\0\"", "a NUL byte, which text cannot hold, at byte 2"),
        ("1\0", "a NUL byte, which text cannot hold, at byte 1"),
        ("\u{FEFF}1", "unexpected character at byte 0"),
        ("\u{A0}1", "unexpected character at byte 0"),
        ("\u{0B}1", "unexpected character at byte 0"),
        ("// x\n1", "unexpected character at byte 0"),
        ("[1/* x */]", "expected ',' or ']' at byte 2"),
        ("{\"a\":1,\"a\":2}", "duplicate name \"a\" at byte 7"),
        (#"{"a":1,"\u0061":2}"#, "duplicate name \"a\" at byte 7"),
        (#"{"\u00e9":1,"é":2}"#, "duplicate name \"é\" at byte 12"),
        (#"{"🧵":1,"\ud83e\uddf5":2}"#, "duplicate name \"🧵\" at byte 10"),
        (#"{"/":1,"\/":2}"#, "duplicate name \"/\" at byte 7"),
        (#"{"":1,"":2}"#, "duplicate name \"\" at byte 6"),
        (#"[{"x":{"a":1,"b":2,"a":3}}]"#, "duplicate name \"a\" at byte 19"),
    ])
    func `a bad document is refused with what is wrong and where`(text: String, expected: String) {
        #expect(problem(Array(text.utf8)).map { "\($0)" } == expected)
    }

    @Test(
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80], [0xE2, 0x82], [0xED, 0xA0, 0x80],
            [0xED, 0xBF, 0xBF],
            [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x9F, 0xA7], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF], [0xFF, 0xFE],
        ] as [[UInt8]])
    func `bytes that are not UTF-8 are refused where they begin`(bytes: [UInt8]) {
        let quoted = Array("\"a".utf8) + bytes + Array("\"".utf8)
        #expect(problem(quoted).map { "\($0)" } == "invalid UTF-8 at byte 2")
        #expect(problem(bytes).map { "\($0)" } == "invalid UTF-8 at byte 0")
    }

    @Test func `64 levels pass, 65 do not, in arrays, objects and both`() {
        func nested(_ depth: Int, _ open: [String], _ close: [String]) -> [UInt8] {
            let opening = (0..<depth).map { open[$0 % open.count] }.joined()
            let closing = (0..<depth).reversed().map { close[$0 % close.count] }.joined()
            return Array((opening + "1" + closing).utf8)
        }
        for (open, close) in [(["["], ["]"]), (["{\"a\":"], ["}"]), (["[", "{\"a\":"], ["]", "}"])] {
            #expect(problem(nested(64, open, close)) == nil)
            #expect(problem(nested(65, open, close))?.message == "nesting deeper than 64 levels")
        }
        #expect(problem(Array(repeating: UInt8(ascii: "["), count: 1_000_000))?.message == "nesting deeper than 64 levels")
    }

    @Test func `no truncation and no single flipped byte of a document traps`() {
        let document = Array(#"{"a":[1,-2.5e+3,"x\u00e9\ud83e\uddf5\n"],"é":{"b":null,"c":[true,false]}}"#.utf8)
        #expect(problem(document) == nil)
        for end in 0..<document.count { #expect(problem(Array(document[..<end])) != nil, "\(end)") }
        for index in document.indices {
            for value in UInt8.min...UInt8.max {
                var changed = document
                changed[index] = value
                if let found = problem(changed) { #expect((0...changed.count).contains(found.offset)) }
            }
        }
    }
}
