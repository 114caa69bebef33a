// Rules about the event stream: all that happens to a job is told, once, in order, and can be read on from any place.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let eventRules: [Rule] = [
        Rule("the stream tells the way of a job in order, each event with its execution") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let first = try await check.claimOne(worker)
            try await check.tell([JobProgress(execution: first.execution, fraction: 0.5, at: check.subject.now())], worker)
            try await check.end(first.execution, by: worker, .failed, .wait(until: check.subject.now()))
            let second = try await check.claimOne(worker)
            try await check.end(second.execution, by: worker, .completed, .complete)
            let events = try await check.events()
            check.equal(
                events.map(\.change), [.enqueued, .started, .progressed, .failed, .retrying, .started, .completed], "what is told")
            check.equal(
                events.map(\.execution?.ordinal),
                [nil, first, first, first, first, second, second].map { $0?.execution.ordinal }, "the executions")
            check.expect(events.allSatisfy { $0.job == id && $0.queue == "q" && $0.kind == "k" }, "an event of another job: \(events)")
            check.equal(events.map(\.at).sorted(), events.map(\.at), "the times")
        },
        Rule("each end of an execution and each change from outside is told") { check in
            let worker = try await check.join()
            func told(_ outcome: Outcome, _ next: NextStep) async throws -> [JobEvent.Change] {
                let id = try await check.add()
                let held = try await check.claimOne(worker)
                let before = try await check.newestEvent()
                try await check.end(held.execution, by: worker, outcome, next)
                let changes = try await check.events(after: before).map(\.change)
                _ = try await check.control.cancel([id], reason: nil)
                return changes
            }
            let later = check.subject.now() + .seconds(3600)
            check.equal(try await told(.snoozed, .wait(until: later)), [.snoozed], "a snooze")
            check.equal(try await told(.timedOut, .wait(until: later)), [.timedOut, .retrying], "a timeout")
            check.equal(try await told(.interrupted, .giveBack), [.interrupted], "an interruption")
            check.equal(try await told(.cancelled, .cancel(reason: nil)), [.cancelled], "a cancellation")
            check.equal(try await told(.failed, .bury(reason: "max_attempts")), [.failed, .died], "a death")
            let before = try await check.newestEvent()
            let waiting = try await check.add { $0.runAt = later }
            _ = try await check.control.cancel([waiting], reason: nil)
            _ = try await check.control.retry([waiting], resettingAttempts: false)
            let running = try await check.claimOne(worker)
            _ = try await check.control.cancel([waiting], reason: nil)
            try await check.end(running.execution, by: worker, .interrupted, .giveBack)
            check.equal(
                try await check.events(after: before).map(\.change),
                [.enqueued, .cancelled, .retrying, .started, .interrupted, .cancelled], "what operators do")
        },
        Rule("a rescue is told with what became of each execution") { check in
            let worker = try await check.join()
            let culprit = try await check.add()
            let neighbour = try await check.add()
            let held = try await check.claim(worker)
            let before = try await check.newestEvent()
            try await check.subject.crashAndReopen()
            let watcher = try await check.join()
            let casualty = try check.require(try await check.jobs.casualties(seenBy: watcher).first, "a dead worker is not found")
            var request = RescueRequest(casualty, suspectThreshold: nil)
            let execution = try check.require(held.first { $0.execution.job == culprit }?.execution, "the job was not claimed")
            request.convictions = [
                Conviction(execution, error: StoredError(type: "Crash", message: ""), retryAt: check.subject.now())
            ]
            _ = try await check.jobs.rescue(request)
            let events = try await check.events(after: before)
            check.equal(events.filter { $0.job == culprit }.map(\.change), [.rescued, .crashed, .retrying], "the culprit")
            check.equal(events.filter { $0.job == neighbour }.map(\.change), [.rescued, .interrupted], "its neighbour")
        },
        Rule("the stream can be read on from any place, in pages of any size, also after a crash") { check in
            _ = try await check.add(count: 5)
            let worker = try await check.join()
            _ = try await check.claim(worker)
            _ = try await check.add(count: 3)
            let all = try await check.events()
            check.equal(all.count, 13, "the events")
            check.equal(Set(all.map(\.cursor)).count, all.count, "the cursors")
            for size in [1, 2, 7, 100] {
                check.equal(try await check.events(pageSize: size), all, "the stream in pages of \(size)")
            }
            try await check.subject.crashAndReopen()
            for event in all {
                check.equal(
                    try await check.events(after: event.cursor).count, all.count { $0.cursor > event.cursor }, "the rest behind one")
            }
            let page = try await check.eventStore.events(after: nil, limit: 10)
            check.equal(page.events, [], "events before the first are asked for")
            check.equal(page.newest, all.last?.cursor, "the newest place")
            _ = try await check.add()
            check.equal(try await check.events(after: page.newest).map(\.change), [.enqueued], "what came after it")
        },
        Rule("what was refused is not told, and a repeated enqueue is none") { check in
            let id = try await check.add { $0.key = "once" }
            let worker = try await check.join()
            let held = try await check.claimOne(worker)
            let before = try await check.newestEvent()
            let again = try await check.jobs.enqueue([RuleCheck.input { $0.key = "once" }])
            check.equal(again, [.existing(id)], "the repeated enqueue")
            let other = try await check.join()
            let reply = try await check.beat(other, [check.report(held.execution, .completed, .complete)])
            check.equal(reply.results, [.leaseLost], "a report by another worker")
            check.equal(try await check.events(after: before), [], "what was told of it")
        },
    ]
}

extension RuleCheck {
    var eventStore: any EventStore {
        get throws { try require(subject.store.events, "the store keeps no events") }
    }

    /// The place behind the newest event.
    func newestEvent() async throws -> EventCursor { try await eventStore.events(after: nil, limit: 1).newest }

    /// All events behind `cursor`, page after page.
    func events(after cursor: EventCursor? = nil, pageSize: Int = 100) async throws -> [JobEvent] {
        var cursor = cursor ?? EventCursor(rawValue: 0)
        var found: [JobEvent] = []
        while true {
            let page = try await eventStore.events(after: cursor, limit: pageSize)
            try page.check(cursor)
            expect(page.events.count <= pageSize, "a page of \(pageSize) has \(page.events.count) events")
            guard let last = page.events.last else { return found }
            found += page.events
            cursor = last.cursor
        }
    }
}
