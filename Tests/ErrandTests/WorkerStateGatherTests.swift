// Outcomes that are about to come share a commit with those that are there, and never wait for long.

import Errand
import ErrandContext
import Testing

struct WorkerStateGatherTests {
    /// A worker with these jobs, which an exchange of 8 milliseconds has brought.
    private func driver(_ jobs: [ClaimedJob]) -> StateDriver {
        var driver = StateDriver(concurrency: max(2, jobs.count))
        driver.join()
        driver.pass(.milliseconds(8))
        driver.reply(claimed: jobs)
        return driver
    }

    private let jobs = (1...4).map { claimedJob($0) }

    @Test func `an outcome waits for the others that began with it, and all go together`() {
        var driver = driver(jobs)
        for job in jobs.dropLast() { #expect(driver.finish(job).exchanges.isEmpty) }
        #expect(driver.finish(jobs[3]).exchanges.map(\.reports.count) == [4])
    }

    @Test func `it waits for half of the time that the last exchange took, and is waked for that`() {
        var driver = driver(jobs)
        let answered = driver.now.uptime
        #expect(driver.finish(jobs[0]).exchanges.isEmpty)
        #expect(driver.wakeAt == answered + .milliseconds(4))
        driver.pass(.milliseconds(1))
        #expect(driver.finish(jobs[1]).exchanges.isEmpty)
        #expect(driver.passToWake().exchanges.map(\.reports.count) == [2])
        #expect(driver.now.uptime == answered + .milliseconds(4))
    }

    @Test func `after a slow exchange it waits for five milliseconds and no longer`() {
        var driver = StateDriver(concurrency: 4)
        driver.join()
        driver.pass(.seconds(3))
        driver.reply(claimed: jobs)
        driver.finish(jobs[0])
        let before = driver.now.uptime
        #expect(driver.passToWake().exchanges.map(\.reports.count) == [1])
        #expect(driver.now.uptime == before + .milliseconds(5))
    }

    @Test func `what began earlier is not waited for`() {
        var driver = driver(Array(jobs.prefix(2)))
        driver.finish(jobs[0])
        driver.passToWake()
        driver.pass(.milliseconds(8))
        driver.reply(claimed: [jobs[2]])
        // The second job runs on; of what the last exchange brought nothing does.
        #expect(driver.finish(jobs[2]).exchanges.map(\.reports.count) == [1])
    }

    @Test func `enough outcomes for a commit of their own do not wait`() {
        let many = (1...64).map { claimedJob($0) }
        var driver = driver(many)
        for job in many.prefix(Gathering.enough - 1) { #expect(driver.finish(job).exchanges.isEmpty) }
        #expect(driver.finish(many[Gathering.enough - 1]).exchanges.map(\.reports.count) == [Gathering.enough])
    }

    @Test func `a worker that leaves does not wait`() {
        var driver = driver(jobs)
        driver.tell(.drainRequested)
        #expect(driver.finish(jobs[0]).exchanges.map(\.reports.count) == [1])
    }

    @Test func `events that have come together are decided about together`() {
        var driver = driver(jobs)
        let ends = jobs.map { WorkerState.Event.ended(driver.report(of: $0)) }
        let exchanges = Did(actions: driver.state.handle(ends, at: driver.now)).exchanges
        #expect(exchanges.map { $0.reports.map(\.execution) } == [jobs.map(\.execution)])
    }
}
