// What a payload holds under a hidden name is a secret of its execution, however deep and however it is written.

import Errand
import ErrandContext
import Testing

@Suite struct LearnedSecretsTests {
    private func redacted(_ text: String, payload: String) -> String {
        Redaction(names: ["credentials"]).learning(from: Array(payload.utf8)).redacted(text)
    }

    @Test(arguments: [
        // The parts of an object and of an array, numbers too.
        (#"{"credentials":{"user":"ada-l","pins":["hunter2!",[87654321]]}}"#, "hunter2! and 87654321", "[redacted] and [redacted]"),
        // With escapes: as written, and as meant.
        (#"{"credentials":"a\"b\u00fccdef"}"#, #"a"bücdef, a\"b\u00fccdef"#, "[redacted], [redacted]"),
        // JSON within JSON: as one sees it that reads only the outer, and as one that reads both.
        (#"{"body":"{\"credentials\":\"a\\\"bcdefg\"}"}"#, #"a\"bcdefg, a"bcdefg"#, "[redacted], [redacted]"),
        // A text that looks like an array.
        (#"{"credentials":"[1234567]"}"#, "[1234567] 1234567", "[redacted] [redacted]"),
    ])
    func `a part of it is found without its name`(payload: String, text: String, expected: String) {
        #expect(redacted(text, payload: payload) == expected)
    }

    @Test func `names within it, short words and what stands beside it are no secrets`() {
        let payload = #"{"credentials":{"username":"x","active":true,"none":null},"note":"beside"}"#
        #expect(redacted("username active true null beside", payload: payload) == "username active true null beside")
    }

    @Test(arguments: [
        (#"{"credentials":1234567,"a":1}"#, #"{"credentials":"[redacted]","a":1}"#),
        (#"{"credentials": {"a":[1]},"b":{"Credentials":null}}"#, #"{"credentials": "[redacted]","b":{"Credentials":"[redacted]"}}"#),
        (#"{"credentials":"x","b":"credentials=y z"}"#, #"{"credentials":"[redacted]","b":"credentials=[redacted] z"}"#),
        (#"{"body":"{\"credentials\":12}"}"#, #"{"body":"{\"credentials\":[redacted]}"}"#),
        // A number that is no member: only all of it can go.
        ("[7654321]", #""[redacted]""#),
    ])
    func `a payload is still JSON without its secrets`(payload: String, expected: String) {
        let redaction = Redaction(names: ["credentials"], secrets: ["7654321"])
        #expect(String(decoding: redaction.redacted(json: Array(payload.utf8)), as: UTF8.self) == expected)
    }
}
