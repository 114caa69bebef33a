// What a worker makes of an answer that comes late: its lease may be over by then.

import Errand
import ErrandContext
import Testing

@Suite struct WorkerStateDelayTests {
    @Test func `a job that comes with an answer older than the lease is given back, since others may have rescued it`() {
        var driver = StateDriver(lease: .seconds(30))
        driver.join()
        driver.pass(.seconds(30))
        let did = driver.reply(claimed: [claimedJob(1)])
        #expect(did.started == [])
        #expect(did.exchanges.first?.reports.map(\.outcome) == [.interrupted])
    }

    @Test func `a job that comes within the lease is started`() {
        var driver = StateDriver(lease: .seconds(30))
        driver.join()
        driver.pass(.milliseconds(29_999))
        #expect(driver.reply(claimed: [claimedJob(1)]).started == [claimedJob(1).execution])
    }

    @Test func `a lease counts from the call, not from its answer`() {
        var driver = StateDriver(lease: .seconds(30))
        driver.join()
        driver.pass(.seconds(21))
        #expect(driver.reply().exchanges.count == 1)
    }
}
