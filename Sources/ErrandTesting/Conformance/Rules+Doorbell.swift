// Rules about the doorbell: whoever waits for something hears that it may have come.

import Errand
import ErrandContext

extension RuleCheck {
    /// How long a ring may take: a bound for the check only; a store that rings at all does so within milliseconds.
    private static let patience = Duration.seconds(10)

    /// Does `action` while somebody listens, and expects that `topic` rings.
    func expectRing(_ topic: DoorbellTopic, about what: String, _ action: () async throws -> Void) async throws {
        let (rings, ring) = AsyncStream.makeStream(of: Set<DoorbellTopic>.self)
        let listener = subject.store.doorbell.listen(to: [topic]) { ring.yield($0) }
        defer { listener.stop() }
        try await action()
        let heard = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await topics in rings where topics.contains(topic) { return true }
                return false
            }
            group.addTask {
                // Ends the wait; it is cancelled, and so over at once, when the ring has come.
                do { try await ContinuousClock().sleep(for: RuleCheck.patience) } catch { return false }
                return false
            }
            let first = await group.next() ?? false
            group.cancelAll()
            return first
        }
        expect(heard, "\(topic) does not ring after \(what)")
    }
}

extension JobStoreConformance {
    static let doorbellRules: [Rule] = [
        Rule("work rings after an enqueue") { check in
            try await check.expectRing(.work, about: "an enqueue") { _ = try await check.add() }
        },
        Rule("work rings when jobs come back: after a give-back, an operator's retry, a rescue") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let first = try await check.claimOne(worker)
            try await check.expectRing(.work, about: "a give-back") {
                try await check.end(first.execution, by: worker, .interrupted, .giveBack)
            }
            _ = try await check.control.cancel([id], reason: nil)
            try await check.expectRing(.work, about: "a retry") {
                _ = try await check.control.retry([id], resettingAttempts: false)
            }
            _ = try await check.claimOne(worker)
            try await check.subject.crashAndReopen()
            let watcher = try await check.join()
            try await check.expectRing(.work, about: "a rescue") { try await check.rescueAll(by: watcher) }
        },
        Rule("outcome rings after the end of an execution and after the cancellation of a waiting job") { check in
            let ids = try await check.add(count: 2)
            let worker = try await check.join()
            let claimed = try await check.claimOne(worker)
            try await check.expectRing(.outcome, about: "a completion") {
                try await check.end(claimed.execution, by: worker, .completed, .complete)
            }
            try await check.expectRing(.outcome, about: "the cancellation of a waiting job") {
                _ = try await check.control.cancel([ids[1]], reason: nil)
            }
        },
        Rule("control rings after a wish to cancel a running job") { check in
            let id = try await check.add()
            _ = try await check.claimOne(try await check.join())
            try await check.expectRing(.control, about: "a wish to cancel") { _ = try await check.control.cancel([id], reason: nil) }
        },
        Rule("log rings after an append") { check in
            let id = try await check.add()
            try await check.expectRing(.log, about: "an append") {
                _ = try await check.logs.append([RuleCheck.chunk(id)], dropping: [])
            }
        },
        Rule("a doorbell rings every listener of a topic when somebody presses it") { check in
            try await check.expectRing(.work, about: "a ring for all topics, heard by the second of two listeners") {
                try await check.expectRing(.control, about: "a ring for all topics") {
                    check.subject.store.doorbell.ring(Set(DoorbellTopic.allCases))
                }
            }
        },
    ]
}
