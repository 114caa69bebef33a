// What a worker makes of another one's crash file: conviction, reports, marks, and no word too many.

import Errand
import ErrandContext
import ErrandTesting
import Glibc
import Logging
import Testing

@Suite struct WorkerCrashTests {
    private let shop = Workshop()
    private let reporter = ScopedReporter()

    private func join() async throws -> WorkerID {
        try await shop.model.join(
            WorkerDescription(
                kinds: ["k"], queues: ["default": 9], concurrency: 9, host: "", pid: 0, version: "", startedAt: shop.queue.clock.now(),
                lease: .seconds(30)))
    }

    /// A worker that has died with `count` new jobs of kind `k`, and whatever else there was, in hand.
    private func death(holding count: Int) async throws -> (victim: WorkerID, held: [ClaimedJob]) {
        for _ in 0..<count { _ = try await shop.enqueue("k") }
        let victim = try await join()
        let claim = ClaimRequest(limit: 9, queues: [.init(queue: "default", limit: 9)], kinds: ["k"], mayRunAlone: true)
        let held = try await shop.model.exchange(ExchangeRequest(worker: victim, claim: claim)).claimed
        shop.model.kill(victim)
        return (victim, held)
    }

    /// Keeps lines that the execution wrote before it was cut, in several chunks.
    private func write(_ lines: Int, of execution: ExecutionID) async throws {
        let pump = LogPump(
            store: shop.model.logs, doorbell: shop.model.doorbell, clock: shop.queue.clock, logger: Logger(label: "errand.test"))
        let log = ExecutionContext(
            executionID: execution, attempt: 1, maxAttempts: 1, queue: "default", kind: "k", parent: nil, root: nil, trace: nil, meta: [:],
            sink: pump, now: { Timestamp(microseconds: 1) })
        for number in 0..<lines {
            log.logger.info("line \(number)")
            await pump.flush()
        }
    }

    private func bytes(_ records: CrashRecord...) -> [UInt8] { records.flatMap { Array(($0.line + "\n").utf8) } }

    /// A worker that finishes what the dead one held.
    private func heir(queue: JobQueue? = nil) -> Worker {
        let handler = Handler(kind: "k", backoff: Backoff(base: .milliseconds(1))) { _, _ in nil }
        return Worker(queue: queue ?? shop.queue, handlers: [handler], reporters: [reporter])
    }

    @Test func `the culprit is reported in a scope of its own, the logs go on with marks, and the crash file is gone`() async throws {
        let (victim, held) = try await death(holding: 3)
        let culprit = held[1].execution
        try await write(7, of: culprit)
        shop.model.crashes.leave(bytes(CrashRecord(signal: SIGILL, execution: culprit)), by: victim)
        try await heir().runUntilEmpty()

        #expect(reporter.reports.values.map(\.report.executionID) == [culprit])
        let (report, current) = try #require(reporter.reports.values.first)
        #expect(current == culprit)
        #expect(report.outcome == .crashed)
        #expect(report.error == StoredError(type: "Crash", message: "SIGILL in a handler of kind k", code: 4))
        #expect(report.nextAttemptAt != nil)
        #expect(report.breadcrumbs.map(\.message) == (4..<7).map { "line \($0)" })
        #expect(report.startedAt == held[1].startedAt)
        for job in held {
            let detail = try #require(try await shop.detail(job.execution.job))
            let isCulprit = job.execution == culprit
            #expect(detail.executions.map(\.outcome) == [isCulprit ? .crashed : .interrupted, .completed])
            #expect(detail.summary.attempt == 1)
            #expect(detail.summary.crashes == (isCulprit ? 1 : 0))
            let last = try #require(
                try await shop.records(of: job.execution.job).last { $0.identity.executionID == job.execution })
            #expect(last.message.hasPrefix(isCulprit ? "crashed: SIGILL" : "interrupted: \(culprit) crashed (SIGILL)"), "\(last.message)")
        }
        // What the reporter logged is filed under the culprit, after what the culprit had logged itself.
        let records = try await shop.records(of: culprit.job).filter { $0.identity.executionID == culprit }
        #expect(records.map(\.message).contains("reporting \(culprit)"))
        #expect(try await shop.model.logs.lastSequence(of: culprit) == 9)
        #expect(try shop.model.crashes.contents(of: victim) == nil)
    }

    @Test func `a suspect that dies alone is convicted, waits for its backoff, and is reported`() async throws {
        let id = try await shop.enqueue("k")
        for _ in 0..<3 {
            let held = try await death(holding: 0).held
            #expect(held.map(\.execution.job) == [id])
            let watcher = try await join()
            for casualty in try await shop.model.casualties(seenBy: watcher) {
                _ = try await shop.model.rescue(casualty, suspectThreshold: 3)
            }
            try await shop.model.leave(watcher)
        }
        let suspect = try #require(try await death(holding: 0).held.first)
        #expect(suspect.isSuspect)
        try await heir().runUntilEmpty()
        let detail = try #require(try await shop.detail(id))
        #expect(detail.executions.map(\.outcome) == [.interrupted, .interrupted, .interrupted, .crashed, .completed])
        #expect(detail.summary.crashes == 1)
        #expect(detail.summary.attempt == 1)
        #expect(reporter.reports.values.map(\.report.executionID) == [suspect.execution])
        #expect(reporter.reports.values.first?.report.error.type == "DiedAlone")
    }

    @Test(arguments: [nil, [], Array("errand-crash 1 signal=4 address=0 over".utf8), [0, 255, 10, 10, 7]] as [[UInt8]?])
    func `without a whole record nobody is convicted, and everybody runs again`(_ contents: [UInt8]?) async throws {
        let (victim, held) = try await death(holding: 2)
        if let contents { shop.model.crashes.leave(contents, by: victim) }
        try await heir().runUntilEmpty()
        #expect(reporter.reports.values.isEmpty)
        for job in held {
            let detail = try #require(try await shop.detail(job.execution.job))
            #expect(detail.executions.map(\.outcome) == [.interrupted, .completed])
            let last = try await shop.records(of: job.execution.job).last { $0.identity.executionID == job.execution }
            #expect(last?.message == "interrupted: its worker died and named no culprit; the attempt does not count")
        }
    }

    @Test func `an execution that the dead worker did not hold is not convicted, wherever it runs`() async throws {
        let (victim, held) = try await death(holding: 1)
        let (other, others) = try await death(holding: 1)
        shop.model.crashes.leave(bytes(CrashRecord(signal: SIGILL, execution: others[0].execution)), by: victim)
        shop.model.crashes.leave(bytes(CrashRecord(signal: SIGILL, execution: ExecutionID(held[0].execution.job, 9))), by: other)
        try await heir().runUntilEmpty()
        for job in held + others {
            #expect(try await shop.detail(job.execution.job)?.executions.map(\.outcome) == [.interrupted, .completed])
        }
        #expect(reporter.reports.values.isEmpty)
    }

    @Test func `a ledger that fails costs convictions, never jobs`() async throws {
        struct Broken: CrashLedger {
            func open(for worker: WorkerID) throws(JobStoreError) -> Int32 { throw .unavailable(reason: "no place") }
            func contents(of worker: WorkerID) throws(JobStoreError) -> [UInt8]? { throw .unavailable(reason: "no read") }
            func remove(_ worker: WorkerID) throws(JobStoreError) { throw .unavailable(reason: "no delete") }
            func workers(untouchedFor age: Duration) throws(JobStoreError) -> [WorkerID] { throw .unavailable(reason: "no list") }
        }
        let (_, held) = try await death(holding: 1)
        var store = shop.queue.store
        store.crashes = Broken()
        try await heir(queue: JobQueue(store: store, clock: shop.queue.clock)).runUntilEmpty()
        #expect(try await shop.detail(held[0].execution.job)?.executions.map(\.outcome) == [.interrupted, .completed])
    }

    @Test func `a conviction whose rescuer died before it could report is reported by whoever sweeps`() async throws {
        let (victim, held) = try await death(holding: 1)
        let culprit = held[0].execution
        shop.model.crashes.leave(bytes(CrashRecord(signal: SIGABRT, execution: culprit)), by: victim)
        let casualty = try #require(try await shop.model.casualties(seenBy: WorkerID(rawValue: 1)).first)
        let error = StoredError(type: "Crash", message: "SIGABRT in a handler of kind k")
        let conviction = Conviction(culprit, error: error, retryAt: shop.queue.clock.now())
        _ = try await shop.model.rescue(
            RescueRequest(casualty, convictions: [conviction], suspectThreshold: nil, convictionLimit: 1))
        let worker = heir()
        async let end = worker.runToEnd()
        await reporter.reported.wait()
        worker.drain()
        #expect(try await end == .drained)
        #expect(reporter.reports.values.map(\.report.executionID) == [culprit])
        #expect(reporter.reports.values.first?.report.nextAttemptAt == nil)
        #expect(try shop.model.crashes.contents(of: victim) == nil)
    }
}

/// Keeps reports, with who was current when they came, and logs a line of its own.
private final class ScopedReporter: ErrorReporter {
    let breadcrumbLimit = 3
    let reports = Collected<(report: ErrorReport, current: ExecutionID?)>()
    let reported = Happening()

    func report(_ report: ErrorReport) async {
        reports.add((report, ExecutionContext.current?.executionID))
        Logger(label: "reporter").info("reporting \(report.executionID)")
        await reported.happen()
    }
}
