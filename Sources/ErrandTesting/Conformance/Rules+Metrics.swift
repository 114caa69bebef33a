// Rules about what is counted for monitoring: it only grows, and outlives the jobs that it was counted of.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let metricsRules: [Rule] = [
        Rule("a first start counts the wait, every end the run and its outcome, by queue and kind") { check in
            let id = try await check.add()
            let other = try await check.add { $0.queue = "r" }
            let worker = try await check.join()
            try await check.subject.advance(by: .seconds(3))
            let first = try await check.claimOne(worker)
            try await check.subject.advance(by: .seconds(2))
            try await check.end(first.execution, by: worker, .failed, .wait(until: check.subject.now()))
            let second = try await check.claimOne(worker)
            try await check.subject.advance(by: .milliseconds(40))
            try await check.end(second.execution, by: worker, .completed, .complete)
            func expect(_ what: String) async throws {
                let metrics = try await check.inspection.metrics()
                check.equal(
                    metrics.times.first { $0.queue == "q" && $0.what == .wait }?.counts,
                    MetricsExpectation.counts([.seconds(3)]), "the waits \(what)")
                let run = metrics.times.first { $0.queue == "q" && $0.what == .run }
                check.equal(run?.counts, MetricsExpectation.counts([.seconds(2), .milliseconds(40)]), "the runs \(what)")
                check.equal(run?.sum, .milliseconds(2040), "the time of all runs \(what)")
                check.equal(
                    Set(metrics.outcomes),
                    [
                        .init(queue: "q", kind: "k", outcome: .failed, executions: 1),
                        .init(queue: "q", kind: "k", outcome: .completed, executions: 1),
                    ], "the outcomes \(what)")
                check.equal(metrics.times.contains { $0.queue == "r" }, false, "times of a queue of which nothing ran, \(what)")
            }
            try await expect("at once")
            check.equal(try await check.inspection.states(of: [other]), [.available], "the job of the other queue")
            _ = try await check.subject.store.delete([id], evenLive: false)
            try await expect("when the job is deleted")
            try await check.subject.crashAndReopen()
            try await expect("after a crash")
        },
        Rule("an execution that is rescued counts as one that ended so") { check in
            _ = try await check.add()
            let overdue = try await check.overdueWorker()
            let watcher = try await check.join()
            let before = try await check.inspection.metrics().outcomes.reduce(0) { $0 + $1.executions }
            let rescued = try await check.rescueAll(by: watcher)
            check.expect(!rescued.isEmpty, "nothing was rescued from \(overdue)")
            let after = try await check.inspection.metrics()
            check.equal(after.outcomes.reduce(0) { $0 + $1.executions }, before + rescued.count, "the ends")
            check.equal(
                after.times.filter { $0.what == .run }.reduce(0) { $0 + $1.counts.reduce(0, +) }, before + rescued.count, "the runs")
        },
    ]
}

/// Histograms as a rule writes them down.
private enum MetricsExpectation {
    /// The buckets of some times.
    static func counts(_ times: [Duration]) -> [Int] {
        var counts = Array(repeating: 0, count: TimeHistogram.bounds.count + 1)
        for time in times { counts[TimeHistogram.bucket(of: time)] += 1 }
        return counts
    }
}
