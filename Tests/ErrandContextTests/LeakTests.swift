// Lines whose execution could not be told, or was not the one they ran in: flagged, counted, with their place in the code.

import ErrandContext
import ErrandTesting
import Logging
import Synchronization
import Testing

/// A clock that stands until it is moved.
private final class HandClock: Sendable {
    private let time = Mutex(Timestamp(microseconds: 0))

    func now() -> Timestamp { time.withLock { $0 } }
    func advance(by duration: Duration) { time.withLock { $0 = $0 + duration } }
}

/// A clock and a place for lines.
private struct World {
    let clock = HandClock()
    let sink = CollectingSink()

    init() { TestLogCapture.install() }

    func bucket() -> UnattributedLog {
        let bucket = UnattributedLog(sink: sink, now: { [clock] in clock.now() })
        bucket.belong(toWorker: 77, named: "worker77")
        return bucket
    }
}

/// Writes one line; outside of the tests below, since the code of a test that exits has no place of its own.
private func sayCrossed(_ owner: ExecutionContext) { owner.logger.info("crossed") }
private let placeOfCrossed = "ErrandContextTests/LeakTests.swift:\(#line - 1)"

/// In processes of their own: leaks and buckets belong to a whole process, and other tests run workers in this one.
@Suite struct LeakTests {
    @Test func `a line of no execution goes into the bucket while one is in flight, and a while longer`() async {
        await #expect(processExitsWith: .success) {
            let world = World()
            let bucket = world.bucket()
            let logger = Logger(label: "leaky")
            bucket.open()
            logger.info("before")
            bucket.enter()
            bucket.enter()
            logger.info("while two run", metadata: ["x": "1"])
            bucket.leave()
            logger.info("while one runs")
            bucket.leave()
            world.clock.advance(by: UnattributedLog.grace - .milliseconds(1))
            logger.info("a late timer")
            world.clock.advance(by: .milliseconds(1))
            logger.info("too late")
            let lines = world.sink.lines()
            #expect(lines.map(\.message) == ["while two run", "while one runs", "a late timer"])
            #expect(lines.allSatisfy { $0.owner == LogOwner(job: nil, ordinal: 77) && $0.flags == ["unattributed"] })
            let first = try #require(lines.first)
            #expect(first.text.hasPrefix(#"{"v":1,"worker_id":"worker77","ts":"#))
            #expect(first.text.contains(#""site":""#))
            #expect(ContextLeaks.found.reduce(0) { $0 + $1.count } == 3)
        }
    }

    @Test func `a line under none is not unattributed, nor is one of an execution`() async {
        await #expect(processExitsWith: .success) {
            let world = World()
            let bucket = world.bucket()
            bucket.open()
            bucket.enter()
            let logger = Logger(label: "honest")
            ExecutionContext.none { logger.info("outside by choice") }
            await ExecutionContext.none { await Task { logger.info("a loop outside by choice") }.value }
            let context = makeContext(1)
            await context.run { logger.info("inside") }
            #expect(world.sink.lines().isEmpty)
            #expect(takeLines(of: context).count == 1)
        }
    }

    @Test func `a closed bucket takes nothing, and lines before the store knows the worker are not kept`() async {
        await #expect(processExitsWith: .success) {
            let world = World()
            let unknown = UnattributedLog(sink: world.sink, now: { world.clock.now() })
            let logger = Logger(label: "x")
            unknown.open()
            unknown.enter()
            logger.info("for nobody")
            unknown.close()
            let closed = world.bucket()
            closed.enter()
            logger.info("for a closed one")
            #expect(world.sink.lines().isEmpty)
        }
    }

    @Test func `each leaking place is found once, with its count and its first execution`() async {
        await #expect(processExitsWith: .success) {
            _ = World()
            let (owner, other) = (makeContext(5), makeContext(6))
            for _ in 1...3 {
                await other.run { sayCrossed(owner) }
            }
            owner.logger.info("lost")
            owner.log.end(at: Timestamp(microseconds: 0))
            await owner.run { Logger(label: "late").info("late") }
            let leaks = ContextLeaks.found
            #expect(leaks.map(\.flag) == [.afterEnd, .crossed, .ambientLost])
            #expect(leaks.map(\.count) == [1, 3, 1])
            #expect(leaks.map(\.logger) == ["late", "test", "test"])
            #expect(leaks.map(\.firstExecutionID) == [owner.executionID, owner.executionID, owner.executionID])
            #expect(leaks[1].site == placeOfCrossed)
            let records = try takeRecords(of: owner)
            #expect(records[0].value("site") == placeOfCrossed)
            #expect(records.allSatisfy { $0.value("site") != nil })
        }
    }

    @Test func `beyond the limit of places, lines are only counted`() async {
        await #expect(processExitsWith: .success) {
            let logger = makeContext(8).logger
            for place in 1...UInt(ContextLeaks.limit + 1) { logger.log(level: .info, "x", file: "Many/File.swift", line: place) }
            #expect(ContextLeaks.found.count == ContextLeaks.limit)
            #expect(ContextLeaks.overlooked == 1)
        }
    }

    @Test func `a chunk knows how many of its lines carry each flag and whom they crossed`() async throws {
        let (owner, a, b) = (makeContext(9), makeContext(10), makeContext(11))
        for other in [a, b, a] { await other.run { owner.logger.info("crossed") } }
        owner.logger.info("lost")
        let pending = try #require(owner.log.takePending())
        #expect(pending.crossed == [a.executionID, b.executionID])
        #expect(pending.flagCounts.counts == [.crossed: 3, .ambientLost: 1])
        #expect(pending.flags == [.crossed, .ambientLost])
    }
}

/// Keeps the logs that announce lines, and gives the lines as text.
private final class CollectingSink: LogSink {
    struct Line {
        var owner: LogOwner
        var text: String
        var message: String
        var flags: [String]
    }

    private let logs = Mutex<[ExecutionLog]>([])

    func hasLines(_ log: ExecutionLog, isUrgent: Bool) { logs.withLock { $0.append(log) } }

    func lines() -> [Line] {
        logs.withLock { $0 }.flatMap { log -> [Line] in
            guard let pending = log.takePending() else { return [] }
            return pending.body.split(separator: UInt8(ascii: "\n")).map { line in
                let text = "{\(String(decoding: log.fragment, as: UTF8.self)),\(String(decoding: line, as: UTF8.self))}"
                return Line(
                    owner: log.owner, text: text, message: text.between("\"message\":\"", "\""),
                    flags: text.between("\"flags\":[", "]").split(separator: ",").map { String($0.dropFirst().dropLast()) })
            }
        }
    }
}

extension String {
    /// What stands between the first `start` and the next `end`.
    fileprivate func between(_ start: String, _ end: String) -> String {
        guard let from = range(of: start)?.upperBound, let to = self[from...].range(of: end)?.lowerBound else { return "" }
        return String(self[from..<to])
    }

    private func range(of text: String) -> Range<Index>? { firstRange(of: text) }
}

extension Substring {
    fileprivate func range(of text: String) -> Range<Index>? { firstRange(of: text) }
}
