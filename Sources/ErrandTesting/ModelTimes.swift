// What the in-memory store counts for monitoring.

import Errand
import ErrandContext

extension ModelTables {
    /// Counts a time.
    mutating func count(_ what: TimeHistogram.What, of job: ModelJob, _ time: Duration) {
        let index = times.firstIndex { $0.queue == job.input.queue && $0.kind == job.input.kind && $0.what == what }
        if let index {
            times[index].add(max(.zero, time))
        } else {
            var histogram = TimeHistogram(queue: job.input.queue, kind: job.input.kind, what: what)
            histogram.add(max(.zero, time))
            times.append(histogram)
        }
    }

    /// Everything that was counted. Outcomes are those of the jobs that are kept.
    var metrics: StoreMetrics {
        struct Key: Hashable {
            var queue: String
            var kind: String
            var outcome: Outcome
        }
        var totals: [Key: Int] = [:]
        for job in jobs.values {
            for outcome in job.executions.compactMap(\.outcome) {
                totals[Key(queue: job.input.queue, kind: job.input.kind, outcome: outcome), default: 0] += 1
            }
        }
        return StoreMetrics(
            times: times,
            outcomes: totals.map { .init(queue: $0.key.queue, kind: $0.key.kind, outcome: $0.key.outcome, executions: $0.value) })
    }
}
