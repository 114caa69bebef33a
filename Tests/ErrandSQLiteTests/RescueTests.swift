// What becomes of a dead or silent worker's executions, and of its late reports.

import Errand
import ErrandContext
import Testing

@testable import ErrandSQLite

@Suite struct RescueTests {
    @Test func `a crashed process is a casualty at once, and its job runs again with the attempt refunded`() async throws {
        let before = try TestStore()
        let id = try await before.enqueue()
        let victim = try await before.join()
        let job = try #require(try await before.claim(victim).first)
        let store = try before.crashAndReopen()
        let worker = try await store.join()
        let casualty = try #require(try await store.jobs.casualties(seenBy: worker).first)
        #expect(casualty == Casualty(worker: victim, cause: .dead, beat: 1, executions: [job.execution]))
        #expect(try await store.jobs.rescue(casualty, suspectThreshold: 25) == [job.execution])
        let again = try #require(try await store.claim(worker).first)
        #expect(again.execution == ExecutionID(id, 2))
        #expect(again.attempt == 1)
        #expect(try await store.outcomes(id) == [.interrupted, nil])
        #expect(try await store.report(victim, job, .completed, .complete) == .leaseLost)
    }

    @Test func `a worker of another open store is seen alive by its lock`() async throws {
        let store = try TestStore()
        _ = try await store.join()
        let other = try TestStore(directory: store.directory, clock: store.clock)
        let observer = try await other.join()
        #expect(try await other.jobs.casualties(seenBy: observer) == [])
        #expect(try await store.jobs.casualties(seenBy: observer) == [])
    }

    @Test func `a worker that renews in time is never overdue, and one that does not is, by an observer in good standing`() async throws {
        let store = try TestStore()
        let silent = try await store.join()
        let observer = try await store.join()
        _ = try await store.enqueue()
        let job = try #require(try await store.claim(silent).first)
        for _ in 0..<3 {
            store.clock.advance(by: .seconds(9))
            _ = try await store.exchange(observer, limit: 0)
            #expect(try await store.jobs.casualties(seenBy: observer) == [])
        }
        store.clock.advance(by: .seconds(9))
        _ = try await store.exchange(observer, limit: 0)
        let casualty = try #require(try await store.jobs.casualties(seenBy: observer).first)
        #expect(casualty.worker == silent)
        #expect(casualty.cause == .overdue)
        #expect(try await store.jobs.rescue(casualty, suspectThreshold: 1) == [job.execution])
        let reply = try await store.exchange(silent)
        #expect(!reply.isRegistered)
        #expect(reply.claimed == [])
        #expect(try await store.outcomes(job.execution.job) == [.lost])
    }

    @Test func `an observer that was held up itself judges nobody for half a lease`() async throws {
        let store = try TestStore()
        _ = try await store.join()
        let observer = try await store.join()
        store.clock.advance(by: .seconds(40))
        #expect(try await store.jobs.casualties(seenBy: observer) == [])
        _ = try await store.exchange(observer, limit: 0)
        #expect(try await store.jobs.casualties(seenBy: observer) == [])
        store.clock.advance(by: .seconds(15))
        _ = try await store.exchange(observer, limit: 0)
        #expect(try await store.jobs.casualties(seenBy: observer).map(\.cause) == [.overdue])
    }

    @Test func `a heartbeat after the judgement undoes it`() async throws {
        let store = try TestStore()
        let suspect = try await store.join()
        try await store.enqueue()
        let job = try #require(try await store.claim(suspect).first)
        let stale = Casualty(worker: suspect, cause: .dead, beat: 0, executions: [job.execution])
        #expect(try await store.jobs.rescue(stale, suspectThreshold: nil) == [])
        #expect(try await store.report(suspect, job, .completed, .complete) == .accepted)
    }

    @Test func `executions of a worker that left are found without its row`() async throws {
        let store = try TestStore()
        let id = try await store.enqueue()
        let gone = try await store.join()
        let job = try #require(try await store.claim(gone).first)
        try await store.jobs.leave(gone)
        let observer = try await store.join()
        let casualty = try #require(try await store.jobs.casualties(seenBy: observer).first)
        #expect(casualty == Casualty(worker: gone, cause: .dead, beat: -1, executions: [job.execution]))
        #expect(try await store.jobs.rescue(casualty, suspectThreshold: nil) == [job.execution])
        #expect(try await store.inspection.states(of: [id]) == [.available])
    }

    @Test func `a suspect survives the death of every process, and its place in the line with it`() async throws {
        var store = try TestStore()
        let id = try await store.enqueue()
        for _ in 1...2 {
            let victim = try await store.join()
            _ = try #require(try await store.claim(victim).first)
            store = try store.crashAndReopen()
            let observer = try await store.join()
            for casualty in try await store.jobs.casualties(seenBy: observer) {
                _ = try await store.jobs.rescue(casualty, suspectThreshold: 2)
            }
        }
        store = try store.crashAndReopen()
        let worker = try await store.join()
        #expect(try await store.claim(worker) == [])
        let summary = try #require(try await store.inspection.job(id)?.summary)
        #expect(summary.isSuspect)
        #expect(summary.state == .available)
        #expect(try await store.inspection.stats().counts.map(\.jobs) == [1])
    }

    @Test func `after a reboot everything held is interrupted, and the next token is higher than any that may have been lost`() async throws
    {
        let before = try TestStore(boot: "one")
        let id = try await before.enqueue()
        let victim = try await before.join()
        let job = try #require(try await before.claim(victim).first)
        #expect(job.execution.ordinal == 1)
        let store = try before.crashAndReopen(boot: "two")
        let worker = try await store.join()
        for casualty in try await store.jobs.casualties(seenBy: worker) {
            #expect(casualty.cause == .dead)
            _ = try await store.jobs.rescue(casualty, suspectThreshold: nil)
        }
        let again = try #require(try await store.claim(worker).first)
        #expect(again.execution.job == id)
        #expect(again.execution.ordinal > job.execution.ordinal)
    }

    @Test func `a claim that a power cut took back does not give its token out again`() async throws {
        // What the file looks like after such a cut: the job is available as before its claim, in another boot.
        let before = try TestStore(boot: "one")
        let id = try await before.enqueue()
        let store = try before.crashAndReopen(boot: "two")
        let worker = try await store.join()
        let job = try #require(try await store.claim(worker).first)
        #expect(job.execution == ExecutionID(id, 2), "ordinal 1 may have been at work when the power went")
    }

    @Test func `a worker in another time namespace is overdue when its beat has stood still for a lease`() async throws {
        let store = try TestStore()
        let foreign = try await store.join()
        let observer = try await store.join()
        try await store.sqlite.core.queue.perform(.normal) { (database) throws(JobStoreError) in
            // Its lease, by a boot clock that means nothing here, would have ended long ago.
            try database.connection.execute("UPDATE errand_worker SET time_ns = 1, lease_until = 5 WHERE id = \(foreign.rawValue)")
            return ((), [])
        }
        #expect(try await store.jobs.casualties(seenBy: observer) == [])
        for expected in [[], [], [], [.overdue]] as [[Casualty.Cause]] {
            store.clock.advance(by: .seconds(9))
            _ = try await store.exchange(observer, limit: 0)
            #expect(try await store.jobs.casualties(seenBy: observer).map(\.cause) == expected)
        }
    }
}
