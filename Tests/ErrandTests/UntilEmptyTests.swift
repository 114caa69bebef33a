// A worker that runs until nothing is left must not take a job that is about to become due for nothing.

import Errand
import Testing

@Suite struct UntilEmptyTests {
    @Test func `a worker that runs until empty looks again when a waiting job becomes due`() {
        var state = WorkerState(
            settings: WorkerState.Settings(
                concurrency: 1, queues: [ClaimRequest.QueueShare(queue: "default", limit: 1)], kinds: ["greet"],
                until: .empty(idleTimeout: .seconds(10))))
        let start = WorkerState.Moment(uptime: .seconds(100), wall: Timestamp(microseconds: 1_000_000))
        _ = state.handle(.rang(wantsAttention: false), at: start)
        _ = state.handle(.joined(WorkerID(rawValue: 1)), at: start)
        let due = start.wall + .seconds(1)
        _ = state.handle(.exchanged(ExchangeReply(nextWake: due)), at: start)

        let actions = state.handle(.woke, at: WorkerState.Moment(uptime: .seconds(101), wall: due))

        let asksForJobs = actions.contains { action in
            if case .exchange(let request) = action { request.claim != nil } else { false }
        }
        #expect(asksForJobs)
        #expect(!actions.contains(.finish(.drained)))
    }

    @Test func `a worker that runs until empty waits for jobs that others hold, since they may come back`() {
        var state = WorkerState(
            settings: WorkerState.Settings(
                concurrency: 1, queues: [ClaimRequest.QueueShare(queue: "default", limit: 1)], kinds: ["greet"],
                until: .empty(idleTimeout: .zero)))
        let start = WorkerState.Moment(uptime: .seconds(100), wall: Timestamp(microseconds: 1_000_000))
        _ = state.handle(.rang(wantsAttention: false), at: start)
        _ = state.handle(.joined(WorkerID(rawValue: 1)), at: start)

        let waiting = state.handle(.exchanged(ExchangeReply(othersHold: true)), at: start)
        #expect(waiting == [.wake(at: .seconds(100) + WorkerState.othersPause)])

        let later = WorkerState.Moment(uptime: .seconds(101), wall: start.wall + .seconds(1))
        let asks = state.handle(.woke, at: later).contains { action in
            if case .exchange(let request) = action { request.claim?.asksAboutOthers == true } else { false }
        }
        #expect(asks)
        #expect(state.handle(.exchanged(ExchangeReply()), at: later) == [.finish(.drained)])
    }
}
