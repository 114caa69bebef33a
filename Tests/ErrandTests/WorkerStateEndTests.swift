// How a worker meets trouble and leaves: failures of the store, lost leases, cancellations, drains.

import Errand
import ErrandContext
import Testing

struct WorkerStateEndTests {
    /// A driver with `jobs` running.
    private func running(
        _ jobs: [ClaimedJob], concurrency: Int = 2, until: Worker.Until = .stopped, grace: Duration = .seconds(20)
    ) -> StateDriver {
        var driver = StateDriver(concurrency: concurrency, until: until, grace: grace)
        driver.join()
        driver.reply(claimed: jobs)
        return driver
    }

    // MARK: Failures

    @Test func `a failed exchange keeps its reports, before newer ones, and repeats with growing pauses up to 2 seconds`() {
        let jobs = [claimedJob(1), claimedJob(2)]
        var driver = running(jobs)
        driver.finish(jobs[0])
        driver.finish(jobs[1])
        var pauses: [Duration] = []
        for attempt in 1...9 {
            let failed = driver.fail()
            #expect(failed.exchanges.isEmpty)
            #expect(failed.notes == [.storeFailed(.unavailable(reason: "test"), consecutive: attempt, unwritten: 2)])
            let before = driver.now.uptime
            let did = driver.passToWake()
            pauses.append(driver.now.uptime - before)
            #expect(did.exchanges.first?.reports.map(\.execution) == jobs.map(\.execution))
        }
        #expect(pauses == [50, 100, 200, 400, 800, 1600, 2000, 2000, 2000].map { Duration.milliseconds($0) })
        let did = driver.reply()
        #expect(did.notes == [.storeRecovered])
        #expect(driver.fail().exchanges.isEmpty)
    }

    @Test func `what happens during the pause does not shorten it`() {
        let jobs = [claimedJob(1), claimedJob(2)]
        var driver = running(jobs)
        driver.finish(jobs[0])
        driver.fail()
        driver.pass(.milliseconds(10))
        #expect(driver.finish(jobs[1]).exchanges.isEmpty)
        #expect(driver.tell(.rang(wantsAttention: true)).exchanges.isEmpty)
        driver.pass(.milliseconds(40))
        #expect(driver.tell(.woke).exchanges.first?.reports.count == 2)
    }

    @Test func `a claim that failed is made again`() {
        var driver = StateDriver()
        driver.join()
        driver.fail()
        #expect(driver.passToWake().claim?.limit == 2)
    }

    @Test func `a look at wishes that failed is repeated after the pause`() {
        let job = claimedJob(1)
        var driver = running([job], concurrency: 1)
        #expect(driver.tell(.rang(wantsAttention: true)).exchanges.count == 1)
        driver.fail()
        #expect(driver.passToWake().exchanges.count == 1)
        #expect(driver.reply(cancellations: [.init(execution: job.execution, reason: "x")]).cancelled.count == 1)
    }

    @Test func `a pause that ends with nothing to do does not become a circle`() {
        let job = claimedJob(1)
        var driver = running([job], concurrency: 2)
        driver.tell(.rang(wantsAttention: false))
        driver.fail()
        driver.tell(.drainRequested)
        for _ in 0..<5 {
            let did = driver.passToWake()
            #expect(did.wakes.allSatisfy { $0 > driver.now.uptime }, "woken in circles at \(driver.now.uptime)")
            if driver.request != nil { driver.reply() }
        }
    }

    @Test func `a refused report is told and not repeated`() {
        let job = claimedJob(1)
        var driver = running([job])
        driver.finish(job)
        #expect(driver.reply(results: [.leaseLost]).notes == [.leaseLost(job.execution)])
        #expect(driver.tell(.rang(wantsAttention: false)).exchanges.first?.reports == [])
    }

    // MARK: Lost leases and wishes

    @Test func `a rescued worker cancels what it holds, reports none of it, and joins anew`() {
        let jobs = [claimedJob(1), claimedJob(2), claimedJob(3)]
        var driver = running(jobs, concurrency: 3)
        driver.finish(jobs[2])
        let did = driver.reply(results: [.leaseLost], isRegistered: false)
        #expect(did.cancelled == [jobs[0].execution: .leaseLost, jobs[1].execution: .leaseLost])
        #expect(did.notes == [.leaseLost(jobs[2].execution), .rescued(held: 2)])
        #expect(did.joins == 1)
        #expect(driver.finish(jobs[0]).notes == [.leaseLost(jobs[0].execution)])
        let joined = driver.tell(.joined(WorkerID(rawValue: 2)))
        #expect(joined.exchanges.map(\.worker) == [WorkerID(rawValue: 2)])
        #expect(joined.exchanges.first?.reports == [])
        // The slot of the handler that still runs is not given away.
        #expect(joined.claim?.limit == 2)
    }

    @Test func `what ended before the rescue was noticed is offered under the new registration`() {
        let jobs = [claimedJob(1), claimedJob(2)]
        var driver = running(jobs)
        driver.finish(jobs[0])
        driver.finish(jobs[1])
        driver.reply(results: [.leaseLost], isRegistered: false)
        let joined = driver.tell(.joined(WorkerID(rawValue: 2)))
        #expect(joined.exchanges.first?.reports.map(\.execution) == [jobs[1].execution])
    }

    @Test func `a wish to cancel is delivered once, however often the store repeats it`() {
        let job = claimedJob(1)
        var driver = running([job])
        driver.tell(.rang(wantsAttention: true))
        let wish = ExchangeReply.Cancellation(execution: job.execution, reason: "enough")
        #expect(driver.reply(cancellations: [wish]).cancelled == [job.execution: .requested(reason: "enough")])
        for _ in 0..<3 {
            driver.tell(.rang(wantsAttention: true))
            #expect(driver.reply(cancellations: [wish]).cancelled.isEmpty)
        }
    }

    @Test func `a wish about somebody else's execution does nothing`() {
        let job = claimedJob(1)
        var driver = running([job])
        driver.tell(.rang(wantsAttention: true))
        let strangers = [ExecutionID(job.execution.job, 2), ExecutionID(JobID(rawValue: 9), 1)]
        #expect(driver.reply(cancellations: strangers.map { .init(execution: $0, reason: nil) }).cancelled.isEmpty)
    }

    @Test func `a job that is claimed and unwanted in one step is started and cancelled`() {
        var driver = StateDriver()
        driver.join()
        let job = claimedJob(1)
        let did = driver.reply(claimed: [job], cancellations: [.init(execution: job.execution, reason: nil)])
        #expect(did.actions.prefix(2) == [.start(job), .cancel(job.execution, .requested(reason: nil))])
    }

    @Test func `an end that is told twice is reported once`() {
        let job = claimedJob(1)
        var driver = running([job])
        driver.finish(job)
        driver.finish(job)
        driver.reply()
        #expect(driver.tell(.rang(wantsAttention: false)).exchanges.first?.reports == [])
    }

    // MARK: Leaving

    @Test func `an idle worker drains at once`() {
        var driver = running([])
        #expect(driver.tell(.drainRequested).end == .drained)
        #expect(driver.tell(.rang(wantsAttention: true)).actions.isEmpty)
    }

    @Test func `a worker that drains before it has joined leaves when the join is over`() {
        var driver = StateDriver()
        driver.tell(.rang(wantsAttention: false))
        #expect(driver.tell(.drainRequested).end == nil)
        #expect(driver.tell(.joined(WorkerID(rawValue: 1))).end == .drained)
    }

    @Test func `a store that never answers a join does not hold a shutdown for ever`() {
        var driver = StateDriver(grace: .seconds(20))
        driver.tell(.rang(wantsAttention: false))
        driver.tell(.drainRequested)
        var wakes = 0
        while driver.end == nil, wakes < 10 {
            driver.passToWake()
            wakes += 1
        }
        #expect(driver.end == .drained)
        #expect(driver.now.uptime <= .seconds(1000 + 20) + WorkerState.cancelGrace * 2)
    }

    @Test func `a drain claims nothing more, waits for what runs, writes it, and ends`() {
        let jobs = [claimedJob(1), claimedJob(2)]
        var driver = running(jobs, concurrency: 5)
        #expect(driver.tell(.drainRequested).notes == [.draining(running: 2)])
        #expect(driver.tell(.rang(wantsAttention: false)).exchanges.isEmpty)
        let first = driver.finish(jobs[0])
        #expect(first.exchanges.first?.claim == nil)
        #expect(driver.reply().end == nil)
        driver.finish(jobs[1])
        #expect(driver.reply().end == .drained)
    }

    @Test func `a claim that arrives during a drain is given back unstarted, and the drain waits until that is written`() {
        var driver = StateDriver()
        driver.join()
        driver.tell(.drainRequested)
        let job = claimedJob(1)
        let did = driver.reply(claimed: [job])
        #expect(did.started.isEmpty)
        #expect(did.end == nil)
        #expect(
            did.exchanges.first?.reports == [
                ExecutionReport(execution: job.execution, outcome: .interrupted, next: .giveBack, finishedAt: driver.now.wall)
            ])
        #expect(driver.reply().end == .drained)
    }

    @Test func `leases are renewed during a drain`() {
        var driver = running([claimedJob(1)], grace: .seconds(1000))
        driver.tell(.drainRequested)
        driver.pass(.seconds(10))
        #expect(driver.tell(.woke).exchanges.count == 1)
    }

    @Test func `past the grace period what runs is cancelled, once`() {
        let job = claimedJob(1)
        var driver = running([job])
        driver.tell(.drainRequested)
        driver.pass(.milliseconds(19_999))
        #expect(driver.tell(.woke).cancelled.isEmpty)
        driver.reply()
        driver.pass(.milliseconds(1))
        #expect(driver.tell(.woke).cancelled == [job.execution: .shutdown])
        #expect(driver.tell(.cancelRequested).cancelled.isEmpty)
        #expect(driver.tell(.drainRequested).cancelled.isEmpty)
        driver.finish(job)
        #expect(driver.reply().end == .drained)
    }

    @Test func `a cancellation does not wait`() {
        let jobs = [claimedJob(1), claimedJob(2)]
        var driver = running(jobs)
        #expect(driver.tell(.cancelRequested).cancelled == [jobs[0].execution: .shutdown, jobs[1].execution: .shutdown])
    }

    @Test func `handlers that ignore their cancellation are left behind, their jobs given back, and a late end is not reported`() {
        let jobs = [claimedJob(1), claimedJob(2)]
        var driver = running(jobs)
        driver.tell(.cancelRequested)
        driver.finish(jobs[0])
        driver.reply()
        driver.pass(WorkerState.cancelGrace)
        let did = driver.tell(.woke)
        #expect(did.notes == [.abandoned(jobs[1].execution)])
        #expect(did.exchanges.first?.reports.map(\.execution) == [jobs[1].execution])
        #expect(did.exchanges.first?.reports.map(\.next) == [.giveBack])
        #expect(driver.finish(jobs[1]).exchanges.isEmpty)
        #expect(driver.reply().end == .drained)
    }

    @Test func `a store that stays away does not hold the worker: it leaves and says how many outcomes are unwritten`() {
        let jobs = [claimedJob(1), claimedJob(2)]
        var driver = running(jobs)
        driver.finish(jobs[0])
        driver.finish(jobs[1])
        driver.fail()
        driver.tell(.cancelRequested)
        var wakes = 0
        while driver.end == nil, wakes < 100 {
            driver.passToWake()
            if driver.request != nil { driver.fail() }
            wakes += 1
        }
        #expect(driver.end == .outcomesUnwritten(2))
        #expect(driver.now.uptime < .seconds(1000) + WorkerState.cancelGrace * 2)
    }

    @Test func `a store that never answers does not hold it either`() {
        let job = claimedJob(1)
        var driver = running([job])
        driver.finish(job)
        driver.tell(.cancelRequested)
        var wakes = 0
        while driver.end == nil, wakes < 100 {
            driver.passToWake()
            wakes += 1
        }
        #expect(driver.end == .outcomesUnwritten(1))
        #expect(driver.now.uptime == .seconds(1000) + WorkerState.cancelGrace * 2)
        #expect(wakes < 5)
    }

    @Test func `a store that comes back during a shutdown gets everything`() {
        let job = claimedJob(1)
        var driver = running([job])
        driver.finish(job)
        driver.fail()
        driver.tell(.drainRequested)
        driver.passToWake()
        #expect(driver.request?.reports.count == 1)
        #expect(driver.reply().end == .drained)
    }

    @Test func `a lost lease is not given back when its handler is left behind`() {
        let job = claimedJob(1)
        var driver = running([job])
        driver.tell(.rang(wantsAttention: true))
        driver.reply(isRegistered: false)
        driver.tell(.joined(WorkerID(rawValue: 2)))
        driver.reply()
        driver.tell(.cancelRequested)
        driver.pass(WorkerState.cancelGrace)
        let did = driver.tell(.woke)
        #expect(did.notes == [.abandoned(job.execution)])
        #expect(did.exchanges.isEmpty)
        #expect(did.end == .drained)
    }

    @Test func `after a step that failed the worker names what it holds, and no longer once a step has succeeded`() {
        let jobs = [claimedJob(1), claimedJob(2)]
        var driver = running(jobs)
        driver.finish(jobs[0])
        driver.fail()
        driver.passToWake()
        #expect(driver.request?.held == [jobs[1].execution])
        #expect(driver.request?.reports.map(\.execution) == [jobs[0].execution])
        driver.reply()
        driver.finish(jobs[1])
        #expect(driver.request?.held == nil)
    }

    @Test func `a shutdown asks once more after a claim that failed, and does not wait for ever`() {
        var driver = StateDriver()
        driver.join()
        #expect(driver.request?.claim != nil)
        driver.fail()
        #expect(driver.tell(.drainRequested).end == nil)
        driver.passToWake()
        #expect(driver.request?.held == [] && driver.request?.claim == nil)
        var other = driver
        #expect(driver.reply().end == .drained)
        var wakes = 0
        while other.end == nil, wakes < 200 {
            if other.request != nil { other.fail() }
            other.passToWake()
            wakes += 1
        }
        #expect(other.end == .drained)
        #expect(other.now.uptime <= .seconds(1000) + .seconds(21) + WorkerState.cancelGrace * 2)
    }

    @Test func `on a damaged store nothing more is claimed; what runs ends, is reported, and the worker leaves saying so`() {
        let job = claimedJob(1)
        let damage = JobStoreError.damaged(reason: "malformed")
        var driver = running([job])
        driver.tell(.rang(wantsAttention: true))
        let did = driver.tell(.exchangeFailed(damage))
        #expect(did.notes.contains(.storeDamaged(damage)))
        driver.passToWake()
        #expect(driver.request != nil && driver.request?.claim == nil)
        driver.reply()
        #expect(driver.end == nil, "the handler still runs")
        driver.finish(job)
        #expect(driver.request?.reports.count == 1)
        #expect(driver.reply().end == .storeDamaged(damage))
    }

    @Test func `a damaged store that takes no outcomes either does not hold the worker`() {
        let job = claimedJob(1)
        let damage = JobStoreError.damaged(reason: "malformed")
        var driver = running([job])
        driver.finish(job)
        driver.tell(.exchangeFailed(damage))
        var wakes = 0
        while driver.end == nil, wakes < 100 {
            driver.passToWake()
            if driver.request != nil { driver.tell(.exchangeFailed(damage)) }
            wakes += 1
        }
        #expect(driver.end == .outcomesUnwritten(1))
    }

    @Test func `a worker that cannot even join a damaged store leaves at once`() {
        var driver = StateDriver()
        driver.tell(.rang(wantsAttention: false))
        let damage = JobStoreError.damaged(reason: "malformed")
        #expect(driver.tell(.joinFailed(damage)).end == .storeDamaged(damage))
    }
}
