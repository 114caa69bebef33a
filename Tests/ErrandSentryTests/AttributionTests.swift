// Whose report is it: 64 jobs fail at the same moment, and every event must be about the execution that it names.

#if Web
import Errand
import ErrandContext
@testable import ErrandSentry
import ErrandTesting
import Logging
import Synchronization
import Testing

private let library: Logger = {
    TestLogCapture.install()
    return Logger(label: "library")
}()

@Suite(.timeLimit(.minutes(2))) struct AttributionTests {
    private static let jobs = 64

    /// Runs the jobs, with a barrier between their lines and before their failures, and gives the events that arrive.
    private func events(reporting wrap: (SentryReporter, SharedCurrent) -> any ErrorReporter) async throws -> [ReadEvent] {
        let peer = try await Peer.start()
        let sentry = try SentryReporter(dsn: peer.dsn)
        let current = SharedCurrent()
        let shop = Shop()
        _ = try await shop.enqueue(AttributionTests.jobs)
        let barrier = MeetingPoint(parties: AttributionTests.jobs)
        try await shop.work(concurrency: AttributionTests.jobs, reporters: [wrap(sentry, current)]) { job, context in
            current.set(job.execution)
            library.info("\(job.execution) begins")
            await barrier.arrive()
            async let branch: Void = { library.warning("\(job.execution) branches") }()
            await branch
            context.logger.info("\(job.execution) is about to fail")
            await barrier.arrive()
            throw Failed(execution: job.execution)
        }
        #expect(sentry.lostReports == 0)
        try await peer.stop()
        return try peer.requests.map { try ReadEvent(envelope: $0.body) }
    }

    /// What is wrong about `events`; empty when each is about the execution in its error's text.
    private func wrong(in events: [ReadEvent]) -> [String] {
        events.flatMap { event -> [String] in
            let text = event.exception["value"] as? String ?? ""
            guard let truth = ExecutionID(String(text.prefix { $0 != " " })) else { return ["an event about nobody: \(text)"] }
            var problems: [String] = []
            func compare(_ what: String, _ value: String?, _ expected: String) {
                if value != expected { problems.append("\(truth): \(what) is \(value ?? "missing"), not \(expected)") }
            }
            let trace = TraceContext.span(of: truth, in: nil)
            compare("tag execution_id", event.tags["execution_id"], "\(truth)")
            compare("tag job_id", event.tags["job_id"], "\(truth.job)")
            compare("trace_id", event.object("contexts", "trace")["trace_id"] as? String, trace.traceID)
            compare("span_id", event.object("contexts", "trace")["span_id"] as? String, trace.spanID)
            compare("errand.execution_id", event.object("contexts", "errand")["execution_id"] as? String, "\(truth)")
            let messages = event.breadcrumbs.compactMap { $0["message"] as? String }
            compare("breadcrumbs", "\(messages)", "\(["begins", "branches", "is about to fail"].map { "\(truth) \($0)" })")
            return problems
        }
    }

    @Test func `64 jobs fail at once, and each event with its breadcrumbs is about its own execution`() async throws {
        let events = try await events { sentry, _ in sentry }
        #expect(events.count == AttributionTests.jobs)
        #expect(Set(events.compactMap { $0.tags["execution_id"] }).count == AttributionTests.jobs)
        let wrong = wrong(in: events)
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    @Test func `the same check finds the events of a reporter that keeps the current execution in a shared place`() async throws {
        let events = try await events { sentry, current in CrossingReporter(sentry: sentry, current: current) }
        #expect(events.count == AttributionTests.jobs)
        #expect(wrong(in: events).count >= AttributionTests.jobs - 1)
    }
}

/// What must not be done: "the current execution" where all share it.
private final class SharedCurrent: Sendable {
    private let place = Mutex<ExecutionID?>(nil)

    func set(_ execution: ExecutionID) { place.withLock { $0 = execution } }
    var execution: ExecutionID? { place.withLock { $0 } }
}

/// A reporter that asks the shared place who has failed.
private struct CrossingReporter: ErrorReporter {
    let sentry: SentryReporter
    let current: SharedCurrent

    var breadcrumbLimit: Int { sentry.breadcrumbLimit }
    func report(_ report: ErrorReport) async {
        var report = report
        if let execution = current.execution { report.executionID = execution }
        await sentry.report(report)
    }
    func flush(within limit: Duration) async { await sentry.flush(within: limit) }
}
#endif
