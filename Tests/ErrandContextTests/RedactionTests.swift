// What is a secret, and what is left of a text without it.

import ErrandContext
import Testing

@Suite struct RedactionTests {
    private let redaction = Redaction(names: ["password", "*_token", "x-*-key"], secrets: ["hunter2!", "aa\"b\\cc\nsecond line"])

    @Test(arguments: [
        // JSON, wherever it stands in a line.
        (#"{"user":"ada","password":"x"}"#, #"{"user":"ada","password":"[redacted]"}"#),
        (#"5" disk: { "Password" : "a\"b,c" , "n":1}"#, #"5" disk: { "Password" : "[redacted]" , "n":1}"#),
        (#"{"password":1234,"n":1}"#, #"{"password":[redacted],"n":1}"#),
        (#"{"password":null}"#, #"{"password":[redacted]}"#),
        (#"{"password":{"a":["}"]},"n":1}"#, #"{"password":[redacted],"n":1}"#),
        (#"{"password":["a","b"],"n":1}"#, #"{"password":[redacted],"n":1}"#),
        (#"{"a":{"b":[{"api_token":"t"}]}}"#, #"{"a":{"b":[{"api_token":"[redacted]"}]}}"#),
        (#"{"X-API-Key":"k"}"#, #"{"X-API-Key":"[redacted]"}"#),
        // JSON as text inside of JSON, once and twice.
        (#"{"body":"{\"password\":\"x\",\"n\":1}"}"#, #"{"body":"{\"password\":\"[redacted]\",\"n\":1}"}"#),
        (#""{\\\"password\\\":\\\"x\\\"}""#, #""{\\\"password\\\":\\\"[redacted]\\\"}""#),
        // A line that was cut.
        (#"{"password":"x and no end"#, #"{"password":"[redacted]"#),
        (#"{"password":{"a":1"#, #"{"password":[redacted]"#),
        // Assignments.
        ("password=x user=ada", "password=[redacted] user=ada"),
        ("--api_token=x -v", "--api_token=[redacted] -v"),
        ("https://h/?a=1&api_token=x&b=2", "https://h/?a=1&api_token=[redacted]&b=2"),
        ("password=\"x y\" user=ada", "password=\"[redacted]\" user=ada"),
        ("API_TOKEN=x", "API_TOKEN=[redacted]"),
        (#"password="x \" y" user=ada"#, #"password="[redacted]" user=ada"#),
        (#"{"said":"password=\"x y\" user=ada"}"#, #"{"said":"password=\"[redacted]\" user=ada"}"#),
        // Values.
        ("it is hunter2!, and hunter2!", "it is [redacted], and [redacted]"),
        (#"{"note":"aa\"b\\cc"}"#, #"{"note":"[redacted]"}"#),
        ("aa\"b\\cc", "[redacted]"),
        ("second line", "[redacted]"),
    ])
    func `a secret is taken out, and nothing around it`(text: String, expected: String) {
        #expect(redaction.redacted(text) == expected)
    }

    @Test(arguments: [
        "", "nothing here", #"{"passwords":"x","user":"password"}"#, "password", "password = x is not an assignment", "the password: x",
        #"["password","x"]"#, "hunter2", "=", "\"\"", "\"password\"", "\"password\":", "password=", #"{"token":"t"}"#,
    ])
    func `what is no secret stays as it is`(text: String) { #expect(redaction.redacted(text) == text) }

    @Test func `an empty redaction changes nothing`() {
        let none = Redaction(names: [])
        #expect(none.redacted(#"{"password":"x"} hunter2!"#) == #"{"password":"x"} hunter2!"#)
    }

    @Test func `values too short to be told from words are not looked for`() {
        let redaction = Redaction(names: [], secrets: ["five5", "sixsix", ""])
        #expect(redaction.redacted("five5 sixsix") == "five5 [redacted]")
    }

    @Test func `of overlapping secrets nothing is left`() {
        let redaction = Redaction(names: [], secrets: ["abcdefgh", "efghijkl", "cdefgh"])
        #expect(redaction.redacted("abcdefghijkl.") == "[redacted].")
        #expect(redaction.redacted("xcdefghijklx") == "x[redacted]x")
    }

    /// As writers do: our own, JavaScript's; PHP's, Foundation's; Python's; Go's, .NET's; Python's twice; and as it is.
    @Test(arguments: [
        #"x7/\"ü😀<t\\\"<"#, #"x7\/\"ü😀<t\\\"<"#, #"x7/\"\u00fc\ud83d\ude00<t\\\"<"#, #"x7/\u0022\u00FC\uD83D\uDE00\u003Ct\\\u0022\u003c"#,
        #"x7/\\\"\\u00fc\\ud83d\\ude00<t\\\\\\\"<"#, #"x7/"ü😀<t\"<"#,
    ])
    func `a secret is found whichever way JSON writes it`(written: String) {
        let redaction = Redaction(names: [], secrets: [#"x7/"ü😀<t\"<"#])
        #expect(redaction.redacted(#"{"a":"\n\#(written)\n","b":"é"}"#) == #"{"a":"\n[redacted]\n","b":"é"}"#)
        #expect(redaction.redacted("\\ before, \(written)") == "\\ before, [redacted]")
        // And where it was cut, at any place but in its first characters.
        for length in 4..<written.utf8.count {
            let cut = String(decoding: written.utf8.prefix(length), as: UTF8.self)
            guard !cut.contains("\u{FFFD}") else { continue }
            #expect(redaction.withoutCutSecret("ends in \(cut)") == "ends in [redacted]")
        }
    }

    @Test(arguments: [
        #"x7/\"ue"#, #"x7\\/ü"#, #"x\7/\"ü😀<t\\\"<"#, #"x7/\"\u00fd\ud83d\ude00<t\\\"<"#, #"x7/\"ü😀<t\"#, #"\"#, #"\u"#, #"x7/\u002"#,
    ])
    func `what only looks like a written secret stays`(text: String) {
        #expect(Redaction(names: [], secrets: [#"x7/"ü😀<t\"<"#]).redacted(text) == text)
    }

    @Test func `the beginning of a secret at a cut goes too`() {
        #expect(redaction.withoutCutSecret("the line ends in hunte") == "the line ends in [redacted]")
        #expect(redaction.withoutCutSecret("the line ends in hun") == "the line ends in hun")
    }

    @Test func `meta is redacted by name and by value`() {
        #expect(
            redaction.redacted(["password": "x", "note": "hunter2!", "n": "1"]) == [
                "password": "[redacted]", "note": "[redacted]", "n": "1",
            ])
    }

    @Test func `a text full of quotes and signs takes time in proportion to its length`() {
        // A quadratic search would take minutes here.
        for unit in ["\"", "\\\"", "\"a\":", "=", "a=", "{\"password\":", "\\", "hunter2\\", "hunter2"] {
            let text = String(repeating: unit, count: 200_000 / unit.utf8.count)
            _ = redaction.redacted(text)
        }
    }

    @Test(
        .timeLimit(.minutes(5)), arguments: [("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", false), ("*A*a*", true), ("**", true), ("a*b*", false)])
    func `a pattern of many stars is no work`(pattern: String, matches: Bool) {
        let name = String(repeating: "a", count: 127)
        let text = #"{"\#(name)":"12345678"}"#
        #expect((Redaction(names: [pattern]).redacted(text) != text) == matches)
    }

    @Test func `no cut of a text makes it trap`() {
        let text = Array(#"x "{\"password\":\"a\\\"b\"}" password="é" {"api_token":[{"a":"]"}],"n":1} =" \"#.utf8)
        for start in text.indices {
            for end in start...text.count {
                var part = Array(text[start..<end])
                _ = redaction.redact(&part)
            }
        }
    }
}
