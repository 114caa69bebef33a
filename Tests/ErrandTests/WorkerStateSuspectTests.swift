// Suspects run alone, and stuck executions give their slots to others: how a worker's mind sees to both.

import Errand
import ErrandContext
import Testing

struct SuspectTests {
    @Test func `an idle worker may be given a suspect, a busy one may not`() {
        var driver = StateDriver(concurrency: 3)
        #expect(driver.join().claim?.mayRunAlone == true)
        driver.reply(claimed: [claimedJob(1)])
        #expect(driver.tell(.rang(wantsAttention: false)).claim?.mayRunAlone == false)
    }

    @Test func `beside a suspect nothing is claimed, until it has ended`() {
        let suspect = claimedJob(1, isSuspect: true)
        var driver = StateDriver(concurrency: 3)
        driver.join()
        driver.reply(claimed: [suspect])
        #expect(driver.tell(.rang(wantsAttention: false)).exchanges.isEmpty)
        #expect(driver.passToWake().exchanges.first.map { $0.claim == nil } == true, "a renewal claims nothing")
        driver.reply()
        #expect(driver.finish(suspect).claim?.mayRunAlone == true)
    }

    @Test func `a worker that is never idle waits a minute for a pause, then starts nothing else, for half a minute at most`() throws {
        var driver = StateDriver(concurrency: 2)
        driver.join()
        driver.reply(claimed: [claimedJob(1)])
        let busySince = driver.now.uptime
        var lastClaim = busySince
        var firstRefusal: Duration?
        var claimedAgain: Duration?
        while claimedAgain == nil, driver.now.uptime < busySince + .seconds(300) {
            let did = driver.passToWake()
            guard let request = did.exchanges.first else { continue }
            if request.claim == nil {
                firstRefusal = firstRefusal ?? driver.now.uptime
            } else if firstRefusal == nil {
                lastClaim = driver.now.uptime
            } else {
                claimedAgain = driver.now.uptime
            }
            driver.reply(suspectsWait: request.claim != nil)
        }
        let refused = try #require(firstRefusal)
        #expect(refused - busySince >= .seconds(60))
        #expect(lastClaim < refused)
        let again = try #require(claimedAgain)
        #expect(again - lastClaim >= .seconds(30) && again - lastClaim <= .seconds(40))
    }

    @Test func `a worker that became idle while it made room asks for the suspect at once`() {
        let job = claimedJob(1)
        var driver = StateDriver(concurrency: 2)
        driver.join()
        driver.reply(claimed: [job])
        while driver.passToWake().claim != nil || driver.request == nil { driver.reply(suspectsWait: true) }
        driver.reply()
        #expect(driver.finish(job).claim?.mayRunAlone == true)
    }

    @Test func `a worker that has held back long enough is not woken again and again`() {
        var driver = StateDriver(concurrency: 2)
        driver.join()
        driver.reply(claimed: [claimedJob(1)], suspectsWait: true)
        driver.tell(.rang(wantsAttention: false))
        driver.reply(suspectsWait: true)
        driver.pass(.seconds(60))
        driver.tell(.rang(wantsAttention: false))
        driver.reply(suspectsWait: true)
        driver.pass(.seconds(30))
        // Past the renewal that is due as well.
        driver.tell(.woke)
        let did = driver.reply()
        #expect(did.wakes.allSatisfy { $0 > driver.now.uptime }, "\(did.wakes)")
        #expect(driver.tell(.woke).wakes.allSatisfy { $0 > driver.now.uptime })
    }
}

struct StuckTests {
    /// A driver whose jobs are told to stop and do not.
    private func deaf(_ jobs: [ClaimedJob], concurrency: Int, stuckLimit: Int? = nil) -> StateDriver {
        var driver = StateDriver(concurrency: concurrency, stuckLimit: stuckLimit)
        driver.join()
        driver.reply(claimed: jobs)
        for job in jobs { driver.tell(.timedOut(job.execution, after: .seconds(1))) }
        return driver
    }

    @Test func `a timeout cancels once, and what was cancelled already is not told again`() {
        let job = claimedJob(1)
        var driver = StateDriver()
        driver.join()
        driver.reply(claimed: [job])
        #expect(driver.tell(.timedOut(job.execution, after: .seconds(3))).cancelled == [job.execution: .timedOut(after: .seconds(3))])
        #expect(driver.tell(.timedOut(job.execution, after: .seconds(3))).cancelled.isEmpty)
        #expect(driver.tell(.timedOut(claimedJob(9).execution, after: .seconds(3))).cancelled.isEmpty)
    }

    @Test func `an execution that ignores its cancellation for 10 seconds is told to the store, and its slot is free`() {
        let job = claimedJob(1)
        var driver = deaf([job], concurrency: 1)
        driver.pass(.milliseconds(9999))
        #expect(driver.tell(.woke).exchanges.isEmpty)
        driver.pass(.milliseconds(1))
        let did = driver.tell(.woke)
        #expect(did.notes == [.stuck(job.execution, isSlotFree: true)])
        #expect(did.exchanges.first?.stuck == [job.execution])
        #expect(did.claim?.limit == 1)
        #expect(did.claim?.mayRunAlone == false)
        #expect(driver.reply(claimed: [claimedJob(2)]).started == [claimedJob(2).execution])
        #expect(driver.state.running == 2)
    }

    @Test func `the wake-up comes when the first will have been deaf for too long`() {
        var driver = deaf([claimedJob(1)], concurrency: 1)
        let before = driver.now.uptime
        #expect(driver.passToWake().notes.count == 1)
        #expect(driver.now.uptime - before == .seconds(10))
    }

    @Test func `a report that did not reach the store is repeated`() {
        let job = claimedJob(1)
        var driver = deaf([job], concurrency: 1)
        driver.passToWake()
        driver.fail()
        #expect(driver.passToWake().exchanges.first?.stuck == [job.execution])
        driver.reply()
        #expect(driver.tell(.rang(wantsAttention: true)).exchanges.first?.stuck == [])
    }

    @Test func `beyond the limit stuck executions are shown and keep their slots, until one of the others ends`() {
        let jobs = [claimedJob(1), claimedJob(2)]
        var driver = deaf(jobs, concurrency: 2, stuckLimit: 1)
        let did = driver.passToWake()
        #expect(did.notes == [.stuck(jobs[0].execution, isSlotFree: true), .stuck(jobs[1].execution, isSlotFree: false)])
        #expect(did.claim?.limit == 1)
        driver.reply()
        let freed = driver.finish(jobs[0])
        #expect(freed.notes == [.stuck(jobs[1].execution, isSlotFree: true)])
        #expect(freed.claim?.limit == 2)
        #expect(freed.exchanges.first?.stuck == [], "it is on record as stuck already")
    }

    @Test func `without a limit as many slots are freed as there are, and no more`() {
        let first = [claimedJob(1), claimedJob(2)]
        var driver = deaf(first, concurrency: 2)
        driver.passToWake()
        let second = [claimedJob(3), claimedJob(4)]
        driver.reply(claimed: second)
        for job in second { driver.tell(.timedOut(job.execution, after: .seconds(1))) }
        #expect(driver.passToWake().notes == second.map { .stuck($0.execution, isSlotFree: false) })
        #expect(driver.state.running == 4)
    }

    @Test func `a stuck execution that ends after all reports its outcome and leaves the count right`() {
        let job = claimedJob(1)
        var driver = deaf([job], concurrency: 1)
        driver.passToWake()
        driver.reply()
        let did = driver.finish(job)
        #expect(did.exchanges.first?.reports.map(\.execution) == [job.execution])
        #expect(did.claim?.limit == 1)
        #expect(did.claim?.mayRunAlone == true)
    }
}
