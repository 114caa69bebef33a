// The seam to error trackers: what a report carries, and that no reporter holds anything up.

import Errand
import ErrandContext
import ErrandTesting
import Logging
import Synchronization
import Testing

private let logger: Logger = {
    TestLogCapture.install()
    return Logger(label: "library")
}()

private struct Oops: Error, CustomStringConvertible { var description: String { "oops" } }

@Suite(.timeLimit(.minutes(5))) struct ErrorReporterTests {
    private let shop = Workshop()

    private func failing(_ lines: Int) -> Handler {
        Handler(kind: "fails", backoff: Backoff(base: .zero)) { job, _ in
            for line in 1...lines { logger.info("\(job.execution) line \(line)") }
            throw Oops()
        }
    }

    @Test func `a report carries the execution's own last lines, as many as the reporter asked for`() async throws {
        let id = try await shop.enqueue("fails") { $0.maxAttempts = 1 }
        let reporter = Recorder(breadcrumbLimit: 3)
        try await shop.worker(failing(5), reporters: [reporter]).runUntilEmpty()
        let report = try #require(reporter.reports.values.first)
        #expect(report.breadcrumbs.map(\.message) == (3...5).map { "\(id).1 line \($0)" })
        #expect(report.breadcrumbs.map(\.sequence) == [3, 4, 5])
        #expect(report.breadcrumbs.allSatisfy { $0.identity.executionID == ExecutionID(id, 1) && $0.logger == "library" })
    }

    @Test func `no line is kept when no reporter asks for one`() async throws {
        _ = try await shop.enqueue("fails") { $0.maxAttempts = 1 }
        let reporter = Recorder(breadcrumbLimit: 0)
        let kept = Collected<Int>()
        let handler = Handler(kind: "fails") { _, context in
            logger.info("a line")
            kept.add(context.log.recentLines.count)
            throw Oops()
        }
        try await shop.worker(handler, reporters: [reporter]).runUntilEmpty()
        #expect(reporter.reports.values.map(\.breadcrumbs) == [[]])
        #expect(kept.values == [0])
    }

    @Test func `a report says who enqueued the job, in which trace, and when it began and failed`() async throws {
        let caller = try #require(TraceContext(traceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
        let parent = ExecutionID(JobID(rawValue: 7), 2)
        var job = NewJob(kind: "fails", payload: Array("{}".utf8))
        (job.maxAttempts, job.meta, job.trace, job.parent, job.root) = (1, ["tenant": "a"], caller, parent, parent)
        let id = try await shop.queue.enqueue([job])[0].id
        let reporter = Recorder(breadcrumbLimit: 1)
        try await shop.worker(failing(1), reporters: [reporter]).runUntilEmpty()
        let report = try #require(reporter.reports.values.first)
        #expect(report.trace.traceID == caller.traceID)
        #expect(report.parentSpanID == caller.spanID)
        #expect(report.trace.spanID != caller.spanID)
        #expect(report.parentExecutionID == parent)
        #expect(report.rootExecutionID == parent)
        #expect(report.meta == ["tenant": "a"])
        let execution = try #require(try await shop.detail(id)?.executions.first)
        #expect(report.startedAt == execution.startedAt)
        #expect(report.occurredAt >= report.startedAt)
        #expect(report.isFinal)
    }

    @Test func `a reporter that does not return is left behind after two seconds of the worker's clock, and the outcome stays`()
        async throws
    {
        let clock = ManualClock()
        let shop = Workshop(clock: clock)
        let id = try await shop.enqueue("fails") { $0.maxAttempts = 1 }
        let reporter = StuckReporter(clock: clock)
        let log = LineCollector()
        try await shop.worker(failing(1), reporters: [reporter], change: { $0.logger = log.logger }).runUntilEmpty(idleTimeout: .zero)
        #expect(try await shop.model.states(of: [id]) == [.dead])
        #expect(log.lines.values.contains { $0.hasPrefix("an error reporter took too long") })
        #expect(log.lines.values.contains { $0.hasPrefix("error reports were left behind") })
    }

    @Test func `a worker that leaves flushes every reporter, within the time that its settings say`() async throws {
        _ = try await shop.enqueue("fails") { $0.maxAttempts = 1 }
        let reporters = [Recorder(breadcrumbLimit: 0), Recorder(breadcrumbLimit: 0)]
        try await shop.worker(failing(1), reporters: reporters, change: { $0.reportGrace = .seconds(9) }).runUntilEmpty()
        #expect(reporters.map(\.flushes.values) == [[.seconds(9)], [.seconds(9)]])
    }

    @Test func `reporters are flushed also when outcomes stay unwritten`() async throws {
        let clock = ManualClock()
        let shop = Workshop(clock: clock)
        _ = try await shop.enqueue("fails") { $0.maxAttempts = 1 }
        let reporter = Recorder(breadcrumbLimit: 0)
        let died = Happening()
        let hook = ExecutionHook { event, _ in
            guard case .died = event else { return }
            shop.watched.failNext(.max)
            await died.happen()
        }
        let worker = shop.worker(failing(1), reporters: [reporter], hooks: [hook])
        let ticking = Task {
            await died.wait()
            worker.cancel()
            while !Task.isCancelled {
                clock.advance(by: .seconds(1))
                await Task.yield()
            }
        }
        #expect(try await worker.runToEnd() == .outcomesUnwritten(1))
        ticking.cancel()
        await ticking.value
        #expect(reporter.flushes.values == [.seconds(2)])
    }
}

@Suite struct RecentLinesTests {
    private func line(_ count: Int) -> ArraySlice<UInt8> { (Array(repeating: UInt8(ascii: "x"), count: count) + [UInt8(ascii: "\n")])[...] }

    @Test func `the newest lines are kept up to their number, without newlines`() {
        var recent = RecentLines(limit: 2)
        for size in 1...3 { recent.add(line(size)) }
        #expect(recent.lines.map(\.count) == [2, 3])
    }

    @Test func `at the limit of bytes all lines are kept, one byte past it the oldest goes`() {
        let half = RecentLines.bytesLimit / 2
        var recent = RecentLines(limit: 10)
        for size in [half, half] { recent.add(line(size)) }
        #expect(recent.lines.map(\.count) == [half, half])
        recent.add(line(1))
        #expect(recent.lines.map(\.count) == [half, 1])
    }

    @Test func `the last line is kept whatever its size`() {
        var recent = RecentLines(limit: 10)
        recent.add(line(1))
        recent.add(line(RecentLines.bytesLimit + 1))
        #expect(recent.lines.map(\.count) == [RecentLines.bytesLimit + 1])
    }
}

/// Keeps what it is told.
private final class Recorder: ErrorReporter {
    let breadcrumbLimit: Int
    let reports = Collected<ErrorReport>()
    let flushes = Collected<Duration>()

    init(breadcrumbLimit: Int) { self.breadcrumbLimit = breadcrumbLimit }

    func report(_ report: ErrorReport) async { reports.add(report) }
    func flush(within limit: Duration) async { flushes.add(limit) }
}

/// Never returns by itself, and lets the clock run until somebody goes on without it.
private final class StuckReporter: ErrorReporter {
    private let clock: ManualClock

    init(clock: ManualClock) { self.clock = clock }

    func report(_ report: ErrorReport) async { await stay() }
    func flush(within limit: Duration) async { await stay() }

    private func stay() async {
        while !Task.isCancelled {
            clock.advance(by: .seconds(1))
            await Task.yield()
        }
    }
}

/// Collects the worker's own lines.
final class LineCollector: Sendable {
    let lines = Collected<String>()

    var logger: Logger { Logger(label: "worker", factory: { _ in Handler(lines: self.lines) }) }

    private struct Handler: LogHandler {
        let lines: Collected<String>
        var logLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]
        var metadataProvider: Logger.MetadataProvider?

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.add("\(event.message)") }
    }
}
