// Sends failed executions to a Sentry server, beside the work and never in its way.

#if Web
public import Errand
import ErrandContext
import Logging
import Synchronization

/// Reports failed executions as events to a server that speaks Sentry's protocol.
///
/// Reporting only puts a report into a queue of at most 100; one sender on a thread of its own delivers them one after another, so that
/// neither a slow server nor handlers that block every pool thread hold up anything. What cannot be delivered is dropped, counted in
/// ``lostReports`` and written to the options' logger (the first loss, then whenever their number has doubled): reports beyond the
/// queue, those that a rate limit forbids, those whose server did not answer within 10 seconds, and those that it refused. A connection
/// that cannot be made is tried again within these seconds; nothing is ever sent twice.
public final class SentryReporter: ErrorReporter {
    /// Where events go.
    public let dsn: SentryDSN
    private let options: SentryOptions
    private let state = Mutex(State())

    /// How many reports may wait to be sent; further ones are dropped: 100, as in Sentry's own libraries.
    public static let queueLimit = 100

    private struct State {
        var waiting: [ErrorReport] = []
        /// Runs while reports wait or are on their way; ``flush(within:)`` awaits it.
        var sender: Task<Void, Never>?
        /// The senders' thread, from the first report on.
        var thread: ThreadExecutor?
        var rateLimit = RateLimit()
        var lost = 0
    }

    /// Reports to the server that `dsn` names.
    /// - Throws: ``SentryConfigurationError`` for a text that is no DSN, and for options that servers refuse.
    public init(dsn: String, options: SentryOptions = SentryOptions()) throws(SentryConfigurationError) {
        self.dsn = try SentryDSN(dsn)
        if let problem = options.problem { throw problem }
        self.options = options
    }

    /// A sender holds its reporter: nothing is under way any more.
    deinit { state.withLock { $0.thread?.stop() } }

    /// How many reports have been dropped so far.
    public var lostReports: Int { state.withLock { $0.lost } }

    /// As many as the options say.
    public var breadcrumbLimit: Int { options.breadcrumbs }

    /// Puts the report into the queue, if the options want it; returns at once.
    public func report(_ report: ErrorReport) async {
        guard options.attempts == .every || report.isFinal || report.outcome == .crashed else { return }
        let isTaken = state.withLock { state in
            guard state.waiting.count < SentryReporter.queueLimit else { return false }
            state.waiting.append(report)
            if state.sender == nil { state.sender = startSender(on: &state.thread) }
            return true
        }
        if !isTaken { lose(1, because: "\(SentryReporter.queueLimit) reports wait to be sent") }
    }

    /// Waits until everything has been delivered or dropped; after `limit` drops the rest.
    public func flush(within limit: Duration) async {
        let (sender, thread) = state.withLock { ($0.sender, $0.thread) }
        guard let sender else { return }
        if await !options.clock.run(within: limit, on: thread, { await sender.value }) { sender.cancel() }
    }

    // MARK: The sender

    /// Detached: it belongs to no execution, least of all to the one that happened to fail first.
    private func startSender(on thread: inout ThreadExecutor?) -> Task<Void, Never> {
        let executor = thread ?? ThreadExecutor(name: "errand-sentry")
        thread = executor
        return Task.detached(executorPreference: executor) { await self.sendAll() }
    }

    private func sendAll() async {
        let connection = SentryConnection(dsn: dsn)
        while let report = takeNext() { await deliver(report, over: connection) }
    }

    /// The next report; `nil` ends this sender. Reports that come while a cancelled one puts the rest away get a sender of their own.
    private func takeNext() -> ErrorReport? {
        let isCancelled = Task.isCancelled
        if isCancelled {
            let dropped = state.withLock { state in
                defer { state.waiting = [] }
                return state.waiting.count
            }
            lose(dropped, because: "the time for sending was over")
        }
        return state.withLock { state in
            if !isCancelled, !state.waiting.isEmpty { return state.waiting.removeFirst() }
            state.sender = state.waiting.isEmpty ? nil : startSender(on: &state.thread)
            return nil
        }
    }

    private func deliver(_ report: ErrorReport, over connection: SentryConnection) async {
        let clock = options.clock
        guard state.withLock({ !$0.rateLimit.forbids(at: clock.uptime()) }) else {
            return lose(1, because: "the server asked for fewer")
        }
        var generator = SystemRandomNumberGenerator()
        let envelope = SentryEnvelope(report, id: EventID(using: &generator), options: options, sentAt: clock.now())
        do {
            let answer = try await connection.post(envelope)
            state.withLock {
                $0.rateLimit.note(
                    status: answer.status, limits: answer.rateLimits, retryAfter: answer.retryAfter, uptime: clock.uptime(),
                    wall: clock.now())
            }
            if !answer.isAccepted { lose(1, because: "the server answered \(answer.status)\(answer.reason.map { ", \($0)" } ?? "")") }
        } catch {
            lose(1, because: Task.isCancelled ? "the time for sending was over" : "the server was not reached: \(error)")
        }
    }

    private func lose(_ count: Int, because reason: String) {
        guard count > 0 else { return }
        let (before, total) = state.withLock { state in
            defer { state.lost += count }
            return (state.lost, state.lost + count)
        }
        // At the first and at doubling distances: an outage of a day does not fill a disk with complaints.
        guard before == 0 || before.leadingZeroBitCount > total.leadingZeroBitCount else { return }
        ExecutionContext.none {
            options.logger.warning(
                "error reports were lost", metadata: ["server": "\(dsn)", "reason": "\(reason)", "total": "\(total)"])
        }
    }
}
#endif
