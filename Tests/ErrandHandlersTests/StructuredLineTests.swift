// Printed lines that already are records: taken apart only when nothing is lost by it.

import Testing

@testable import ErrandHandlers

struct StructuredLineTests {
    @Test(arguments: [
        ("{\"level\":\"info\",\"message\":\"m\",\"\u{E9}\":1,\"e\u{301}\":2}", false),
        ("{\"level\":\"info\",\"message\":\"m\",\"a\":[{\"\u{E9}\":1,\"\\u0065\\u0301\":2}]}", false),
        ("{\"level\":\"info\",\"message\":\"m\",\"\u{E9}\":1,\"e\":2}", true),
        (#"{"level":"info","message":"a:b\\","a:b\"":":","c":[{"d":":"},":"]}"#, true),
    ])
    func `a line with names that only differ in their spelling stays as it was printed`(line: String, isTaken: Bool) {
        #expect((StructuredLine(Array(line.utf8)) != nil) == isTaken)
    }
}
