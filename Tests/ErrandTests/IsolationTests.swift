// Isolation as the library sees it: who refuses it, and how a crash with a living worker is judged.

import Errand
import ErrandContext
import ErrandTesting
import Testing

@Suite struct IsolationTests {
    private let shop = Workshop()

    private struct Reporter: ErrorReporter {
        let reports = Collected<ErrorReport>()
        func report(_ report: ErrorReport) async { reports.add(report) }
    }

    @Test func `a worker outside of an ErrandApp refuses a handler that asks for a process of its own`() async throws {
        let handler = Handler(kind: "resize", isolation: .process) { _, _ in nil }
        let worker = Worker(queue: shop.queue, handlers: [handler])
        let failure = try await #require(throws: Worker.Failure.self) { try await worker.runUntilEmpty() }
        guard case .invalid(let reason) = failure else {
            Issue.record("\(failure)")
            return
        }
        #expect(reason.contains("resize") && reason.contains("ErrandApp") && reason.contains("isolation: .process"), "\(reason)")
    }

    @Test(arguments: [3, 1, nil] as [Int?])
    func `a crash that its worker survives is counted, reported and marked, and at the limit the job is poison`(limit: Int?) async throws {
        let id = try await shop.enqueue("k")
        let reporter = Reporter()
        let error = StoredError(type: "Crash", message: "SIGILL in a handler of kind k", code: 4)
        let handler = Handler(kind: "k", backoff: Backoff(base: .zero)) { job, _ in
            if job.crashes < 3 { throw HandlerCrash(error) }
            return nil
        }
        let configuration = Worker.Configuration { $0.convictionLimit = limit }
        try await Worker(queue: shop.queue, handlers: [handler], configuration: configuration, reporters: [reporter]).runUntilEmpty()
        let detail = try #require(try await shop.detail(id))
        let crashes = limit ?? 3
        #expect(detail.summary.crashes == crashes)
        #expect(detail.summary.attempt == (limit == nil ? 1 : 0))
        #expect(detail.summary.state == (limit == nil ? .completed : .dead))
        #expect(detail.summary.reason == (limit == nil ? nil : "poison"))
        #expect(detail.executions.map(\.outcome) == Array(repeating: .crashed, count: crashes) + (limit == nil ? [.completed] : []))
        #expect(reporter.reports.values.map(\.outcome) == Array(repeating: .crashed, count: crashes))
        let marks = try await shop.records(of: id).filter { $0.stream == LogStream.system }
        #expect(marks.map(\.message) == Array(repeating: "crashed: SIGILL in a handler of kind k", count: crashes))
        #expect(marks.allSatisfy { $0.level == .critical })
    }

    @Test func `whoever was told to stop has not crashed`() async throws {
        let id = try await shop.enqueue("k") { $0.maxAttempts = 1 }
        let handler = Handler(kind: "k", timeout: .milliseconds(5)) { _, _ in
            do {
                try await waitForCancellation()
            } catch {
                throw HandlerCrash(StoredError(type: "Crash", message: "SIGKILL"))
            }
            return nil
        }
        try await shop.worker(handler).runUntilEmpty()
        let detail = try #require(try await shop.detail(id))
        #expect(detail.executions.map(\.outcome) == [.timedOut])
        #expect(detail.summary.crashes == 0)
    }
}
