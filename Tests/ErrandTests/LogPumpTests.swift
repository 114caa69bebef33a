// Lines on their way to the log store: when they go, what is kept of a long log, what a failing store costs.

import Errand
import ErrandContext
import ErrandTesting
import Logging
import Synchronization
import Testing

/// A log store in memory that fails when told to.
private final class FailingLogStore: LogStore {
    let model = ModelLogStore()
    private let failuresLeft = Mutex(0)

    func failNext(_ count: Int) { failuresLeft.withLock { $0 = count } }

    func append(_ chunks: [LogChunk], dropping: [Int64]) async throws(JobStoreError) -> [Int64] {
        let mustFail = failuresLeft.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
        if mustFail { throw .full(reason: "failed by the test") }
        return try await model.append(chunks, dropping: dropping)
    }

    func chunks(of job: JobID, ordinal: Int64?, after position: LogPosition?, limit: Int) async throws(JobStoreError) -> [StoredLogChunk] {
        try await model.chunks(of: job, ordinal: ordinal, after: position, limit: limit)
    }
    func chunks(after cursor: Int64, limit: Int) async throws(JobStoreError) -> [StoredLogChunk] {
        try await model.chunks(after: cursor, limit: limit)
    }
    func chunks(
        crossedWith job: JobID, ordinal: Int64?, after cursor: Int64, limit: Int
    ) async throws(JobStoreError) -> [StoredLogChunk] {
        try await model.chunks(crossedWith: job, ordinal: ordinal, after: cursor, limit: limit)
    }
    func leakyChunks(after cursor: Int64, limit: Int) async throws(JobStoreError) -> [StoredLogChunk] {
        try await model.leakyChunks(after: cursor, limit: limit)
    }
    func flagCounts() async throws(JobStoreError) -> LogFlagCounts { try await model.flagCounts() }
    func newestCursor() async throws(JobStoreError) -> Int64 { try await model.newestCursor() }
    func delete(logsOf jobs: [JobID]) async throws(JobStoreError) { try await model.delete(logsOf: jobs) }
    func prune(olderThan time: Timestamp?, beyondBytes bytes: Int?, limit: Int) async throws(JobStoreError) -> LogPruneReport {
        try await model.prune(olderThan: time, beyondBytes: bytes, limit: limit)
    }
    func totalBytes() async throws(JobStoreError) -> Int { try await model.totalBytes() }
}

@Suite(.timeLimit(.minutes(5))) struct LogPumpTests {
    private let clock = ManualClock()
    private let store = FailingLogStore()
    private let doorbell = ModelDoorbell()
    private let pump: LogPump

    init() {
        pump = LogPump(
            store: store, doorbell: doorbell, clock: clock, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    private func context(_ job: Int64 = 1) -> ExecutionContext {
        ExecutionContext(
            executionID: ExecutionID(JobID(rawValue: job), 1), attempt: 1, maxAttempts: 1, queue: "q", kind: "k", parent: nil, root: nil,
            trace: nil, meta: [:], sink: pump, now: { [clock] in clock.now() })
    }

    private func chunks(_ job: Int64 = 1) async throws -> [LogChunk] {
        try await store.model.chunks(of: JobID(rawValue: job), ordinal: nil, after: nil, limit: .max).map(\.chunk)
    }

    /// Waits for a ring about logs.
    private func ring(after change: () -> Void) async {
        let rung = Happening()
        let listener = doorbell.listen(to: [.log]) { _ in Task { await rung.happen() } }
        change()
        await rung.wait()
        listener.stop()
    }

    @Test func `lines wait for the interval, and go together`() async throws {
        let running = Task { await pump.run() }
        let context = context()
        context.logger.info("one")
        context.logger.info("two")
        clock.advance(by: LogPump.interval - .microseconds(1))
        #expect(try await chunks().isEmpty)
        await ring { clock.advance(by: .microseconds(1)) }
        let chunk = try #require(try await chunks().first)
        #expect((chunk.firstSequence, chunk.lines, chunk.ordinal) == (1, 2, 1))
        running.cancel()
        await running.value
    }

    @Test func `an error goes at once, with the lines before it`() async throws {
        let running = Task { await pump.run() }
        let context = context()
        context.logger.info("one")
        await ring { context.logger.error("two") }
        #expect(try await chunks().map(\.lines) == [2])
        running.cancel()
        await running.value
    }

    @Test func `each execution gets a chunk of its own, with its identity`() async throws {
        let contexts = (Int64(1)...20).map { context($0) }
        for line in 0..<3 { for context in contexts { context.logger.info("\(context) \(line)") } }
        await pump.flush()
        for context in contexts {
            let chunk = try #require(try await chunks(context.jobID.rawValue).first)
            let records = LogFraming.records(in: chunk)
            #expect(records.map(\.message) == (0..<3).map { "\(context) \($0)" })
            #expect(records.allSatisfy { $0.identity.executionID == context.executionID })
            #expect(records.allSatisfy { $0.identity.queue == "q" && $0.identity.kind == "k" && $0.identity.attempt == 1 })
        }
    }

    @Test func `a flush of nothing writes nothing`() async throws {
        await pump.flush()
        #expect(try await store.newestCursor() == 0)
    }

    @Test func `lines that could not be written are counted and show as a gap, and the next ones are kept`() async throws {
        let context = context()
        store.failNext(1)
        context.logger.info("lost")
        context.logger.info("lost")
        await pump.flush()
        #expect(pump.unwrittenLines == 2)
        context.logger.info("kept")
        await pump.flush()
        #expect(pump.unwrittenLines == 2)
        let records = try await chunks().flatMap { LogFraming.records(in: $0) }
        #expect(records.map(\.message) == ["kept"])
        #expect(records.map(\.sequence) == [3])
        #expect(records.allSatisfy { $0.flags.contains(.dropped) })
        #expect(try await store.model.flagCounts()[.dropped] == 2)
    }

    @Test func `dropped lines of an ended execution, and those of a line that told of them, are counted with the next that is kept`()
        async throws
    {
        let (ended, other) = (context(1), context(2))
        store.failNext(3)
        ended.logger.info("lost")
        other.logger.info("lost")
        await pump.flush()
        other.logger.info("lost, and tells of one")
        await pump.flush()
        ended.logger.info("lost, and tells of one")
        ended.log.end(at: clock.now())
        await pump.flush()
        other.logger.info("kept")
        await pump.flush()
        #expect(try await store.model.flagCounts()[.dropped] == 4)
        #expect(pump.unwrittenLines == 4)
        let records = try await chunks(2).flatMap { LogFraming.records(in: $0) }
        #expect(records.map(\.message) == ["kept"])
    }

    @Test func `an outage of the logs is said once, and its end with what it cost`() async throws {
        let said = Mutex<[String]>([])
        let pump = LogPump(
            store: store, doorbell: doorbell, clock: clock,
            logger: Logger(label: "test") { _ in SaidHandler { text in said.withLock { $0.append(text) } } })
        let context = ExecutionContext(
            executionID: ExecutionID(JobID(rawValue: 1), 1), attempt: 1, maxAttempts: 1, queue: "q", kind: "k", parent: nil, root: nil,
            trace: nil, meta: [:], sink: pump, now: { [clock] in clock.now() })
        store.failNext(3)
        for _ in 0..<5 {
            context.logger.info("x")
            await pump.flush()
        }
        #expect(
            said.withLock { $0 } == [
                "log lines are dropped until the store takes them again", "log lines are kept again dropped=3",
            ])
    }

    /// Keeps what is said, with how much was dropped.
    private struct SaidHandler: LogHandler {
        let say: @Sendable (String) -> Void
        var metadata: Logger.Metadata = [:]
        var metadataProvider: Logger.MetadataProvider?
        var logLevel = Logger.Level.info

        init(_ say: @escaping @Sendable (String) -> Void) { self.say = say }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            say(event.metadata?["dropped"].map { "\(event.message) dropped=\($0)" } ?? "\(event.message)")
        }
    }

    @Test func `logs that grow beyond their budget are pruned without waiting for the minute`() async throws {
        let budget = 2 << 20
        let pump = LogPump(
            store: store, doorbell: doorbell, clock: clock, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            budget: budget)
        let running = Task { await pump.run() }
        let context = ExecutionContext(
            executionID: ExecutionID(JobID(rawValue: 1), 1), attempt: 1, maxAttempts: 1, queue: "q", kind: "k", parent: nil, root: nil,
            trace: nil, meta: [:], sink: pump, now: { [clock] in clock.now() })
        let text = String(repeating: "x", count: 16_000)
        for _ in 0..<16 {
            for _ in 0..<16 { context.logger.info("\(text)") }
            await pump.flush()
        }
        // An urgent line wakes the pump's own round, which prunes.
        context.logger.error("enough")
        while try await store.totalBytes() > budget + (1 << 20) { await Task.yield() }
        running.cancel()
        await running.value
    }

    /// Writes `megabytes` in chunks of a quarter of a megabyte; after each the store may fail once.
    private func write(megabytes: Int, to context: ExecutionContext, failingInBetween: Bool = false) async {
        let text = String(repeating: "x", count: 16_000)
        for _ in 0..<(megabytes * 4) {
            for _ in 0..<16 { context.logger.info("\(text)") }
            await pump.flush()
            guard failingInBetween else { continue }
            store.failNext(1)
            context.logger.info("lost")
            await pump.flush()
        }
    }

    @Test func `of a long log the beginning and the end are kept, and the gap shows what was dropped`() async throws {
        let context = context()
        await write(megabytes: 30, to: context)
        context.logger.info("the end")
        // A chunk is dropped with the append that follows it.
        await pump.flush()
        context.logger.info("after the end")
        await pump.flush()
        let chunks = try await chunks()
        let bytes = chunks.reduce(0) { $0 + $1.body.count }
        #expect(bytes <= Limits.logBytesPerExecution + (1 << 20))
        #expect(bytes >= Limits.logBytesPerExecution - (1 << 20))
        let records = chunks.flatMap { LogFraming.records(in: $0) }
        #expect(records.first?.sequence == 1)
        #expect(records.last?.message == "after the end")
        let gaps = zip(records, records.dropFirst()).filter { $1.sequence != $0.sequence + 1 }
        #expect(gaps.count == 1)
    }

    @Test func `a failing store does not make a long log longer than its limit`() async throws {
        let context = context()
        for _ in 0..<15 {
            await write(megabytes: 1, to: context, failingInBetween: true)
        }
        context.logger.info("x")
        await pump.flush()
        let bytes = try await chunks().reduce(0) { $0 + $1.body.count }
        #expect(bytes <= Limits.logBytesPerExecution + (1 << 20))
    }
}
