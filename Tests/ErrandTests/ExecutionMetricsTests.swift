// What a metrics library is told of executions.

import Errand
import MetricsTestKit
import Testing

@Suite struct ExecutionMetricsTests {
    private struct Oops: Error {}

    @Test func `executions are counted by outcome, and timed by queue and kind`() async throws {
        let workshop = Workshop()
        for payload in ["1", "2", "3"] { _ = try await workshop.enqueue("k", payload: payload) { $0.maxAttempts = 1 } }
        let metrics = TestMetrics()
        let handler = Handler(kind: "k") { job, _ in
            if job.payload == Array("3".utf8) { throw Oops() }
            return nil
        }
        _ = try await workshop.worker(handler) {
            $0.metrics = metrics
            $0.until = .empty(idleTimeout: .zero)
        }.run()
        let feed = [("queue", "default"), ("kind", "k")]
        #expect(try metrics.expectCounter("errand_executions", feed + [("outcome", "completed")]).totalValue == 2)
        #expect(try metrics.expectCounter("errand_executions", feed + [("outcome", "failed")]).totalValue == 1)
        #expect(try metrics.expectTimer("errand_run", feed).values.count == 3)
        #expect(try metrics.expectTimer("errand_wait", feed).values.count == 3)
        #expect(try metrics.expectTimer("errand_wait", feed).values.allSatisfy { $0 >= 0 })
        #expect(try metrics.expectGauge("errand_running").lastValue == 0)
        #expect(try metrics.expectGauge("errand_slots").lastValue.map { $0 >= 1 } == true)
    }
}
