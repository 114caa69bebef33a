// What the worker's mind makes of an operator's orders.

import Testing

@testable import Errand

@Suite struct WorkerStateOrderTests {
    private let id = WorkerID(rawValue: 1)

    private func moment(_ seconds: Int = 0) -> WorkerState.Moment {
        WorkerState.Moment(uptime: .seconds(seconds), wall: Timestamp(microseconds: Int64(seconds) * 1_000_000))
    }

    /// A worker with four slots that has joined and made its first claim.
    private func worker() -> WorkerState {
        var state = WorkerState(settings: .init(concurrency: 4, queues: [.init(queue: "q", limit: 4)], kinds: ["k"]))
        _ = state.handle(.rang(wantsAttention: false), at: moment())
        _ = state.handle(.joined(id), at: moment())
        return state
    }

    private func orders(_ directives: WorkerDirective...) -> ExchangeReply {
        var reply = ExchangeReply()
        for directive in directives { reply.orders.apply(directive) }
        return reply
    }

    private func requests(_ actions: [WorkerState.Action]) -> [ExchangeRequest] {
        actions.compactMap { if case .exchange(let request) = $0 { request } else { nil } }
    }

    @Test func `a worker that is scaled asks for as many jobs as it has slots then`() throws {
        var state = worker()
        let more = requests(state.handle(.exchanged(orders(.scale(slots: 9))), at: moment()))
        #expect(more.map { $0.claim?.limit } == [9])
        #expect(more.map { $0.claim?.queues.map(\.limit) } == [[9]])
        let fewer = requests(state.handle(.exchanged(orders(.scale(slots: 2))), at: moment()))
        #expect(fewer.map { $0.claim?.limit } == [2])
    }

    @Test func `a quiet worker claims nothing, still answers the control bell, and claims again when it is resumed`() throws {
        var state = worker()
        let told = state.handle(.exchanged(orders(.quiet)), at: moment())
        #expect(requests(told).isEmpty)
        #expect(told.contains(.note(.ordered(orders(.quiet).orders))))
        #expect(requests(state.handle(.rang(wantsAttention: false), at: moment())).isEmpty)
        #expect(requests(state.handle(.rang(wantsAttention: true), at: moment())).map { $0.claim == nil } == [true])
        #expect(requests(state.handle(.exchanged(ExchangeReply()), at: moment())).map { $0.claim?.limit } == [4])
    }

    @Test func `a worker that is stopped drains, and has left when nothing runs`() throws {
        var state = worker()
        let told = state.handle(.exchanged(orders(.stop)), at: moment())
        #expect(told.contains(.note(.draining(running: 0))))
        #expect(told.contains(.finish(.drained)))
    }

    @Test func `a worker that runs until empty does not leave because it is quiet`() throws {
        var state = WorkerState(
            settings: .init(concurrency: 4, queues: [.init(queue: "q", limit: 4)], kinds: ["k"], until: .empty(idleTimeout: .zero)))
        _ = state.handle(.rang(wantsAttention: false), at: moment())
        _ = state.handle(.joined(id), at: moment())
        #expect(!state.handle(.exchanged(orders(.quiet)), at: moment()).contains(.finish(.drained)))
    }
}
