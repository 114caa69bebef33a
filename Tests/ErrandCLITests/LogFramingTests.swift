// Chunks: what a worker writes is what a reader gets, and damage costs only the damaged lines.

import Errand
import Synchronization
import Testing

@testable import ErrandCLI

@Suite struct LogFramingTests {
    private static let execution = ExecutionID(JobID(rawValue: 4_000_000_000), 2)

    @Test func `a line of a real logger comes back with all of its parts`() async throws {
        struct NoSink: LogSink { func hasLines(_ log: ExecutionLog, isUrgent: Bool) {} }
        let time = Timestamp("2026-11-22T18:42:52.123456Z")!
        let context = ExecutionContext(
            executionID: LogFramingTests.execution, attempt: 2, maxAttempts: 5, queue: "slow", kind: "mail", parent: nil, root: nil,
            trace: nil,
            meta: ["user": "a\"da"], sink: NoSink(), now: { time })
        await context.run { context.logger.warning("say \"hi\"\n\u{1}\u{1F600}", metadata: ["n": "1", "list": ["a", "b"]]) }
        let pending = try #require(context.log.takePending())
        let chunk = LogChunk(
            job: context.jobID, ordinal: 2, firstSequence: 1, lines: 1, firstTime: time, lastTime: time, highestLevel: .warning, flags: [],
            body: LogFraming.frame(fragment: context.log.fragment, lines: pending.body))
        let records = LogFraming.records(in: chunk)
        #expect(records.count == 1)
        let record = try #require(records.first)
        #expect(record.identity.executionID == LogFramingTests.execution && record.identity.attempt == 2)
        #expect(record.identity.queue == "slow" && record.identity.kind == "mail" && record.identity.meta == ["user": "a\"da"])
        #expect(record.time == time && record.level == .warning && record.message == "say \"hi\"\n\u{1}\u{1F600}" && record.sequence == 1)
        #expect(record.stream == .log && record.flags.isEmpty && record.logger == "mail")
        #expect(String(decoding: record.metadata, as: UTF8.self) == #"{"list":["a","b"],"n":"1"}"#)
        let json = String(decoding: record.jsonLine, as: UTF8.self)
        #expect(
            json.hasPrefix(
                #"{"v":1,"execution_id":"\#(LogFramingTests.execution)","job_id":"\#(LogFramingTests.execution.job)","ordinal":2,"#))
        #expect(json.hasSuffix("}") && !json.contains("\n"))
        let whole = try #require(JSONMembers(object: record.jsonLine[...]))
        #expect(
            whole.names == [
                "v", "execution_id", "job_id", "ordinal", "attempt", "queue", "kind", "trace_id", "span_id", "meta", "ts", "level",
                "message", "seq", "stream",
                "flags",
                "logger", "metadata",
            ])
    }

    @Test func `a chunk that was cut or garbled gives the lines that are whole`() {
        let chunk = World.chunk(LogFramingTests.execution, ["one", "two", "three"], at: Timestamp(microseconds: 0))
        for length in 0..<chunk.body.count {
            var cut = chunk
            cut.body = Array(chunk.body[..<length])
            let messages = LogFraming.records(in: cut).map(\.message)
            #expect(messages == Array(["one", "two", "three"].prefix(messages.count)))
        }
        var garbled = chunk
        let second = garbled.body.firstRange(of: Array("two".utf8))!
        garbled.body[second.upperBound] = UInt8(ascii: "x")
        #expect(LogFraming.records(in: garbled).map(\.message) == ["one", "three"])
    }

    @Test(arguments: [
        (#""a":1,"b":[1,{"c":"]"}],"d":"\u00e9\ud83d\ude00""#, ["a": "1", "b": #"[1,{"c":"]"}]"#, "d": #""\u00e9\ud83d\ude00""#]),
        (#" "a" : -12.5e3 , "b":null "#, ["a": "-12.5e3", "b": "null"]), ("", [:]),
    ])
    func `members keep their values as they were written`(text: String, values: [String: String]) throws {
        let members = try #require(JSONMembers(withoutBraces: Array(text.utf8)[...]))
        #expect(members.names.count == values.count)
        for (name, value) in values { #expect(members.raw(name).map { String(decoding: $0, as: UTF8.self) } == value) }
    }

    @Test(arguments: [#""a""#, #""a":"#, #"a:1"#, #""a":1,"#, #""a":"open"#, #""a":[1"#, #""a":1 2"#, #""\ud800"#])
    func `what is no list of members is refused`(text: String) {
        #expect(JSONMembers(withoutBraces: Array(text.utf8)[...]) == nil)
    }

    @Test func `strings lose their escapes, and half a surrogate pair becomes a replacement character`() {
        #expect(
            JSONMembers.text(of: Array(#""a\"\\\/\b\f\n\r\t\u0041\ud83d\ude00\ud83d""#.utf8)[...])
                == "a\"\\/\u{8}\u{C}\n\r\tA\u{1F600}\u{FFFD}")
        #expect(JSONMembers.text(of: Array("12".utf8)[...]) == nil)
    }
}
