// Drives a worker's state by hand: events in, actions out, with a clock that moves only when told.

import Errand
import ErrandContext

/// A ``WorkerState`` with the moment at which things happen to it.
struct StateDriver {
    var state: WorkerState
    /// When the next event happens.
    var now = WorkerState.Moment(uptime: .seconds(1000), wall: Timestamp(microseconds: 1_000_000_000_000))
    /// The exchange under way.
    private(set) var request: ExchangeRequest?
    /// The wake-up that was asked for last and has not come.
    private(set) var wakeAt: Duration?
    /// How it ended.
    private(set) var end: Worker.End?

    init(
        concurrency: Int = 2, queues: [ClaimRequest.QueueShare] = [.init(queue: "a", limit: 100)], until: Worker.Until = .stopped,
        lease: Duration = .seconds(30), grace: Duration = .seconds(20), stuckLimit: Int? = nil
    ) {
        state = WorkerState(
            settings: .init(
                concurrency: concurrency, queues: queues, kinds: ["k"], until: until, lease: lease, grace: grace, stuckLimit: stuckLimit))
    }

    @discardableResult
    mutating func tell(_ event: WorkerState.Event) -> Did {
        switch event {
        case .exchanged, .exchangeFailed: request = nil
        case .woke: wakeAt = nil
        default: break
        }
        let did = Did(actions: state.handle(event, at: now))
        if let sent = did.exchanges.first { request = sent }
        if let wake = did.wakes.last { wakeAt = wake }
        if let ended = did.end { end = ended }
        return did
    }

    mutating func pass(_ duration: Duration) {
        now.uptime += duration
        now.wall = now.wall + duration
    }

    /// Lets time pass until the wake-up that was asked for, and lets it happen.
    @discardableResult
    mutating func passToWake() -> Did {
        if let wakeAt, wakeAt > now.uptime { pass(wakeAt - now.uptime) }
        return tell(.woke)
    }

    /// Starts and joins.
    @discardableResult
    mutating func join() -> Did {
        tell(.rang(wantsAttention: false))
        return tell(.joined(WorkerID(rawValue: 1)))
    }

    /// Answers the exchange under way: all reports accepted unless said otherwise.
    @discardableResult
    mutating func reply(
        claimed: [ClaimedJob] = [], results: [ReportResult]? = nil, nextWake: Timestamp? = nil,
        cancellations: [ExchangeReply.Cancellation] = [], isRegistered: Bool = true,
        suspectsWait: Bool = false
    ) -> Did {
        let count = request?.reports.count ?? 0
        return tell(
            .exchanged(
                ExchangeReply(
                    results: results ?? Array(repeating: .accepted, count: count), claimed: claimed, nextWake: nextWake,
                    cancellations: cancellations, isRegistered: isRegistered, suspectsWait: suspectsWait)))
    }

    @discardableResult
    mutating func fail() -> Did { tell(.exchangeFailed(.unavailable(reason: "test"))) }

    @discardableResult
    mutating func finish(_ job: ClaimedJob) -> Did { tell(.ended(report(of: job))) }

    func report(of job: ClaimedJob) -> ExecutionReport {
        ExecutionReport(execution: job.execution, outcome: .completed, next: .complete, finishedAt: now.wall)
    }
}

/// What a state machine answered, by sort.
struct Did {
    var actions: [WorkerState.Action]

    var exchanges: [ExchangeRequest] { actions.compactMap { if case .exchange(let request) = $0 { request } else { nil } } }
    var claim: ClaimRequest? { exchanges.first?.claim }
    var started: [ExecutionID] { actions.compactMap { if case .start(let job) = $0 { job.execution } else { nil } } }
    var cancelled: [ExecutionID: CancelCause] {
        actions.reduce(into: [:]) { if case .cancel(let execution, let cause) = $1 { $0[execution] = cause } }
    }
    var wakes: [Duration] { actions.compactMap { if case .wake(let time) = $0 { time } else { nil } } }
    var notes: [WorkerState.Note] { actions.compactMap { if case .note(let note) = $0 { note } else { nil } } }
    var joins: Int { actions.count { $0 == .join } }
    var end: Worker.End? { actions.compactMap { if case .finish(let end) = $0 { end } else { nil } }.first }
}

/// The first execution of a job as a store would give it out.
func claimedJob(_ number: Int64, queue: String = "a", ordinal: Int64 = 1, attempt: Int = 1, maxAttempts: Int = 5, isSuspect: Bool = false)
    -> ClaimedJob
{
    ClaimedJob(
        execution: ExecutionID(JobID(rawValue: number), ordinal), attempt: attempt, maxAttempts: maxAttempts, isSuspect: isSuspect,
        queue: queue, kind: "k",
        payload: [], startedAt: Timestamp(microseconds: 0))
}
