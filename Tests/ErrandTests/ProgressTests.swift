// What an execution says of its progress reaches the store, and one that falls silent is told to stop.

import Errand
import ErrandContext
import ErrandTesting
import Synchronization
import Testing

@Suite struct ProgressTests {
    @Test func `progress is in the store while the handler runs`() async throws {
        let workshop = Workshop()
        let id = try await workshop.enqueue("slow")
        let told = Happening()
        let seen = Happening()
        let worker = workshop.worker(
            Handler(kind: "slow") { _, context in
                context.progress(0.1, "early")
                context.progress(0.4, "resizing")
                await told.happen()
                await seen.wait()
                return nil
            }
        ) { $0.until = .once }
        let run = Task { try await worker.run() }
        await told.wait()
        while try await workshop.detail(id)?.progress?.fraction != 0.4 { await Task.yield() }
        #expect(try await workshop.detail(id)?.progress?.message == "resizing")
        await seen.happen()
        try await run.value
    }

    @Test func `the last word of a handler that fails at once is kept with its end`() async throws {
        let workshop = Workshop()
        let id = try await workshop.enqueue("slow") { $0.maxAttempts = 1 }
        try await workshop.worker(
            Handler(kind: "slow") { _, context in
                context.progress(2, String(repeating: "é", count: 300))
                throw Unrecoverable("no")
            }
        ) { $0.until = .once }.run()
        let progress = try #require(try await workshop.detail(id)?.progress)
        #expect(progress.fraction == 1)
        #expect(progress.message == String(repeating: "é", count: 250))
    }

    @Test func `what is told often is written four times a second, and at once with other things`() {
        var driver = StateDriver()
        driver.join()
        driver.reply()
        #expect(driver.tell(.progressed).exchanges.count == 1)
        driver.reply()
        let before = driver.now.uptime
        #expect(driver.tell(.progressed).exchanges.isEmpty)
        #expect(driver.passToWake().exchanges.count == 1)
        #expect(driver.now.uptime - before == WorkerState.progressPause)
        driver.reply()
        driver.tell(.progressed)
        // A ring asks for jobs, and the progress goes along: nothing more is due for it.
        #expect(driver.tell(.rang(wantsAttention: false)).exchanges.count == 1)
        driver.reply()
        #expect(driver.passToWake().exchanges.isEmpty)
    }

    @Test func `progress that could not be written is written later, unless there is newer`() {
        let rings = Mutex(0)
        let board = ProgressBoard { rings.withLock { $0 += 1 } }
        let (one, two) = (ExecutionID(JobID(rawValue: 1), 1), ExecutionID(JobID(rawValue: 2), 1))
        let at = Timestamp(microseconds: 1)
        board.pulse(of: one).progressed(ProgressNote(fraction: 0.1, message: nil, at: at))
        board.pulse(of: two).progressed(ProgressNote(fraction: 0.2, message: nil, at: at))
        #expect(rings.withLock { $0 } == 1)
        let taken = board.take()
        #expect(taken.map(\.fraction) == [0.1, 0.2])
        board.pulse(of: two).progressed(ProgressNote(fraction: 0.3, message: nil, at: at))
        board.putBack(taken)
        #expect(board.take().map(\.fraction) == [0.1, 0.3])
        #expect(board.take() == [])
    }

    @Test func `a silent execution is noticed, one that gives signs is not`() {
        let clock = ManualClock()
        let signs = Mutex<Int64>(0)
        let silences = Mutex(0)
        let watch = HeartbeatWatch(
            limit: .seconds(4), clock: clock, signs: { signs.withLock { $0 } }, onSilence: { silences.withLock { $0 += 1 } })
        watch.start()
        for _ in 0..<5 {
            clock.advance(by: .seconds(3))
            signs.withLock { $0 += 1 }
        }
        #expect(silences.withLock { $0 } == 0)
        clock.advance(by: .seconds(5))
        #expect(silences.withLock { $0 } == 1)
        clock.advance(by: .seconds(60))
        #expect(silences.withLock { $0 } == 1)
        #expect(clock.pendingTimers == 0)
    }

    @Test func `a watch that was taken back says nothing`() {
        let clock = ManualClock()
        let watch = HeartbeatWatch(limit: .seconds(4), clock: clock, signs: { 0 }, onSilence: { Issue.record("it spoke") })
        watch.start()
        clock.advance(by: .seconds(3))
        watch.cancel()
        clock.advance(by: .seconds(60))
        #expect(clock.pendingTimers == 0)
    }

    @Test func `a handler that falls silent is told to stop, and has timed out`() async throws {
        let clock = ManualClock()
        let workshop = Workshop(clock: clock)
        let id = try await workshop.enqueue("silent") { $0.maxAttempts = 1 }
        var handler = Handler(kind: "silent") { _, context in
            context.heartbeat()
            context.logger.info("a sign as well")
            try await waitForCancellation()
            return nil
        }
        handler.heartbeatTimeout = .seconds(8)
        let worker = workshop.worker(handler) { $0.until = .once }
        let run = Task { try await worker.run() }
        while try await workshop.records(of: id).isEmpty {
            clock.advance(by: .milliseconds(100))
            await Task.yield()
        }
        while try await workshop.detail(id)?.summary.state == .running {
            clock.advance(by: .milliseconds(500))
            await Task.yield()
        }
        try await run.value
        let job = try #require(try await workshop.detail(id))
        #expect(job.executions.map(\.outcome) == [.timedOut])
        #expect(job.error?.type == "HeartbeatTimedOut")
        #expect(job.summary.state == .dead)
    }
}
