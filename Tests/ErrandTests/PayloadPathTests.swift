// Places in payloads: found, compared and set without touching another byte.

import Testing

@testable import Errand

@Suite struct PayloadPathTests {
    private func path(_ text: String) throws -> PayloadPath { try #require(PayloadPath(text)) }

    @Test(arguments: ["", ".", "a..b", "a.", "/", "/a//b"])
    func `a text with an empty name is no place`(_ text: String) {
        #expect(PayloadPath(text) == nil)
    }

    @Test func `a pointer reaches names with dots and slashes`() throws {
        #expect(try path("/a.b/0").steps == ["a.b", "0"])
        #expect(try path("/a~1b/~0c").steps == ["a/b", "~c"])
        #expect(try path("/a~1b/~0c").description == "/a~1b/~0c")
        #expect(try path("customer.id").description == "/customer/id")
    }

    @Test(arguments: [
        (#"{"a":1}"#, "a", "2", #"{"a":2}"#),
        (#" { "a" : { "b" : [1, "x"] } , "c":null } "#, "a.b.1", "{}", #" { "a" : { "b" : [1, {}] } , "c":null } "#),
        (#"{}"#, "a", "true", #"{"a":true}"#),
        (#"{"a":{"b":1}}"#, "a.c", "[]", #"{"a":{"b":1,"c":[]}}"#),
        (#"{"a":1}"#, "/x\"y", "0", #"{"a":1,"x\"y":0}"#),
    ])
    func `a value is set and every other byte stays`(payload: String, place: String, value: String, wanted: String) throws {
        let set = try path(place).setting(Array(value.utf8), in: Array(payload.utf8))
        #expect(set.map { String(decoding: $0, as: UTF8.self) } == wanted)
    }

    @Test(arguments: [(#"[1]"#, "3"), (#"{"a":1}"#, "a.b"), (#"{"a":1}"#, "b.c"), (#"7"#, "a")])
    func `a value is not set where its parent is missing or no object`(payload: String, place: String) throws {
        #expect(try path(place).setting([UInt8(ascii: "0")], in: Array(payload.utf8)) == nil)
    }

    @Test func `text is compared by its content, other values as they are written`() throws {
        func holds(_ payload: String, _ place: String, _ value: String) throws -> Bool {
            PayloadMatch(path: try path(place), value: value).matches(Array(payload.utf8))
        }
        #expect(try holds(#"{"a":"\u0041da"}"#, "a", "Ada"))
        #expect(try holds(#"{"a":7}"#, "a", "7"))
        #expect(try !holds(#"{"a":7.0}"#, "a", "7"))
        #expect(try !holds(#"{"a":[7]}"#, "a", "[7]"))
        #expect(try !holds(#"{"a":7}"#, "b", "7"))
    }
}
