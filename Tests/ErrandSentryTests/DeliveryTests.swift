// Reports on their way to a server that behaves, limits, refuses, hangs or is not there.

#if Web
import Errand
import ErrandContext
@testable import ErrandSentry
import ErrandTesting
import Logging
import NIOHTTP1
import Testing

@Suite(.timeLimit(.minutes(2))) struct DeliveryTests {
    private func reporter(_ dsn: String, _ change: (inout SentryOptions) -> Void = { _ in }) throws -> SentryReporter {
        try SentryReporter(
            dsn: dsn,
            options: SentryOptions {
                $0.logger = Logger(label: "quiet", factory: { _ in SwiftLogNoOpLogHandler() })
                change(&$0)
            })
    }

    @Test func `an event arrives as the protocol wants it`() async throws {
        let peer = try await Peer.start()
        let reporter = try reporter(peer.dsn.replacing("/42", with: "/prefix/42"))
        await reporter.report(Reports.make())
        await reporter.flush(within: .seconds(60))
        let request = try #require(peer.requests.first)
        #expect(peer.requests.count == 1 && reporter.lostReports == 0)
        #expect(request.method == "POST")
        #expect(request.path == "/prefix/api/42/envelope/")
        #expect(request.headers["Content-Type"] == ["application/x-sentry-envelope"])
        #expect(request.headers["Content-Length"] == ["\(request.body.count)"])
        let version = ErrandVersion.current
        #expect(request.headers["User-Agent"] == ["errand/\(version)"])
        #expect(request.headers["X-Sentry-Auth"] == ["Sentry sentry_version=7, sentry_client=errand/\(version), sentry_key=abc123"])
        #expect(try ReadEvent(envelope: request.body).tags["execution_id"] == "\(ExecutionID(JobID(rawValue: 4711), 2))")
        try await peer.stop()
    }

    @Test func `one connection carries the reports of a burst, in their order`() async throws {
        let peer = try await Peer.start()
        let reporter = try reporter(peer.dsn)
        for attempt in 1...20 { await reporter.report(Reports.make { $0.attempt = attempt }) }
        await reporter.flush(within: .seconds(60))
        #expect(try peer.requests.map { try ReadEvent(envelope: $0.body).tags["attempt"] } == (1...20).map(String.init))
        // And again, after the sender has ended.
        await reporter.report(Reports.make())
        await reporter.flush(within: .seconds(60))
        #expect(peer.requests.count == 21)
        try await peer.stop()
    }

    @Test func `by default the last attempt and crashes are reported, on demand every attempt`() async throws {
        let peer = try await Peer.start()
        let reports = [
            Reports.make { ($0.attempt, $0.nextAttemptAt) = (1, Reports.failure) },
            Reports.make { ($0.attempt, $0.nextAttemptAt, $0.outcome) = (2, Reports.failure, .crashed) },
            Reports.make { ($0.attempt, $0.nextAttemptAt) = (3, nil) },
        ]
        for attempts in [SentryOptions.Attempts.last, .every] {
            let reporter = try reporter(peer.dsn) { $0.attempts = attempts }
            for report in reports { await reporter.report(report) }
            await reporter.flush(within: .seconds(60))
        }
        #expect(try peer.requests.compactMap { try ReadEvent(envelope: $0.body).tags["attempt"] } == ["2", "3", "1", "2", "3"])
        try await peer.stop()
    }

    @Test(arguments: [
        (Peer.Reply.answer(429, [("Retry-After", "30")]), 1), (.answer(200, [("X-Sentry-Rate-Limits", "30:error:key")]), 0),
        (.answer(429, []), 1),
    ])
    func `while a server asks for fewer none is sent, and then they are sent again`(reply: Peer.Reply, lost: Int) async throws {
        let peer = try await Peer.start { $0 == 0 ? reply : .answer(200) }
        let clock = ManualClock()
        let reporter = try reporter(peer.dsn) { $0.clock = clock }
        func report() async {
            await reporter.report(Reports.make())
            await reporter.flush(within: .seconds(60))
        }
        await report()
        #expect(reporter.lostReports == lost)
        clock.advance(by: .seconds(29))
        await report()
        #expect(peer.requests.count == 1)
        #expect(reporter.lostReports == lost + 1)
        clock.advance(by: .seconds(31))
        await report()
        #expect(peer.requests.count == 2)
        #expect(reporter.lostReports == lost + 1)
        try await peer.stop()
    }

    @Test(arguments: [400, 401, 413, 500, 301] as [UInt])
    func `an event that a server refuses is sent once, counted, and named in the log`(status: UInt) async throws {
        let peer = try await Peer.start { _ in .answer(status, [("X-Sentry-Error", "no"), ("Location", "/elsewhere")]) }
        let log = Losses()
        let reporter = try reporter(peer.dsn) { $0.logger = log.logger }
        await reporter.report(Reports.make())
        await reporter.flush(within: .seconds(60))
        #expect(peer.requests.count == 1)
        #expect(reporter.lostReports == 1)
        #expect(log.reasons.values == ["the server answered \(status), no"])
        try await peer.stop()
    }

    @Test func `a dropped connection costs that report only`() async throws {
        let peer = try await Peer.start { $0 == 0 ? .hangUp : .answer(200) }
        let reporter = try reporter(peer.dsn)
        for _ in 1...2 { await reporter.report(Reports.make()) }
        await reporter.flush(within: .seconds(60))
        #expect(peer.requests.count == 2)
        #expect(reporter.lostReports == 1)
        try await peer.stop()
    }

    @Test func `100 reports may wait, the next is dropped, and losses are written at doubling distances`() async throws {
        let peer = try await Peer.start { _ in .silence }
        let log = Losses()
        let reporter = try reporter(peer.dsn) { $0.logger = log.logger }
        await reporter.report(Reports.make())
        // One is on its way; as many as the queue holds wait behind it.
        await peer.wait(for: 1)
        for _ in 0..<SentryReporter.queueLimit { await reporter.report(Reports.make()) }
        #expect(reporter.lostReports == 0)
        for _ in 1...5 { await reporter.report(Reports.make()) }
        #expect(reporter.lostReports == 5)
        #expect(log.reasons.values == Array(repeating: "100 reports wait to be sent", count: 3))
        await reporter.flush(within: .zero)
        await reporter.flush(within: .seconds(60))
        #expect(reporter.lostReports == 106)
        #expect(peer.requests.count == 1)
        try await peer.stop()
    }

    // MARK: A worker with such a server

    /// What becomes of a worker's jobs, and of its reports, when the server is like this.
    private func outcome(with dsn: String) async throws -> (states: [JobState?], lost: Int) {
        let shop = Shop()
        let ids = try await shop.enqueue(5)
        let reporter = try reporter(dsn)
        // One slot: a report that blocked it would leave the others waiting for ever.
        try await shop.work(concurrency: 1, reportGrace: .milliseconds(50), reporters: [reporter])
        // What the worker's deadline has cut is still being put away.
        await reporter.flush(within: .seconds(60))
        return (try await shop.states(ids), reporter.lostReports)
    }

    @Test func `a server that never answers changes no outcome, blocks no slot, and the worker leaves`() async throws {
        let peer = try await Peer.start { _ in .silence }
        let (states, lost) = try await outcome(with: peer.dsn)
        #expect(states == Array(repeating: .dead, count: 5))
        #expect(lost == 5)
        #expect(peer.requests.count <= 1)
        try await peer.stop()
    }

    @Test func `a server that hangs up changes no outcome`() async throws {
        let peer = try await Peer.start { _ in .hangUp }
        let (states, lost) = try await outcome(with: peer.dsn)
        #expect(states == Array(repeating: .dead, count: 5))
        #expect(lost == 5)
        try await peer.stop()
    }

    @Test func `a server that is not there changes no outcome`() async throws {
        let peer = try await Peer.start()
        let dsn = peer.dsn
        try await peer.stop()
        let (states, lost) = try await outcome(with: dsn)
        #expect(states == Array(repeating: .dead, count: 5))
        #expect(lost == 5)
    }

    @Test func `sending and its complaints belong to no execution`() async throws {
        let peer = try await Peer.start { _ in .answer(500) }
        let log = Losses()
        let shop = Shop()
        let ids = try await shop.enqueue(1)
        let reporter = try reporter(peer.dsn) { $0.logger = log.logger }
        try await shop.work(reporters: [reporter])
        #expect(log.reasons.values == ["the server answered 500"])
        #expect(log.writers.values == [nil])
        #expect(try await shop.model.logs.chunks(of: ids[0], ordinal: nil, after: nil, limit: .max).isEmpty)
        try await peer.stop()
    }

    @Test func `a report leaves while handlers block every thread of the pool`() async {
        // In a process of its own: other tests would wait for the same threads.
        await #expect(processExitsWith: .success) {
            let peer = try await Peer.start()
            let reporter = try SentryReporter(dsn: peer.dsn)
            let gate = Monitor((blocked: 0, isOpen: false))
            let threads = Int(ProcessorCount.online)
            await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
                startThread(named: "test-blocker") {
                    for _ in 0..<threads {
                        Task.detached {
                            gate.signal { $0.blocked += 1 }
                            let _: Bool = gate.wait { state, limit in
                                limit = .after(.milliseconds(1))
                                return state.isOpen ? true : nil
                            }
                        }
                    }
                    let _: Bool = gate.wait { state, limit in
                        limit = .after(.milliseconds(1))
                        return state.blocked == threads ? true : nil
                    }
                    let executor = ThreadExecutor(name: "test")
                    let left = Monitor(false)
                    Task.detached(executorPreference: executor) {
                        await reporter.report(Reports.make())
                        await peer.wait(for: 1)
                        await reporter.flush(within: .seconds(60))
                        left.signal { $0 = true }
                    }
                    let _: Bool = left.wait { isOver, _ in isOver ? true : nil }
                    gate.signal { $0.isOpen = true }
                    executor.stop()
                    done.resume()
                }
            }
            #expect(reporter.lostReports == 0)
            #expect(peer.requests.count == 1)
        }
    }
}

/// Collects what a reporter writes about its losses, and who was current.
private final class Losses: Sendable {
    let reasons = Collected<String>()
    let writers = Collected<ExecutionID?>()

    var logger: Logger { Logger(label: "losses", factory: { _ in Handler(losses: self) }) }

    private struct Handler: LogHandler {
        let losses: Losses
        var logLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]
        var metadataProvider: Logger.MetadataProvider?

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            losses.reasons.add(event.metadata?["reason"].map { "\($0)" } ?? "")
            losses.writers.add(ExecutionContext.current?.executionID)
        }
    }
}
#endif
