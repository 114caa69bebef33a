// What a worker tells a metrics library of the executions that it runs (swift-metrics).

import CoreMetrics
import Synchronization

/// The metrics of one worker: `errand_executions` (by queue, kind, outcome), `errand_wait` and `errand_run` (times, by queue and kind),
/// `errand_running` and `errand_slots` (together its saturation). Where no library is bootstrapped they cost a look into a dictionary.
final class ExecutionMetrics: Sendable {
    private struct Feed: Hashable {
        var queue: String
        var kind: String
    }

    /// What of one queue and kind is measured.
    private struct Instruments {
        var wait: Timer
        var run: Timer
        var outcomes: [Outcome: Counter] = [:]
    }

    private struct State {
        var instruments: [Feed: Instruments] = [:]
        var running = 0
    }

    private let factory: (any MetricsFactory)?
    private let running: Gauge
    private let state = Mutex(State())

    /// Metrics of a worker with `slots` slots, told to `factory`; `nil` is the process's own.
    init(slots: Int, factory: (any MetricsFactory)?) {
        self.factory = factory
        Gauge(label: "errand_slots", factory: factory ?? MetricsSystem.factory).record(slots)
        running = Gauge(label: "errand_running", factory: factory ?? MetricsSystem.factory)
    }

    /// An execution begins.
    func started(_ job: ClaimedJob) {
        let count = state.withLock { state in
            state.running += 1
            if job.previous == nil, let dueAt = job.dueAt {
                with(job, &state) { $0.wait.recordNanoseconds(ExecutionMetrics.nanoseconds(job.startedAt - dueAt)) }
            }
            return state.running
        }
        running.record(count)
    }

    /// It has ended.
    func ended(_ job: ClaimedJob, _ report: ExecutionReport) {
        let count = state.withLock { state in
            state.running -= 1
            with(job, &state) { instruments in
                instruments.run.recordNanoseconds(ExecutionMetrics.nanoseconds(report.finishedAt - job.startedAt))
                let counter = instruments.outcomes[report.outcome] ?? counter(of: job, report.outcome)
                instruments.outcomes[report.outcome] = counter
                counter.increment()
            }
            return state.running
        }
        running.record(count)
    }

    private func with(_ job: ClaimedJob, _ state: inout State, _ use: (inout Instruments) -> Void) {
        // In place: a copy would copy the counters of all outcomes with it.
        use(&state.instruments[Feed(queue: job.queue, kind: job.kind), default: instruments(of: job)])
    }

    private func instruments(of job: ClaimedJob) -> Instruments {
        let dimensions = [("queue", job.queue), ("kind", job.kind)]
        let factory = factory ?? MetricsSystem.factory
        return Instruments(
            wait: Timer(label: "errand_wait", dimensions: dimensions, factory: factory),
            run: Timer(label: "errand_run", dimensions: dimensions, factory: factory))
    }

    private func counter(of job: ClaimedJob, _ outcome: Outcome) -> Counter {
        Counter(
            label: "errand_executions", dimensions: [("queue", job.queue), ("kind", job.kind), ("outcome", outcome.rawValue)],
            factory: factory ?? MetricsSystem.factory)
    }

    private static func nanoseconds(_ time: Duration) -> Int64 { max(0, min(time, Limits.longestDuration).wholeMicroseconds * 1000) }
}
