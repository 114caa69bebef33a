// The log of one execution while it is written: numbers, limits, lateness, the brake.

import ErrandContext
import FoundationEssentials
import Glibc
import Logging
import Synchronization
import Testing

struct ExecutionLogTests {
    private func append(
        _ text: String, to context: ExecutionContext, at time: Timestamp = Timestamp(microseconds: 0), stream: LogStream = .log
    ) {
        context.log.append(
            at: time, level: .info, stream: stream, limit: LogCapture.lineBytes, message: text)
    }

    @Test func `8 threads that write 1,000 lines each give 8,000 numbers without a gap, in the order of the text`() async throws {
        let context = makeContext()
        await withDiscardingTaskGroup { group in
            for writer in 0..<8 {
                group.addTask {
                    await onNewThread { for line in 0..<1000 { append("\(writer) \(line)", to: context) } }
                }
            }
        }
        let pending = try #require(context.log.takePending())
        #expect(pending.firstSequence == 1)
        #expect(pending.lines == 8000)
        let lines = pending.body.split(separator: UInt8(ascii: "\n"))
        #expect(lines.count == 8000)
        var next = [Int](repeating: 0, count: 8)
        for (index, line) in lines.enumerated() {
            let record = try JSONDecoder().decode(Line.self, from: Data("{".utf8) + Data(line) + Data("}".utf8))
            let parts = record.message.split(separator: " ").compactMap { Int($0) }
            guard record.seq == index + 1, next[parts[0]] == parts[1] else {
                Issue.record("line \(index + 1) is \(record)")
                return
            }
            next[parts[0]] += 1
        }
        #expect(context.log.takePending() == nil)
    }

    private struct Line: Decodable {
        var message: String
        var seq: Int64
    }

    /// A sink at which the first announcement stands still until a line of somebody else's has been announced.
    private final class StallingSink: LogSink {
        private let isFirst = Mutex(true)
        let stalled = Gate()
        let announced = Mutex(0)

        func hasLines(_ log: ExecutionLog, isUrgent: Bool) {
            let mustStall = isFirst.withLock { isFirst in
                defer { isFirst = false }
                return isFirst
            }
            if mustStall {
                stalled.open()
                while announced.withLock({ $0 }) == 0 { sched_yield() }
            } else {
                announced.withLock { $0 += 1 }
            }
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `a line is announced before its call returns, also when whoever wrote the line before it was stopped`() async {
        let sink = StallingSink()
        let context = makeContext(sink: sink)
        async let first: Void = onNewThread { append("first", to: context) }
        await sink.stalled.wait()
        append("second", to: context)
        #expect(sink.announced.withLock { $0 } == 1)
        if sink.announced.withLock({ $0 }) == 0 { sink.announced.withLock { $0 = 1 } }
        await first
        // Announced once, and not again until it is taken.
        append("third", to: context)
        #expect(sink.announced.withLock { $0 } == 1)
        _ = context.log.takePending()
        append("fourth", to: context)
        #expect(sink.announced.withLock { $0 } == 2)
    }

    @Test func `an ended log keeps no recent lines, however long somebody keeps it`() {
        let context = makeContext()
        context.log.keepRecentLines(5)
        append("one", to: context)
        #expect(context.log.recentLines.count == 1)
        context.log.end(at: Timestamp(microseconds: 1))
        append("late", to: context)
        #expect(context.log.recentLines.isEmpty)
    }

    @Test func `numbers go on after lines were taken`() throws {
        let context = makeContext()
        append("one", to: context)
        #expect(try takeRecords(of: context).map(\.seq) == [1])
        append("two", to: context)
        append("three", to: context)
        let pending = try #require(context.log.takePending())
        #expect((pending.firstSequence, pending.lines) == (2, 2))
    }

    @Test func `what memory cannot hold is dropped, and the numbers show the gap`() throws {
        let context = makeContext()
        let text = String(repeating: "x", count: LogCapture.lineBytes)
        var written = 0
        while written * LogCapture.lineBytes <= ExecutionLog.pendingLimit + 10 * LogCapture.lineBytes {
            append(text, to: context)
            written += 1
        }
        let pending = try #require(context.log.takePending())
        #expect(pending.lines < written)
        #expect(pending.body.count < ExecutionLog.pendingLimit + 2 * LogCapture.lineBytes)
        #expect(pending.firstSequence == 1)
        append("after", to: context)
        append("later", to: context)
        let lines = takeLines(of: context)
        #expect(lines.count == 2)
        let first = try #require(lines.first)
        #expect(first.contains(#""seq":\#(written + 1),"#))
        #expect(first.contains(#""flags":["dropped"]"#) && first.contains(#""dropped_lines":\#(written - pending.lines)"#))
        #expect(try #require(lines.last).contains(#""flags":[]"#))
    }

    @Test func `what all logs of a worker may hold together is bounded`() throws {
        let sink = NarrowSink()
        let (first, second) = (makeContext(1, sink: sink), makeContext(2, sink: sink))
        append(String(repeating: "x", count: 900), to: first)
        append("the last one that finds room", to: second)
        append("dropped", to: first)
        append("dropped", to: second)
        #expect(first.log.takePending()?.lines == 1)
        append("there is room again", to: second)
        let pending = try #require(second.log.takePending())
        #expect(pending.lines == 2 && pending.flags == .dropped && pending.flagCounts[.dropped] == 1)
    }

    /// A sink with room for about one line.
    private final class NarrowSink: LogSink {
        let room = LogRoom(limit: 1024)
        func hasLines(_ log: ExecutionLog, isUrgent: Bool) {}
    }

    @Test func `a line after the end says so, and how late it is`() throws {
        let context = makeContext()
        append("in time", to: context, at: Timestamp(microseconds: 1_000_000))
        context.log.end(at: Timestamp(microseconds: 2_000_000))
        context.log.end(at: Timestamp(microseconds: 9_000_000))
        append("late", to: context, at: Timestamp(microseconds: 3_500_999))
        append("clock went back", to: context, at: Timestamp(microseconds: 1_000_000))
        append("remark", to: context, at: Timestamp(microseconds: 3_000_000), stream: .system)
        let records = try takeRecords(of: context)
        #expect(records.map(\.flags) == [[], ["after_end"], ["after_end"], []])
        #expect(records.map { $0.value("late_ms") } == [nil, "1500", "0", nil])
        #expect(records.map(\.executionID) == Array(repeating: context.executionID.description, count: 4))
    }

    @Test func `pending lines know their times, highest level and flags`() throws {
        let context = makeContext()
        for (level, microseconds) in [(Logger.Level.info, Int64(5)), (.error, 7), (.debug, 9)] {
            context.log.append(
                at: Timestamp(microseconds: microseconds), level: level, stream: .stdout, limit: 1,
                message: "xy")
        }
        let pending = try #require(context.log.takePending())
        #expect(pending.firstTime == Timestamp(microseconds: 5))
        #expect(pending.lastTime == Timestamp(microseconds: 9))
        #expect(pending.highestLevel == .error)
        #expect(pending.flags == [.truncated])
    }

    @Test func `the sink hears of the first waiting line, and of every error`() {
        let sink = CountingSink()
        let logger = makeContext(sink: sink).logger
        logger.info("first")
        logger.info("second")
        #expect((sink.all, sink.urgent) == (1, 0))
        logger.error("third")
        logger.critical("fourth")
        #expect((sink.all, sink.urgent) == (3, 2))
    }

    @Test func `there is room at first`() async {
        await makeContext().log.waitForRoom()
    }

    @Test func `whoever waits for room goes on when the lines are taken`() async throws {
        let context = makeContext()
        let text = String(repeating: "x", count: LogCapture.lineBytes)
        for _ in 0...(ExecutionLog.pendingLimit / 4 / LogCapture.lineBytes) { append(text, to: context) }
        try await confirmation(expectedCount: 3) { resumed in
            try await withThrowingDiscardingTaskGroup { group in
                for _ in 0..<3 {
                    group.addTask {
                        await context.log.waitForRoom()
                        resumed()
                    }
                }
                // Wherever the waiters are by now: room comes with the taking, before or after they asked.
                _ = try #require(context.log.takePending())
            }
        }
    }

    @Test func `a waiter is not let go while the lines still wait`() async throws {
        let context = makeContext()
        let text = String(repeating: "x", count: LogCapture.lineBytes)
        for _ in 0...(ExecutionLog.pendingLimit / 4 / LogCapture.lineBytes) { append(text, to: context) }
        // The waiter shares one executor with this test's body, so it has asked, and is waiting, before the lines are taken.
        let journal = await Turns().play(context)
        #expect(journal == ["asks", "takes", "goes on"])
    }

    /// An actor runs one thing at a time: what it notes is in order.
    private actor Turns {
        private var journal: [String] = []

        func play(_ context: ExecutionContext) async -> [String] {
            async let waiter: Void = wait(context)
            while journal.isEmpty { await Task.yield() }
            journal.append("takes")
            #expect(context.log.takePending() != nil)
            await waiter
            return journal
        }

        private func wait(_ context: ExecutionContext) async {
            journal.append("asks")
            await context.log.waitForRoom()
            journal.append("goes on")
        }
    }
}
