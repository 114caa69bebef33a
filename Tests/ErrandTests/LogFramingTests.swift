// Chunks read back: whole ones, damaged ones, hostile ones.

import Errand
import ErrandContext
import Logging
import Testing

struct LogFramingTests {
    private struct NoSink: LogSink {
        func hasLines(_ log: ExecutionLog, isUrgent: Bool) {}
    }

    private func chunk(meta: [String: String] = [:], _ write: (ExecutionContext) -> Void) throws -> LogChunk {
        let context = ExecutionContext(
            executionID: ExecutionID(JobID(rawValue: 1), 2), attempt: 2, maxAttempts: 5, queue: "q", kind: "k", parent: nil, root: nil,
            trace: nil, meta: meta, sink: NoSink(), now: { Timestamp(microseconds: 7) })
        write(context)
        let lines = try #require(context.log.takePending())
        return LogChunk(
            job: context.jobID, ordinal: 2, firstSequence: lines.firstSequence, lines: lines.lines, firstTime: lines.firstTime,
            lastTime: lines.lastTime, highestLevel: lines.highestLevel, flags: lines.flags,
            body: LogFraming.frame(fragment: context.log.fragment, lines: lines.body))
    }

    private static let texts = [
        "", "plain", "\"quoted\"", "back\\slash", "\\\"", "line\nbreak", "\r\n\t\u{0}\u{1}\u{8}\u{C}\u{1F}\u{7F}", "é🧵👩‍👩‍👧‍👦",
        "\u{2028}\u{85}\u{FEFF}",
        "},{\"seq\":9", "\\u0041", "\\n", ",", "]", "}", "\"message\":\"x\"", "\"", "\\",
    ]

    @Test(arguments: texts)
    func `whatever a line and its metadata say comes back as it was written`(text: String) throws {
        let chunk = try chunk(meta: [text: text, "k": "v"]) { context in
            context.logger.warning("\(text)", metadata: [text: "\(text)", "nested": ["a": ["\(text)"]]])
            context.record(line: Array(text.utf8), stream: .stdout, metadata: ["m": "\(text)"])
        }
        let records = LogFraming.records(in: chunk)
        #expect(records.map(\.message) == [text, text])
        #expect(records.map(\.sequence) == [1, 2])
        #expect(records.map(\.level) == [.warning, .info])
        #expect(records.map(\.stream) == [.log, .stdout])
        #expect(records.allSatisfy { $0.identity.meta == [text: text, "k": "v"] })
        #expect(records.allSatisfy { $0.identity.executionID == ExecutionID(JobID(rawValue: 1), 2) })
        #expect(records.allSatisfy { !$0.jsonLine.contains(0x0A) })
        for record in records {
            #expect(throws: Never.self) { try JSONValidatorOfOurOwn.check(record.jsonLine) }
            #expect(throws: Never.self) { try JSONValidatorOfOurOwn.check(record.metadata) }
        }
    }

    /// NUL is what our validator refuses and a log may hold; everything else must pass.
    private enum JSONValidatorOfOurOwn {
        static func check(_ bytes: [UInt8]) throws(JSONValidator.Problem) {
            do throws(JSONValidator.Problem) {
                try JSONValidator.validate(bytes)
            } catch {
                guard error.message.contains("u0000") else { throw error }
            }
        }
    }

    @Test func `bytes that are not UTF-8 become replacement characters`() throws {
        let chunk = try chunk { $0.record(line: [0x61, 0xFF, 0x62, 0xE2, 0x82], stream: .stderr, isTruncated: true) }
        let record = try #require(LogFraming.records(in: chunk).first)
        #expect(record.message == "a\u{FFFD}b\u{FFFD}")
        #expect(record.flags == [.truncated])
    }

    @Test func `a chunk that was cut anywhere gives its whole lines and nothing else`() throws {
        let whole = try chunk { context in for number in 1...3 { context.logger.info("line \(number)") } }
        for end in 0...whole.body.count {
            var cut = whole
            cut.body = Array(whole.body[..<end])
            let records = LogFraming.records(in: cut)
            #expect(records.map(\.message) == (0..<records.count).map { "line \($0 + 1)" })
            #expect(records.allSatisfy { $0.identity.executionID == ExecutionID(JobID(rawValue: 1), 2) })
        }
    }

    @Test func `no flipped byte of a chunk traps or gives a line to another execution`() throws {
        let whole = try chunk(meta: ["a": "b"]) { $0.logger.info("hello \u{1}é", metadata: ["n": ["x": "y"]]) }
        let identityEnd = try #require(whole.body.firstIndex(of: 0x0A))
        for index in whole.body.indices {
            for value in [0x00, 0x0A, 0x22, 0x2C, 0x5C, 0x5B, 0x7B, 0x7D, 0x80, 0xFF] as [UInt8] {
                var damaged = whole
                damaged.body[index] = value
                for record in LogFraming.records(in: damaged) where index > identityEnd {
                    #expect(record.identity.executionID == ExecutionID(JobID(rawValue: 1), 2))
                }
            }
        }
    }
}
