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
}
