// A worker that is short of room or of means: it starts nothing, says so once, and goes on by itself.

import Testing

@testable import Errand

struct ClaimPauseTests {
    @Test func `a store that is short of room is asked again after a while, and each change is said once`() {
        var driver = StateDriver()
        driver.join()
        #expect(driver.tell(.exchanged(ExchangeReply(shortage: "full"))).notes == [.claimsPaused(reason: "full")])
        for _ in 0..<3 {
            let before = driver.now.uptime
            #expect(driver.passToWake().claim != nil)
            #expect(driver.now.uptime - before == ClaimPauses.shortagePause)
            #expect(driver.tell(.exchanged(ExchangeReply(shortage: "still full"))).notes == [])
        }
        driver.passToWake()
        #expect(driver.tell(.exchanged(ExchangeReply())).notes == [.claimsResumed])
        #expect(driver.end == nil)
    }

    @Test(arguments: [Worker.Until.once, .empty(idleTimeout: .zero)])
    func `a worker that ends by itself leaves a store that is short of room, and says why`(until: Worker.Until) {
        var driver = StateDriver(until: until)
        driver.join()
        driver.tell(.exchanged(ExchangeReply(shortage: "full")))
        #expect(driver.end == .outOfRoom(reason: "full"))
    }

    @Test func `a worker that ends by itself does not wait for a disk that cannot even be written to`() {
        var driver = StateDriver(until: .empty(idleTimeout: .zero))
        driver.tell(.rang(wantsAttention: false))
        driver.tell(.joinFailed(.full(reason: "full")))
        #expect(driver.end == .outOfRoom(reason: "full"))
    }

    @Test func `an outcome keeps such a worker until it is written`() {
        var driver = StateDriver(until: .empty(idleTimeout: .zero))
        driver.join()
        driver.reply(claimed: [claimedJob(1)])
        driver.finish(claimedJob(1))
        driver.tell(.exchangeFailed(.full(reason: "full")))
        #expect(driver.end == nil)
        #expect(driver.passToWake().exchanges.first?.reports.count == 1)
    }

    @Test func `a worker without means starts nothing for the pause, and says so once a minute`() {
        var driver = StateDriver(concurrency: 3)
        driver.join()
        let jobs = [claimedJob(1), claimedJob(2)]
        driver.reply(claimed: jobs)
        let first = driver.tell(.hindered(reason: "no files", pause: .seconds(1)))
        #expect(first.notes == [.hindered(reason: "no files", pause: .seconds(1))])
        #expect(driver.tell(.hindered(reason: "no files", pause: .seconds(1))).notes == [])
        // Outcomes are reported all the same, without a claim.
        let did = driver.finish(jobs[0])
        #expect(did.exchanges.first?.reports.count == 1 && did.claim == nil)
        driver.reply()
        #expect(driver.tell(.rang(wantsAttention: false)).exchanges.isEmpty)
        #expect(driver.passToWake().claim != nil)
        driver.reply()
        driver.pass(.seconds(60))
        #expect(driver.tell(.hindered(reason: "no files", pause: .seconds(1))).notes.count == 1)
    }

    @Test(arguments: [(WorkerState.outboxBytes - 1, true), (WorkerState.outboxBytes, false)])
    func `8 MiB of unwritten results stop claims`(bytes: Int, claims: Bool) {
        var driver = StateDriver(concurrency: 2)
        driver.join()
        driver.reply(claimed: [claimedJob(1)])
        // An exchange is under way while the result comes, and fails.
        driver.tell(.rang(wantsAttention: false))
        var report = driver.report(of: claimedJob(1))
        report.result = [UInt8](repeating: 0, count: bytes)
        driver.tell(.ended(report))
        driver.fail()
        let did = driver.passToWake()
        #expect(did.exchanges.count == 1)
        #expect((did.claim != nil) == claims)
    }

    @Test func `pauses before a store is tried again are scattered over workers, and never longer than promised`() {
        func pauses(_ seed: UInt64?) -> [Duration] {
            var retry = StoreRetry(seed: seed)
            return (1...12).map { retry.pause(after: $0) }
        }
        let longest = pauses(nil)
        #expect(Array(longest.prefix(7)) == [50, 100, 200, 400, 800, 1600, 2000].map { Duration.milliseconds($0) })
        #expect(longest.last == .seconds(2))
        let all = (0..<200).map { pauses($0) }
        for scattered in all { #expect(zip(scattered, longest).allSatisfy { .milliseconds(10) <= $0 && $0 <= $1 }) }
        // After an outage 200 workers come over the whole two seconds, not at one instant.
        let tenths = Set(all.map { $0[11].components.attoseconds / 100_000_000_000_000_000 + $0[11].components.seconds * 10 })
        #expect(tenths.count >= 18)
        #expect(pauses(7) == pauses(7))
    }

    @Test func `amounts of bytes are shown in the unit that fits, never rounded up`() {
        #expect(
            [0, -1, 1023, 1024, 1536, (1 << 20) - 1, 10 << 20, 5 << 40, Int.max].map(ByteText.short) == [
                "0 B", "0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1023.9 KiB", "10.0 MiB", "5.0 TiB", "8388607.9 TiB",
            ])
    }
}
