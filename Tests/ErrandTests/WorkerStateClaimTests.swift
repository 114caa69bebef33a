// What a worker asks for, when, and how seldom: claims, caps, turns, renewals, wake-ups.

import Errand
import ErrandContext
import Testing

struct WorkerStateClaimTests {
    @Test func `a worker joins, then asks for as many jobs as it has slots`() {
        var driver = StateDriver(concurrency: 3)
        #expect(driver.tell(.rang(wantsAttention: false)).actions == [.join])
        let did = driver.tell(.joined(WorkerID(rawValue: 7)))
        #expect(did.exchanges.map(\.worker) == [WorkerID(rawValue: 7)])
        #expect(
            did.claim == ClaimRequest(limit: 3, queues: [.init(queue: "a", limit: 3)], kinds: ["k"], mayRunAlone: true, order: .weighted))
    }

    @Test func `rings while it joins do not make it join twice`() {
        var driver = StateDriver()
        driver.tell(.rang(wantsAttention: false))
        #expect(driver.tell(.rang(wantsAttention: true)).joins == 0)
        #expect(driver.tell(.woke).joins == 0)
    }

    @Test func `each queue gives no more than its own cap, and all together no more than the slots`() {
        var driver = StateDriver(
            concurrency: 5, queues: [.init(queue: "a", limit: 2), .init(queue: "b", limit: 4), .init(queue: "c", limit: 9)])
        let first = driver.join().claim
        #expect(first?.limit == 5)
        #expect(Set(first?.queues ?? []) == [.init(queue: "a", limit: 2), .init(queue: "b", limit: 4), .init(queue: "c", limit: 5)])
        driver.reply(claimed: [claimedJob(1, queue: "a"), claimedJob(2, queue: "a"), claimedJob(3, queue: "b")])
        let second = driver.tell(.rang(wantsAttention: false)).claim
        #expect(second?.limit == 2)
        #expect(Set(second?.queues ?? []) == [.init(queue: "b", limit: 2), .init(queue: "c", limit: 2)])
    }

    @Test func `every claim names the queues in their order, and whose turn it is among them is by weight unless it is told otherwise`() {
        var driver = StateDriver(concurrency: 1, queues: [.init(queue: "a", limit: 1), .init(queue: "b", limit: 1)])
        var did = driver.join()
        for number in Int64(1)...3 {
            #expect(did.claim?.queues.map(\.queue) == ["a", "b"])
            #expect(did.claim?.order == .weighted)
            let job = claimedJob(number, queue: "a")
            driver.reply(claimed: [job])
            did = driver.finish(job)
        }
    }

    @Test func `queues of equal weight take turns, and a heavier one gets its part more`() {
        func served(_ weights: [(String, Int64)], _ count: Int) -> String {
            var passes = QueuePasses()
            return (0..<count).map { _ in
                let next = weights.min { passes.time(of: $0.0) < passes.time(of: $1.0) } ?? weights[0]
                passes.take(next.0, weight: next.1)
                return next.0
            }.joined()
        }
        #expect(served([("a", 1), ("b", 1), ("c", 1)], 6) == "abcabc")
        #expect(served([("a", 3), ("b", 1)], 400).filter { $0 == "a" }.count == 300)
    }

    @Test func `a queue that had nothing for long is owed nothing for that`() {
        var passes = QueuePasses()
        for _ in 0..<100 { passes.take("a", weight: 1) }
        passes.take("b", weight: 1)
        #expect(passes.time(of: "a") - passes.time(of: "b") <= QueuePasses.stride)
    }

    @Test func `spare slots are asked for with every claim`() {
        var state = WorkerState(
            settings: .init(
                concurrency: 3, queues: [.init(queue: "a", limit: 3)], kinds: ["k"], order: .strict, spare: SpareSlots(2, priority: -5)))
        let now = WorkerState.Moment(uptime: .seconds(1), wall: Timestamp(microseconds: 1_000_000))
        _ = state.handle(.rang(wantsAttention: false), at: now)
        let actions = state.handle(.joined(WorkerID(rawValue: 1)), at: now)
        let claims = actions.compactMap { if case .exchange(let request) = $0 { request.claim } else { nil } }
        #expect(claims.map(\.spare) == [SpareSlots(2, priority: -5)] && claims.map(\.order) == [.strict])
    }

    @Test func `a full worker claims nothing, and the end of one execution is reported and replaced in one exchange`() {
        var driver = StateDriver(concurrency: 1)
        driver.join()
        let job = claimedJob(1)
        #expect(driver.reply(claimed: [job]).started == [job.execution])
        #expect(driver.tell(.rang(wantsAttention: false)).exchanges.isEmpty)
        let did = driver.finish(job)
        #expect(did.exchanges.map(\.reports) == [[driver.report(of: job)]])
        #expect(did.claim?.limit == 1)
    }

    @Test func `what ends during an exchange goes into the next one, in order`() {
        var driver = StateDriver(concurrency: 3)
        driver.join()
        let jobs = (Int64(1)...3).map { claimedJob($0) }
        driver.reply(claimed: jobs)
        #expect(driver.finish(jobs[1]).exchanges.count == 1)
        #expect(driver.finish(jobs[0]).exchanges.isEmpty)
        #expect(driver.finish(jobs[2]).exchanges.isEmpty)
        let did = driver.reply()
        #expect(did.exchanges.first?.reports.map(\.execution) == [jobs[0].execution, jobs[2].execution])
    }

    @Test func `an idle worker exchanges nothing, whatever wakes it, until its lease is due`() {
        var driver = StateDriver()
        driver.join()
        driver.reply()
        for _ in 0..<9 {
            driver.pass(.seconds(1))
            #expect(driver.tell(.woke).exchanges.isEmpty)
        }
        driver.pass(.seconds(1))
        #expect(driver.tell(.woke).exchanges.count == 1)
    }

    @Test(arguments: [Duration.seconds(1), .seconds(30), .seconds(300)])
    func `the lease is renewed after a third of it, idle or full`(lease: Duration) {
        var driver = StateDriver(concurrency: 1, lease: lease)
        driver.join()
        driver.reply(claimed: [claimedJob(1)])
        for _ in 0..<5 {
            let before = driver.now.uptime
            let did = driver.passToWake()
            #expect(driver.now.uptime - before == lease / 3)
            #expect(did.exchanges.count == 1)
            #expect(did.claim == nil)
            driver.reply()
        }
    }

    @Test func `a wake-up is asked for only when it is earlier than the one that is coming`() {
        var driver = StateDriver(concurrency: 2)
        driver.join()
        #expect(driver.reply(nextWake: driver.now.wall + .seconds(5)).wakes == [driver.now.uptime + .seconds(5)])
        driver.tell(.rang(wantsAttention: false))
        #expect(driver.reply(nextWake: driver.now.wall + .seconds(8)).wakes == [])
        driver.tell(.rang(wantsAttention: false))
        #expect(driver.reply(nextWake: driver.now.wall + .seconds(3)).wakes == [driver.now.uptime + .seconds(3)])
    }

    @Test func `a job that becomes due is looked for at its time, and not before`() {
        var driver = StateDriver()
        driver.join()
        driver.reply(nextWake: driver.now.wall + .seconds(5))
        driver.pass(.milliseconds(4999))
        #expect(driver.tell(.woke).exchanges.isEmpty)
        driver.pass(.milliseconds(1))
        #expect(driver.passToWake().claim?.limit == 2)
    }

    @Test func `the wall clock jumping back does not make it look in circles`() {
        var driver = StateDriver()
        driver.join()
        driver.reply(nextWake: driver.now.wall + .seconds(5))
        driver.now.wall = driver.now.wall + .seconds(-3600)
        driver.now.uptime += .seconds(5)
        let did = driver.tell(.woke)
        #expect(did.exchanges.isEmpty)
        #expect(did.wakes.allSatisfy { $0 > driver.now.uptime })
    }

    @Test func `a store that is slow to answer is waited for, not asked about in circles`() {
        var driver = StateDriver(concurrency: 1, lease: .seconds(1))
        driver.join()
        driver.reply(claimed: [claimedJob(1)])
        driver.passToWake()
        #expect(driver.request != nil)
        driver.pass(.seconds(5))
        #expect(driver.tell(.woke).actions.isEmpty)
        #expect(driver.tell(.rang(wantsAttention: false)).actions.isEmpty)
        #expect(driver.reply().wakes.allSatisfy { $0 > driver.now.uptime })
    }

    @Test func `a slow join after a failed one is waited for as well`() {
        var driver = StateDriver()
        driver.tell(.rang(wantsAttention: false))
        let failed = driver.tell(.joinFailed(.unavailable(reason: "test")))
        #expect(failed.joins == 0)
        #expect(driver.passToWake().joins == 1)
        driver.pass(.seconds(5))
        #expect(driver.tell(.woke).actions.isEmpty)
        #expect(driver.tell(.joined(WorkerID(rawValue: 1))).claim != nil)
    }

    @Test(arguments: [(WorkerState.outboxLimit - 1, true), (WorkerState.outboxLimit, false)])
    func `1000 unwritten outcomes stop claims`(outcomes: Int, claims: Bool) {
        var driver = StateDriver(concurrency: 1001, queues: [.init(queue: "a", limit: 1001)])
        driver.join()
        let jobs = (Int64(1)...Int64(outcomes)).map { claimedJob($0) }
        driver.reply(claimed: jobs)
        driver.tell(.rang(wantsAttention: false))
        for job in jobs { driver.finish(job) }
        let next = driver.fail().exchanges + driver.passToWake().exchanges
        #expect(next.map(\.reports.count) == [outcomes])
        #expect(next.map { $0.claim != nil } == [claims])
    }

    @Test func `too many unwritten outcomes stop claims, and go in pieces`() {
        var driver = StateDriver(concurrency: 1200, queues: [.init(queue: "a", limit: 1200)])
        driver.join()
        let jobs = (Int64(1)...1200).map { claimedJob($0) }
        driver.reply(claimed: jobs)
        driver.finish(jobs[0])
        for job in jobs.dropFirst() { driver.finish(job) }
        let next = driver.fail().exchanges + driver.passToWake().exchanges
        #expect(next.map(\.reports.count) == [WorkerState.outboxLimit])
        #expect(next.first?.claim == nil)
        let rest = driver.reply()
        #expect(rest.exchanges.map(\.reports.count) == [200])
        #expect(rest.claim != nil)
    }

    // MARK: Once, until empty

    @Test func `once takes its one job, whatever slots would be spare`() {
        var state = WorkerState(
            settings: .init(
                concurrency: 3, queues: [.init(queue: "a", limit: 3)], kinds: ["k"], until: .once, spare: SpareSlots(1, priority: -5)))
        let now = WorkerState.Moment(uptime: .seconds(1), wall: Timestamp(microseconds: 1_000_000))
        _ = state.handle(.rang(wantsAttention: false), at: now)
        let actions = state.handle(.joined(WorkerID(rawValue: 1)), at: now)
        let claims = actions.compactMap { if case .exchange(let request) = $0 { request.claim } else { nil } }
        #expect(claims.map(\.limit) == [1] && claims.map(\.spare) == [nil])
    }

    @Test func `once claims one job, and ends when it is written`() {
        var driver = StateDriver(concurrency: 9, until: .once)
        #expect(driver.join().claim?.limit == 1)
        let job = claimedJob(1)
        driver.reply(claimed: [job])
        #expect(driver.tell(.rang(wantsAttention: false)).exchanges.isEmpty)
        let did = driver.finish(job)
        #expect(did.end == nil)
        #expect(did.claim == nil)
        #expect(driver.reply().end == .drained)
    }

    @Test func `once ends when there is nothing, whatever becomes due later`() {
        var driver = StateDriver(until: .once)
        driver.join()
        #expect(driver.reply(nextWake: driver.now.wall + .seconds(1)).end == .drained)
    }

    @Test func `once heeds a shutdown while its job runs`() {
        var driver = StateDriver(until: .once, grace: .seconds(20))
        driver.join()
        let job = claimedJob(1)
        driver.reply(claimed: [job])
        driver.tell(.drainRequested)
        driver.pass(.seconds(20))
        #expect(driver.tell(.woke).cancelled == [job.execution: .shutdown])
    }

    @Test func `until empty waits for what becomes due within its time, and not for what comes later`() {
        var driver = StateDriver(until: .empty(idleTimeout: .seconds(10)))
        driver.join()
        #expect(driver.reply(nextWake: driver.now.wall + .seconds(10)).end == nil)
        driver.passToWake()
        let job = claimedJob(1)
        driver.reply(claimed: [job])
        driver.finish(job)
        #expect(driver.reply(nextWake: driver.now.wall + .milliseconds(10_001)).end == .drained)
    }

    @Test func `until empty does not end while something runs or waits to be written`() {
        var driver = StateDriver(concurrency: 1, until: .empty(idleTimeout: .zero))
        driver.join()
        let job = claimedJob(1)
        driver.reply(claimed: [job])
        driver.passToWake()
        #expect(driver.reply().end == nil)
        #expect(driver.finish(job).end == nil)
        #expect(driver.fail().end == nil)
        driver.passToWake()
        #expect(driver.reply().end == .drained)
    }

    @Test func `until empty looks again when it was rung during its last look`() {
        var driver = StateDriver(until: .empty(idleTimeout: .zero))
        driver.join()
        driver.tell(.rang(wantsAttention: false))
        let did = driver.reply()
        #expect(did.end == nil)
        #expect(did.claim != nil)
        #expect(driver.reply().end == .drained)
    }

    @Test func `until empty looks again after a rescue, which made its jobs available`() {
        var driver = StateDriver(concurrency: 2, until: .empty(idleTimeout: .zero))
        driver.join()
        let job = claimedJob(1)
        driver.reply(claimed: [job])
        driver.tell(.rang(wantsAttention: false))
        driver.reply()
        driver.pass(.seconds(60))
        driver.tell(.woke)
        #expect(driver.reply(isRegistered: false).cancelled == [job.execution: .leaseLost])
        #expect(driver.finish(job).end == nil)
        let did = driver.tell(.joined(WorkerID(rawValue: 2)))
        #expect(did.end == nil)
        #expect(did.claim != nil)
    }
}
