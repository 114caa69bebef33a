// Rules about what operators want of live workers.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let orderRules: [Rule] = [
        Rule("a worker hears in its next step what operators want of it, and others do not") { check in
            let (one, other) = (try await check.join(), try await check.join())
            check.equal(try await check.beat(one).orders, WorkerOrders(), "without any")
            check.equal(try await check.control.direct([one], .scale(slots: 7)), [true], "the answer")
            check.equal(try await check.status(of: one).hasHeard, false, "whether it has heard before its step")
            check.equal(try await check.status(of: one).slots, 7, "the slots that are shown")
            var wanted = WorkerOrders()
            wanted.slots = 7
            for _ in 0..<2 { check.equal(try await check.beat(one).orders, wanted, "what it hears") }
            check.equal(try await check.status(of: one).hasHeard, true, "whether it has heard after its step")
            check.equal(try await check.beat(other).orders, WorkerOrders(), "what the other one hears")
            _ = try await check.control.direct([one], .scale(slots: 9))
            _ = try await check.control.direct([one, other], .quiet)
            (wanted.slots, wanted.isQuiet) = (9, true)
            check.equal(try await check.beat(one).orders, wanted, "several at once")
            _ = try await check.control.direct([one], .stop)
            wanted.mustStop = true
            check.equal(try await check.beat(one).orders, wanted, "the order to leave")
        },
        Rule("a worker that is quiet or leaves is given nothing, reports all the same, and is given jobs again when told") { check in
            let worker = try await check.join()
            let held = try await check.add()
            let claimed = try await check.claimOne(worker)
            let id = try await check.add()
            _ = try await check.control.direct([worker], .quiet)
            check.equal(try await check.claim(worker), [], "a claim of a quiet worker")
            try await check.end(claimed.execution, by: worker, .completed, .complete)
            try await check.expectState(held, .completed, "the job that it held")
            _ = try await check.control.direct([worker], .resume)
            check.equal(try await check.status(of: worker).hasHeard, false, "whether it has heard that it may go on")
            check.equal(try await check.claim(worker).map(\.execution.job), [id], "a claim after that")
            check.equal(try await check.status(of: worker).hasHeard, true, "whether it has heard then")
            _ = try await check.control.direct([worker], .stop)
            _ = try await check.add()
            check.equal(try await check.claim(worker), [], "a claim of one that leaves")
        },
        Rule("orders go with their worker, and nobody is told who is not there") { check in
            let worker = try await check.join()
            _ = try await check.control.direct([worker], .quiet)
            try await check.jobs.leave(worker)
            check.equal(try await check.control.direct([worker], .stop), [false], "an order for one that has left")
            let id = try await check.add()
            let next = try await check.join()
            check.equal(try await check.beat(next).orders, WorkerOrders(), "what the next worker hears")
            check.equal(try await check.claim(next).map(\.execution.job), [id], "its claim")
            check.equal(try await check.inspection.executions(heldBy: next).map(\.job), [id], "what it is shown to hold")
            check.equal(try await check.inspection.executions(heldBy: worker), [], "what the other one is")
        },
    ]
}

extension RuleCheck {
    fileprivate func status(of worker: WorkerID) async throws -> StoreStats.WorkerStatus {
        try require(try await inspection.stats().workers.first { $0.id == worker }, "the worker is not shown")
    }
}
