// Which execution a line is filed under, which flags it gets, and what its metadata says.

import ErrandContext
import ErrandTesting
import FoundationEssentials
import Logging
import ServiceContextModule
import Synchronization
import Testing

/// Made before any execution, at file scope, as most loggers of most libraries are.
private let fileLogger: Logger = {
    TestLogCapture.install()
    return Logger(label: "file")
}()

/// Keeps what comes from outside of every execution.
private final class OutsideLog: Sendable {
    private let kept = Mutex<[String]>([])

    var messages: [String] { kept.withLock { $0 } }

    var handler: ExecutionLogHandler { ExecutionLogHandler(label: "outside", outside: Recorder(log: self)) }

    struct Recorder: LogHandler {
        let log: OutsideLog
        var metadata: Logger.Metadata = [:]
        var metadataProvider: Logger.MetadataProvider?
        var logLevel = Logger.Level.trace

        init(log: OutsideLog) { self.log = log }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let members = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            log.kept.withLock { $0.append("\(event.message) \(members.joined(separator: " "))") }
        }
    }
}

struct LogHandlerTests {
    @Test func `a logger made at file scope files each line where it is written`() async throws {
        let first = makeContext(1)
        let second = makeContext(2)
        await first.run { fileLogger.info("one") }
        await second.run { fileLogger.info("two") }
        await first.run { fileLogger.info("three") }
        #expect(try takeRecords(of: first).map(\.message) == ["one", "three"])
        #expect(try takeRecords(of: second).map(\.message) == ["two"])
    }

    @Test func `a record carries the whole identity`() async throws {
        let context = makeContext(9, ordinal: 4, meta: ["executionId": "their own", "b": "line\nbreak"], time: Timestamp(microseconds: 1))
        await context.run { fileLogger.notice("hello", metadata: ["n": "7"]) }
        let record = try #require(try takeRecords(of: context).first)
        #expect(record.executionID == "0000000000009.4")
        #expect(record.jobID == "0000000000009")
        #expect((record.ordinal, record.attempt, record.seq) == (4, 1, 1))
        #expect((record.queue, record.kind, record.stream, record.level) == ("default", "test", "log", "notice"))
        #expect((record.ts, record.message, record.logger) == ("1970-01-01T00:00:00.000001Z", "hello", "file"))
        #expect(record.meta == ["executionId": "their own", "b": "line\nbreak"])
        #expect(record.flags == [])
        #expect(record.value("n") == "7")
    }

    @Test func `a message cannot forge a second record`() async throws {
        let context = makeContext()
        await context.run { fileLogger.info("innocent\n\"execution_id\":\"0000000000009.9\",\u{1B}[2J", metadata: ["a\nb": "c\nd"]) }
        let records = try takeRecords(of: context)
        #expect(records.count == 1)
        #expect(records.first?.message == "innocent\n\"execution_id\":\"0000000000009.9\",\u{1B}[2J")
        #expect(records.first?.value("a\nb") == "c\nd")
    }

    @Test func `lines from outside of every execution go to the other handler, with their metadata`() async {
        let outside = OutsideLog()
        var logger = Logger(label: "outside", factory: { _ in outside.handler })
        logger[metadataKey: "a"] = "1"
        logger.info("before", metadata: ["b": "2"])
        let context = makeContext()
        await context.run {
            logger.info("inside")
            ExecutionContext.none { logger.info("left") }
        }
        #expect(outside.messages == ["before a=1 b=2", "left a=1"])
        #expect(takeLines(of: context).count == 1)
    }

    @Test func `the metadata nearest to the call wins`() async throws {
        let context = makeContext()
        var handler = ExecutionLogHandler(label: "x", outside: SwiftLogNoOpLogHandler())
        handler.metadataProvider = Logger.MetadataProvider { ["a": "provider", "b": "provider", "c": "provider"] }
        handler[metadataKey: "a"] = "logger"
        handler[metadataKey: "b"] = "logger"
        let logger = Logger(label: "x", factory: { [handler] _ in handler })
        await context.run {
            context.with(metadata: ["a": "scope", "d": "scope"]) { logger.info("x", metadata: ["a": "call"]) }
        }
        let record = try #require(try takeRecords(of: context).first)
        #expect(["a", "b", "c", "d"].map { record.value($0) } == ["call", "logger", "provider", "scope"])
    }

    @Test func `lines below the level are not kept`() async throws {
        let context = makeContext()
        await context.run { fileLogger.debug("too fine") }
        context.logger.trace("too fine")
        #expect(try takeRecords(of: context).isEmpty)
    }

    @Test func `a message of exactly the limit is whole, one byte more is cut and flagged`() async throws {
        let context = makeContext()
        await context.run {
            fileLogger.info("\(String(repeating: "x", count: LogCapture.lineBytes))")
            fileLogger.info("\(String(repeating: "x", count: LogCapture.lineBytes + 1))")
        }
        let records = try takeRecords(of: context)
        #expect(records.map(\.message.utf8.count) == [LogCapture.lineBytes, LogCapture.lineBytes])
        #expect(records.map(\.flags) == [[], ["truncated"]])
    }

    @Test func `64 members of metadata are kept, and not one more`() async throws {
        let context = makeContext()
        func members(_ count: Int) -> Logger.Metadata {
            .init(uniqueKeysWithValues: (0..<count).map { ("k\($0)", .string("v")) })
        }
        await context.run {
            fileLogger.info("fits", metadata: members(MetadataWriter.membersLimit))
            fileLogger.info("one more", metadata: members(MetadataWriter.membersLimit + 1))
        }
        let lines = takeLines(of: context)
        #expect(lines.map { $0.ranges(of: #":"v""#).count } == [64, 64])
        #expect(lines.map { $0.contains(#""flags":["truncated"]"#) } == [false, true])
    }

    @Test func `32 KiB of metadata are kept, and what goes beyond is left out`() async throws {
        let context = makeContext()
        // Three members fill the limit exactly: quotes, colons and commas count.
        let rest = MetadataWriter.bytesLimit - 2 * (16_000 + 6) - 2 - 6
        func members(_ last: Int) -> Logger.Metadata {
            [
                "a": .string(String(repeating: "a", count: 16_000)), "b": .string(String(repeating: "b", count: 16_000)),
                "c": .string(String(repeating: "c", count: last)),
            ]
        }
        await context.run {
            fileLogger.info("fits", metadata: members(rest))
            fileLogger.info("one more", metadata: members(rest + 1).merging(["d": "small"]) { $1 })
        }
        let lines = takeLines(of: context)
        #expect(lines.map { $0.contains(#""c":"ccc"#) } == [true, false])
        #expect(lines.map { $0.contains(#""flags":["truncated"]"#) } == [false, true])
        #expect(lines.last?.contains(#""d":"small""#) == true)
        for line in lines { _ = try JSONDecoder().decode(Record.self, from: Data(line.utf8)) }
    }

    @Test func `nested metadata is JSON, up to a depth`() async throws {
        let context = makeContext()
        var deep: Logger.MetadataValue = "end"
        for _ in 0..<40 { deep = ["x": deep] }
        await context.run { fileLogger.info("x", metadata: ["list": ["1", ["k": "v\""]], "deep": deep, "id": .stringConvertible(5)]) }
        let line = try #require(takeLines(of: context).first)
        #expect(line.contains(#""list":["1",{"k":"v\""}]"#))
        #expect(line.contains(#""id":"5""#))
        _ = try JSONDecoder().decode(Record.self, from: Data(line.utf8))
    }

    /// A value that has something to say while it is described, as lazy values of tracing and database libraries do.
    private struct Talkative: CustomStringConvertible, Sendable {
        var description: String {
            fileLogger.info("being described")
            return "described"
        }
    }

    @Test func `metadata whose description logs is written, after the line that it logs`() async throws {
        let context = makeContext()
        await context.run {
            fileLogger.info("outer", metadata: ["a": .stringConvertible(Talkative()), "b": [["c": .stringConvertible(Talkative())]]])
        }
        let lines = takeLines(of: context)
        #expect(lines.count == 3)
        #expect(lines.last?.contains(#""metadata":{"a":"described","b":[{"c":"described"}]}"#) == true)
    }

    // MARK: Names that Errand writes and a caller may write as well

    /// How often `name` stands as a member in `line`.
    private func occurrences(of name: String, in line: String) -> Int {
        line.split(separator: "\"\(name)\":", omittingEmptySubsequences: false).count - 1
    }

    private struct Oops: Error, CustomStringConvertible { var description: String { "oops" } }

    @Test func `an error beside metadata of the same name does not make a name twice`() async throws {
        let context = makeContext()
        await context.run {
            fileLogger.error("x", error: Oops())
            fileLogger.error("x", error: Oops(), metadata: ["error": "mine"])
        }
        let lines = takeLines(of: context)
        #expect(lines.map { occurrences(of: "error", in: $0) } == [1, 1])
        #expect(lines[0].contains("\"error\":\"oops\""))
        #expect(lines[1].contains("\"error\":\"mine\""))
        #expect(lines[1].contains("oops"))
    }

    @Test func `a caller cannot write the marks of lateness and crossing`() async throws {
        let owner = makeContext(1)
        let other = makeContext(2)
        owner.log.end(at: Timestamp(microseconds: -5_000_000))
        await other.run { owner.logger.info("x", metadata: ["late_ms": "0", "ambient_execution_id": "nobody"]) }
        let lines = takeLines(of: owner)
        #expect(lines.count == 1)
        for line in lines {
            #expect(occurrences(of: "late_ms", in: line) == 1)
            #expect(occurrences(of: "ambient_execution_id", in: line) == 1)
            #expect(line.contains("\"late_ms\":5000"))
            #expect(line.contains("\"ambient_execution_id\":\"\(other.executionID)\""))
        }
    }

    // MARK: Owners and ambients that disagree

    @Test func `an execution's own logger files under its owner, and is flagged in another's scope`() async throws {
        let owner = makeContext(1)
        let other = makeContext(2)
        let logger = owner.logger
        await owner.run { logger.info("home") }
        await other.run { logger.info("abroad") }
        #expect(takeLines(of: other).isEmpty)
        let records = try takeRecords(of: owner)
        #expect(records.map(\.message) == ["home", "abroad"])
        #expect(records.map(\.flags) == [[], ["crossed"]])
        #expect(records.map { $0.value("ambient_execution_id") } == [nil, other.executionID.description])
    }

    @Test func `two executions of one job are two`() async throws {
        let zombie = makeContext(1, ordinal: 1)
        let heir = makeContext(1, ordinal: 2)
        await heir.run { zombie.logger.info("undead") }
        #expect(takeLines(of: heir).isEmpty)
        let record = try #require(try takeRecords(of: zombie).first)
        #expect(record.flags == ["crossed"])
        #expect(record.value("ambient_execution_id") == heir.executionID.description)
    }

    @Test func `an execution's own logger where no execution is current is flagged`() async throws {
        let owner = makeContext(1)
        owner.logger.info("nowhere")
        await owner.run { ExecutionContext.none { owner.logger.info("left") } }
        #expect(try takeRecords(of: owner).map(\.flags) == [["ambient_lost"], ["ambient_lost"]])
    }

    @Test func `a service context restored by hand wins over the task, and is flagged`() async throws {
        let first = makeContext(1)
        let second = makeContext(2)
        let carried = await first.run { ServiceContext.current }
        await second.run {
            ServiceContext.$current.withValue(carried) {
                #expect(ExecutionContext.current?.executionID == first.executionID)
                fileLogger.info("restored")
                first.logger.info("own")
                second.logger.info("other's own")
            }
            fileLogger.info("back")
        }
        let filed = try takeRecords(of: first)
        #expect(filed.map(\.message) == ["restored", "own"])
        #expect(filed.map(\.flags) == [["crossed"], ["crossed"]])
        #expect(filed.map { $0.value("ambient_execution_id") } == Array(repeating: second.executionID.description, count: 2))
        let others = try takeRecords(of: second)
        #expect(others.map(\.message) == ["other's own", "back"])
        #expect(others.map(\.flags) == [["crossed"], []])
        #expect(others[0].value("ambient_execution_id") == first.executionID.description)
    }

    @Test func `a service context restored by hand brings the job along into a detached task`() async throws {
        let context = makeContext(1)
        let carried = await context.run { ServiceContext.current }
        await Task.detached { ServiceContext.$current.withValue(carried) { fileLogger.info("restored") } }.value
        let record = try #require(try takeRecords(of: context).first)
        #expect(record.flags == [])
    }

    @Test func `a library that clears the service context does not lose the job`() async throws {
        let context = makeContext(1)
        await context.run { ServiceContext.$current.withValue(.topLevel) { fileLogger.info("cleared") } }
        #expect(try takeRecords(of: context).map(\.flags) == [[]])
    }

    @Test func `the canary arrives where capture is installed`() async throws {
        let context = makeContext()
        await context.run { Logger(label: "errand.canary").critical("?") }
        #expect(takeLines(of: context).count == 1)
    }

    init() { TestLogCapture.install() }
}
