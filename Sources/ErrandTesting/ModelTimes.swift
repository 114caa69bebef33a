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

    /// Counts an execution that has ended at `time`.
    mutating func countEnd(_ outcome: Outcome, of job: ModelJob, at time: Timestamp) {
        count(.run, of: job, time - (job.executions.last?.startedAt ?? time))
        let index = outcomes.firstIndex {
            $0.queue == job.input.queue && $0.kind == job.input.kind && $0.outcome == outcome
        }
        if let index {
            outcomes[index].executions += 1
        } else {
            outcomes.append(.init(queue: job.input.queue, kind: job.input.kind, outcome: outcome, executions: 1))
        }
    }

    /// Everything that was counted.
    var metrics: StoreMetrics { StoreMetrics(times: times, outcomes: outcomes) }
}
