// An operator's hand: cancel, retry, prune.

import Errand
import ErrandContext
import ErrandSQLite
import Testing

@Suite struct ControlTests {
    @Test func `cancelling ends what has not started and asks for the end of what runs`() async throws {
        let store = try TestStore()
        let running = try await store.enqueue()
        let worker = try await store.join()
        let job = try #require(try await store.claim(worker).first)
        let waiting = try await store.enqueue()
        let delayed = try await store.enqueue { $0.runAt = store.clock.now() + .seconds(60) }
        let unknown = JobID(rawValue: 1)
        let results = try await store.control.cancel([running, waiting, delayed, unknown, waiting], reason: "enough")
        #expect(results == [.requested(job.execution), .cancelled, .cancelled, .notFound, .finished(.cancelled)])
        #expect(try await store.inspection.states(of: [running, waiting, delayed]) == [.running, .cancelled, .cancelled])
        for _ in 0..<2 {
            let reply = try await store.exchange(worker)
            #expect(reply.cancellations == [.init(execution: job.execution, reason: "enough")])
            #expect(reply.claimed == [])
        }
        let detail = try #require(try await store.inspection.job(running))
        #expect(detail.cancelRequestedAt == store.clock.now())
        _ = try await store.report(worker, job, .cancelled, .cancel(reason: "enough"))
        #expect(try await store.exchange(worker).cancellations == [])
        let summary = try #require(try await store.inspection.job(running)?.summary)
        #expect(summary.state == .cancelled)
        #expect(summary.reason == "enough")
    }

    @Test func `a dead job gets one more attempt, keeps its history, and never repeats an ordinal`() async throws {
        let store = try TestStore()
        let id = try await store.enqueue { $0.maxAttempts = 1 }
        let worker = try await store.join()
        let job = try #require(try await store.claim(worker).first)
        _ = try await store.report(worker, job, .failed, .bury(reason: "max_attempts"), error: StoredError(type: "E", message: "m"))
        #expect(try await store.inspection.states(of: [id]) == [.dead])
        #expect(try await store.control.retry([id], resettingAttempts: false) == [.retried])
        let again = try #require(try await store.claim(worker).first)
        #expect(again.execution == ExecutionID(id, 2))
        #expect(again.attempt == 2)
        #expect(again.maxAttempts == 2)
        _ = try await store.report(worker, again, .completed, .complete)
        #expect(try await store.outcomes(id) == [.failed, .completed])
        #expect(try await store.inspection.stats().counts.map(\.state) == [.completed])
        #expect(try await store.control.retry([id, JobID(rawValue: 9)], resettingAttempts: false) == [.refused(.completed), .notFound])
    }

    @Test func `a retryable job runs at once, and resetting gives all attempts again`() async throws {
        let store = try TestStore()
        let id = try await store.enqueue { $0.maxAttempts = 3 }
        let worker = try await store.join()
        let job = try #require(try await store.claim(worker).first)
        _ = try await store.report(worker, job, .failed, .wait(until: store.clock.now() + .seconds(99)))
        #expect(try await store.control.retry([id], resettingAttempts: true) == [.retried])
        let again = try #require(try await store.claim(worker).first)
        #expect(again.attempt == 1)
        #expect(again.maxAttempts == 3)
        #expect(again.execution.ordinal == 2)
    }

    @Test func `retrying refuses what waits for its time or runs`() async throws {
        let store = try TestStore()
        let delayed = try await store.enqueue { $0.runAt = store.clock.now() + .seconds(60) }
        let available = try await store.enqueue()
        #expect(
            try await store.control.retry([delayed, available], resettingAttempts: false) == [.refused(.scheduled), .refused(.available)])
    }

    @Test func `pruning deletes by age and count in slices, and never gives an ID out again`() async throws {
        let store = try TestStore()
        let worker = try await store.join()
        var ids: [JobID] = []
        for _ in 0..<5 { ids.append(try await store.enqueue { $0.key = "k\(ids.count)" }) }
        for job in try await store.claim(worker) { _ = try await store.report(worker, job, .completed, .complete) }
        var policy = RetentionPolicy()
        #expect(try await store.control.prune(policy, limit: 10) == PruneReport(jobs: [], hasMore: false))
        policy.finishedJobs = 4
        #expect(try await store.control.prune(policy, limit: 10) == PruneReport(jobs: [ids[0]], hasMore: false))
        store.clock.advance(by: .seconds(86_401))
        #expect(try await store.control.prune(policy, limit: 3) == PruneReport(jobs: Array(ids[1...3]), hasMore: true))
        #expect(try await store.control.prune(policy, limit: 3) == PruneReport(jobs: [ids[4]], hasMore: false))
        #expect(try await store.inspection.jobs(matching: JobSelector(), before: nil, limit: 9).jobs == [])
        #expect(try await store.inspection.stats().counts == [])
        let reopened = try store.crashAndReopen()
        reopened.clock.advance(by: .seconds(-2 * 86_400))
        let next = try await reopened.enqueue { $0.key = "k0" }
        #expect(next > ids[4])
    }

    @Test func `a long-delayed young job does not stop the sweep`() async throws {
        let store = try TestStore()
        let worker = try await store.join()
        let delayed = try await store.enqueue { $0.runAt = store.clock.now() + .seconds(86_400) }
        let quick = try await store.enqueue()
        for job in try await store.claim(worker) { _ = try await store.report(worker, job, .completed, .complete) }
        store.clock.advance(by: .seconds(86_401))
        for job in try await store.claim(worker) { _ = try await store.report(worker, job, .completed, .complete) }
        #expect(try await store.control.prune(RetentionPolicy(), limit: 10).jobs == [quick])
        #expect(try await store.inspection.states(of: [delayed]) == [.completed])
    }
}
