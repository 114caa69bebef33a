// A worker over a store: jobs run in their own context, and every outcome is right.

import Errand
import ErrandContext
import ErrandTesting
import Logging
import Synchronization
import Testing

private struct Oops: Error, CustomStringConvertible { var description: String { "oops" } }

private struct Greet: Job {
    static let kind = "greet"
    var name: String
}

@Suite(.timeLimit(.minutes(5))) struct WorkerTests {
    private let shop = Workshop()
    private let quick = Backoff(base: .milliseconds(1), maximum: .milliseconds(1))

    @Test func `a job runs, its lines land under its execution, and its result is kept`() async throws {
        let id = try await shop.queue.enqueue(Greet(name: "Ada"), options: EnqueueOptions { $0.meta = ["request": "r1"] })
        let worker = shop.worker(
            Handler(Greet.self) { job, context in
                Logger(label: "third.party").info("hello, \(job.name)", metadata: ["n": "1"])
                context.logger.notice("own")
                return ["greeted": job.name]
            })
        #expect(try await worker.runToEnd(until: .empty(idleTimeout: .zero)) == .drained)
        let detail = try #require(try await shop.detail(id))
        #expect(detail.summary.state == .completed)
        #expect(detail.result == Array(#"{"greeted":"Ada"}"#.utf8))
        #expect(detail.executions.map(\.outcome) == [.completed])
        let records = try await shop.records(of: id)
        #expect(records.map(\.message) == ["hello, Ada", "own"])
        #expect(records.map(\.sequence) == [1, 2])
        #expect(records.allSatisfy { $0.identity.executionID == ExecutionID(id, 1) && $0.identity.meta == ["request": "r1"] })
        #expect(records.allSatisfy { $0.flags.isEmpty })
    }

    @Test func `a failed job is retried under a new execution, and each keeps its own lines`() async throws {
        let id = try await shop.enqueue("fails-once")
        let worker = shop.worker(
            Handler(kind: "fails-once", backoff: quick) { job, context in
                context.logger.info("attempt \(job.attempt) as \(context.executionID)")
                if job.attempt == 1 { throw Oops() }
                return nil
            })
        try await worker.runUntilEmpty()
        let detail = try #require(try await shop.detail(id))
        #expect(detail.summary.state == .completed)
        #expect(detail.executions.map(\.outcome) == [.failed, .completed])
        #expect(detail.executions.map(\.attempt) == [1, 2])
        #expect(detail.executions[0].error == StoredError(type: "Oops", message: "oops"))
        let records = try await shop.records(of: id)
        #expect(records.map(\.message) == ["attempt 1 as \(id).1", "attempt 2 as \(id).2"])
        #expect(records.map(\.identity.executionID) == [ExecutionID(id, 1), ExecutionID(id, 2)])
        #expect(records.map(\.sequence) == [1, 1])
    }

    @Test func `a handler that ignores its timeout gives its slot to the next job, is shown, and its late end counts as its own`()
        async throws
    {
        let (release, gate) = AsyncStream<Void>.makeStream()
        let deaf = try await shop.enqueue("deaf") { $0.timeout = .milliseconds(1) }
        let next = try await shop.enqueue("next")
        let shop = shop
        let seen = Mutex<[JobSummary?]>([])
        let worker = shop.worker(
            Handler(kind: "deaf", backoff: quick) { job, context in
                guard job.attempt == 1 else { return nil }
                // Deaf: a task of its own hears nothing of the cancellation.
                await Task { for await _ in release { break } }.value
                throw Oops()
            },
            Handler(kind: "next") { _, _ in
                let summary = try await shop.detail(deaf)?.summary
                seen.withLock { $0.append(summary) }
                gate.yield()
                return nil
            },
            change: {
                $0.concurrency = 1; $0.stuckAfter = .milliseconds(1)
            })
        try await worker.runUntilEmpty()
        let summary = try #require(seen.withLock { $0 }.first ?? nil)
        #expect(summary.state == .running)
        #expect(summary.stuckSince != nil)
        let detail = try #require(try await shop.detail(deaf))
        #expect(detail.executions.map(\.outcome) == [.timedOut, .completed])
        #expect(detail.summary.stuckSince == nil)
        #expect(try await shop.detail(next)?.summary.state == .completed)
    }

    @Test func `a job dies after its last attempt, and each failure is reported once`() async throws {
        let id = try await shop.enqueue("fails") { $0.maxAttempts = 3 }
        let reporter = CollectingReporter()
        try await shop.worker(Handler(kind: "fails", backoff: quick) { _, _ in throw Oops() }, reporters: [reporter]).runUntilEmpty()
        let detail = try #require(try await shop.detail(id))
        #expect(detail.summary.state == .dead)
        #expect(detail.summary.reason == "max_attempts")
        #expect(detail.executions.map(\.outcome) == [.failed, .failed, .failed])
        let reports = reporter.reports.values
        #expect(reports.map(\.report.executionID) == (1...3).map { ExecutionID(id, $0) })
        #expect(reports.map(\.current) == reports.map(\.report.executionID))
        #expect(reports.map { $0.report.nextAttemptAt == nil } == [false, false, true])
        // What a reporter logs is the execution's.
        #expect(try await shop.records(of: id).map(\.message) == (1...3).map { "reporting \(id).\($0)" })
    }

    @Test func `a payload that does not decode fails the attempt and runs no handler`() async throws {
        let id = try await shop.enqueue("greet", payload: #"{"nom":"Ada"}"#) { $0.maxAttempts = 1 }
        let ran = Collected<Int>()
        try await shop.worker(Handler(Greet.self) { _, _ in ran.add(1) }).runUntilEmpty()
        let detail = try #require(try await shop.detail(id))
        #expect(detail.summary.state == .dead)
        #expect(detail.error?.type == "PayloadNotDecodable")
        #expect(ran.values.isEmpty)
    }

    @Test func `an execution that takes longer than its timeout is cancelled and timed out`() async throws {
        let slow = try await shop.enqueue("slow") {
            $0.timeout = .milliseconds(5)
            $0.maxAttempts = 1
        }
        let slowByHandler = try await shop.enqueue("slow-kind") { $0.maxAttempts = 1 }
        let quick = try await shop.enqueue("quick") { $0.timeout = .seconds(3600) }
        try await shop.worker(
            Handler(kind: "slow") { _, _ in
                try await waitForCancellation()
                return nil
            },
            Handler(kind: "slow-kind", timeout: .milliseconds(5)) { _, _ in
                try await waitForCancellation()
                return nil
            },
            Handler(kind: "quick") { _, _ in nil }
        ).runUntilEmpty()
        for id in [slow, slowByHandler] {
            let detail = try #require(try await shop.detail(id))
            #expect(detail.executions.map(\.outcome) == [.timedOut])
            #expect(detail.summary.state == .dead)
            #expect(detail.error?.type == "TimedOut")
        }
        #expect(try await shop.detail(quick)?.summary.state == .completed)
    }

    @Test func `a running job that somebody cancels is told so, and ends cancelled`() async throws {
        let id = try await shop.enqueue("long")
        let started = Happening()
        let worker = shop.worker(
            Handler(kind: "long") { _, context in
                await started.happen()
                do {
                    try await waitForCancellation()
                } catch {
                    context.logger.info("told to stop")
                    throw error
                }
                return nil
            })
        async let run: Void = worker.runUntilEmpty()
        await started.wait()
        #expect(try await shop.model.cancel([id], reason: "enough") == [.requested(ExecutionID(id, 1))])
        try await run
        let detail = try #require(try await shop.detail(id))
        #expect(detail.summary.state == .cancelled)
        #expect(detail.summary.reason == "enough")
        #expect(detail.executions.map(\.outcome) == [.cancelled])
        #expect(try await shop.records(of: id).map(\.message) == ["told to stop"])
    }

    @Test func `a snoozed job runs again without losing an attempt`() async throws {
        let id = try await shop.enqueue("snoozes") { $0.maxAttempts = 1 }
        try await shop.worker(
            Handler(kind: "snoozes") { job, _ in
                if job.execution.ordinal < 4 { throw Snooze(for: .milliseconds(1)) }
                return nil
            }
        ).runUntilEmpty()
        let detail = try #require(try await shop.detail(id))
        #expect(detail.summary.state == .completed)
        #expect(detail.executions.map(\.outcome) == [.snoozed, .snoozed, .snoozed, .completed])
        #expect(detail.executions.map(\.attempt) == [1, 1, 1, 1])
    }

    @Test func `hooks run inside the scope, in order, before the outcome is written`() async throws {
        let id = try await shop.enqueue("fails-once")
        let events = Collected<String>()
        let hook = ExecutionHook { event, context in
            let current = ExecutionContext.current?.executionID
            let name =
                switch event {
                case .started: "started"
                case .completed: "completed"
                case .retrying: "retrying"
                default: "other"
                }
            events.add("\(name) \(current == context.executionID) \(context.executionID.ordinal)")
            Logger(label: "hook").info("\(name)")
        }
        try await shop.worker(
            Handler(kind: "fails-once", backoff: quick) { job, _ in
                events.add("handler")
                if job.attempt == 1 { throw Oops() }
                return nil
            }, hooks: [hook]
        ).runUntilEmpty()
        #expect(
            events.values == ["started true 1", "handler", "retrying true 1", "started true 2", "handler", "completed true 2"])
        #expect(
            try await shop.records(of: id).map { "\($0.message) \($0.identity.executionID?.ordinal ?? 0)" } == [
                "started 1", "retrying 1", "started 2", "completed 2",
            ])
    }

    @Test func `every line is in the log store before the outcome is`() async throws {
        var ids: [JobID] = []
        for _ in 0..<50 { ids.append(try await shop.enqueue("talks")) }
        try await shop.worker(
            Handler(kind: "talks") { _, context in
                for number in 0..<20 { context.logger.info("\(number)") }
                return nil
            }
        ).runUntilEmpty()
        let kept = shop.watched.linesAtReport
        #expect(ids.map { kept[ExecutionID($0, 1)] } == Array(repeating: 20, count: 50))
    }

    @Test func `a kind without a handler waits, and holds nothing up`() async throws {
        let strangers = [try await shop.enqueue("unknown"), try await shop.enqueue("unknown")]
        let known = try await shop.enqueue("known")
        try await shop.worker(Handler(kind: "known") { _, _ in nil }).runUntilEmpty()
        #expect(try await shop.model.states(of: strangers + [known]) == [.available, .available, .completed])
    }

    @Test func `a store that fails for a while loses nothing and does nothing twice`() async throws {
        var ids: [JobID] = []
        for _ in 0..<30 { ids.append(try await shop.enqueue("counts")) }
        let runs = Collected<ExecutionID>()
        let watched = shop.watched
        try await shop.worker(
            Handler(kind: "counts") { job, _ in
                if runs.values.count == 5 { watched.failNext(3) }
                runs.add(job.execution)
                return nil
            }, change: { $0.concurrency = 3 }
        ).runUntilEmpty()
        #expect(runs.values.sorted() == ids.map { ExecutionID($0, 1) })
        #expect(try await shop.model.states(of: ids).allSatisfy { $0 == .completed })
    }

    @Test func `two workers on one store run each job once`() async throws {
        var ids: [JobID] = []
        for _ in 0..<200 { ids.append(try await shop.enqueue("counts")) }
        let runs = Collected<ExecutionID>()
        let handler = Handler(kind: "counts") { job, _ in
            runs.add(job.execution)
            await Task.yield()
            return nil
        }
        async let first: Void = shop.worker(handler).runUntilEmpty()
        async let second: Void = shop.worker(handler).runUntilEmpty()
        _ = try await (first, second)
        #expect(runs.values.sorted() == ids.map { ExecutionID($0, 1) })
    }

    @Test func `a worker that was taken for dead runs nothing twice to its end, and its late outcome is refused`() async throws {
        let id = try await shop.enqueue("long")
        let started = Happening()
        let released = Happening()
        let runs = Collected<Int64>()
        let worker = shop.worker(
            Handler(kind: "long") { job, context in
                runs.add(job.execution.ordinal)
                guard job.execution.ordinal == 1 else { return Array("\"second\"".utf8) }
                await started.happen()
                await released.wait()
                context.logger.info("zombie")
                return Array("\"first\"".utf8)
            })
        async let run: Void = worker.runUntilEmpty()
        await started.wait()
        let holder = try #require(try await shop.detail(id)?.executions.last?.worker)
        shop.model.kill(holder)
        let other = try await shop.model.join(
            WorkerDescription(
                kinds: [], queues: [:], concurrency: 1, host: "", pid: 0, version: "", startedAt: shop.queue.clock.now(),
                lease: .seconds(30)))
        for casualty in try await shop.model.casualties(seenBy: other) {
            _ = try await shop.model.rescue(casualty, suspectThreshold: nil)
        }
        await released.happen()
        try await run
        let detail = try #require(try await shop.detail(id))
        #expect(detail.result == Array("\"second\"".utf8))
        #expect(runs.values == [1, 2])
        #expect(detail.executions.map(\.execution.ordinal) == [1, 2])
        #expect(detail.executions.last?.outcome == .completed)
        let records = try await shop.records(of: id)
        #expect(records.first { $0.message == "zombie" }?.identity.executionID == ExecutionID(id, 1))
        let refused = records.filter { $0.stream == .system && $0.message.hasPrefix("lease lost: ") }
        #expect(refused.map(\.identity.executionID) == [ExecutionID(id, 1)])
    }

    @Test func `children of a worker that has given a sign of life since the look are left alone`() async throws {
        let id = try await shop.enqueue("elsewhere")
        let healthy = try await shop.model.join(
            WorkerDescription(
                kinds: [], queues: [:], concurrency: 1, host: "", pid: 0, version: "", startedAt: shop.queue.clock.now(),
                lease: .seconds(86_400)))
        let claim = ClaimRequest(limit: 1, queues: [.init(queue: "default", limit: 1)], kinds: ["elsewhere"])
        let job = try #require(try await shop.model.exchange(ExchangeRequest(worker: healthy, claim: claim)).claimed.first)
        let done = Happening()
        shop.watched.find([Casualty(worker: healthy, cause: .overdue, beat: -7, executions: [job.execution])], done: done)
        let ended = Collected<ExecutionID>()
        let worker = shop.worker(Handler(kind: "x") { _, _ in nil }) { $0.endOrphans = { for execution in $0 { ended.add(execution) } } }
        async let end = worker.runToEnd()
        await done.wait()
        worker.drain()
        #expect(try await end == .drained)
        #expect(ended.values == [])
        #expect(try await shop.model.states(of: [id]) == [.running])
    }

    @Test(.timeLimit(.minutes(5))) func `a worker whose logs cannot be written yet records outcomes all the same`() async throws {
        let gate = Happening()
        var store = shop.queue.store
        store.logs = GatedLogStore(logs: store.logs, gate: gate)
        let queue = JobQueue(store: store, clock: shop.queue.clock)
        let id = try await queue.enqueue(kind: "talks", payload: Array("{}".utf8)).id
        let ended = Happening()
        let worker = Worker(
            queue: queue,
            handlers: [
                Handler(kind: "talks") { _, context in
                    context.logger.info("a line that waits")
                    await ended.happen()
                    return nil
                }
            ], configuration: .init { $0.lease = .seconds(1) })
        async let end: Void = worker.runUntilEmpty()
        await ended.wait()
        while try await shop.model.states(of: [id]) != [.completed] { await Task.yield() }
        await gate.happen()
        try await end
        let detail = try #require(try await shop.detail(id))
        #expect(detail.executions.map(\.outcome) == [.completed])
    }

    // MARK: Leaving

    @Test func `a drain finishes what runs and leaves the rest where it is`() async throws {
        let first = try await shop.enqueue("long")
        let second = try await shop.enqueue("long")
        let started = Happening()
        let released = Happening()
        let worker = shop.worker(
            Handler(kind: "long") { _, _ in
                await started.happen()
                await released.wait()
                return nil
            }, change: { $0.concurrency = 1 })
        async let end = worker.runToEnd()
        await started.wait()
        worker.drain()
        await released.happen()
        #expect(try await end == .drained)
        #expect(try await shop.model.states(of: [first, second]) == [.completed, .available])
    }

    @Test func `a cancelled worker interrupts what runs, refunds the attempt, and another worker runs it`() async throws {
        let id = try await shop.enqueue("long") { $0.maxAttempts = 1 }
        let started = Happening()
        let worker = shop.worker(
            Handler(kind: "long") { _, _ in
                await started.happen()
                try await waitForCancellation()
                return nil
            })
        async let end = worker.runToEnd()
        await started.wait()
        worker.cancel()
        #expect(try await end == .drained)
        #expect(try await shop.model.states(of: [id]) == [.available])
        try await shop.worker(Handler(kind: "long") { _, _ in nil }).runUntilEmpty()
        let detail = try #require(try await shop.detail(id))
        #expect(detail.executions.map(\.outcome) == [.interrupted, .completed])
        #expect(detail.executions.map(\.attempt) == [1, 1])
    }

    @Test func `cancelling the task of a worker drains it without waiting for handlers`() async throws {
        let id = try await shop.enqueue("long")
        let started = Happening()
        let worker = shop.worker(
            Handler(kind: "long") { _, _ in
                await started.happen()
                try await waitForCancellation()
                return nil
            })
        let run = Task { try await worker.runToEnd() }
        await started.wait()
        run.cancel()
        #expect(try await run.value == .drained)
        #expect(try await shop.model.states(of: [id]) == [.available])
    }

    @Test func `a worker that is drained before it runs claims nothing`() async throws {
        let id = try await shop.enqueue("x")
        let worker = shop.worker(Handler(kind: "x") { _, _ in nil })
        worker.drain()
        #expect(try await worker.runToEnd() == .drained)
        #expect(try await shop.model.states(of: [id]) == [.available])
    }

    @Test func `a job that was enqueued inside an execution knows its parent and root`() async throws {
        let queue = shop.queue
        let children = Collected<JobID>()
        let first = try await shop.enqueue("parent")
        try await shop.worker(
            Handler(kind: "parent") { _, _ in
                children.add(try await queue.enqueue(kind: "child", payload: Array("1".utf8)).id)
                return nil
            },
            Handler(kind: "child") { _, _ in
                children.add(try await queue.enqueue(kind: "grandchild", payload: Array("1".utf8)).id)
                return nil
            },
            Handler(kind: "grandchild") { _, context in
                #expect(context.rootExecutionID == ExecutionID(first, 1))
                return nil
            }
        ).runUntilEmpty()
        let ids = children.values
        #expect(ids.count == 2)
        let child = try #require(try await shop.detail(ids[0]))
        let grandchild = try #require(try await shop.detail(ids[1]))
        #expect((child.parent, child.root) == (ExecutionID(first, 1), ExecutionID(first, 1)))
        #expect((grandchild.parent, grandchild.root) == (ExecutionID(ids[0], 1), ExecutionID(first, 1)))
    }

    // MARK: Settings

    @Test func `settings at their limits are taken`() async throws {
        let worker = shop.worker(Handler(kind: "x") { _, _ in nil }) {
            $0.concurrency = Limits.concurrency.upperBound
            $0.queues = [(String(repeating: "q", count: 64), Limits.concurrency.upperBound)]
            $0.lease = .seconds(1)
            ($0.grace, $0.reportGrace, $0.stuckAfter) = (.zero, .zero, .zero)
            $0.stuckLimit = 0
            $0.suspectThreshold = 1
        }
        worker.drain()
        #expect(try await worker.runToEnd() == .drained)
    }

    @Test func `a delay of ten years is taken, and one that is longer refused`() async throws {
        let longest = try await shop.enqueue("x") { $0.delay = Limits.longestDuration }
        #expect(try await shop.model.states(of: [longest]) == [.scheduled])
        let error = await #expect(throws: EnqueueError.self) {
            try await shop.enqueue("x") { $0.delay = Limits.longestDuration + .microseconds(1) }
        }
        #expect(try #require(error).description.contains("the delay is longer than ten years"))
        let past = try await shop.enqueue("x") { $0.delay = .seconds(-1) }
        #expect(try await shop.model.states(of: [past]) == [.available])
    }

    @Test func `settings that make no sense are refused before anything is claimed`() async throws {
        let fine = Handler(kind: "x") { _, _ in nil }
        let changes: [(inout Worker.Configuration) -> Void] = [
            { $0.concurrency = 0 }, { $0.concurrency = 10_001 }, { $0.queues = [] }, { $0.queues = [("A", nil)] },
            { $0.queues = [("a", 0)] }, { $0.queues = [("a", nil), ("a", 1)] }, { $0.lease = .milliseconds(999) },
            { $0.grace = .milliseconds(-1) }, { $0.queues = [("a", 10_001)] }, { $0.queues = [(String(repeating: "q", count: 65), nil)] },
            { $0.stuckAfter = .milliseconds(-1) }, { $0.stuckLimit = -1 }, { $0.suspectThreshold = 0 },
            { $0.reportGrace = .milliseconds(-1) },
        ]
        for change in changes {
            await #expect(throws: Worker.Failure.self) { try await shop.worker(fine, change: change).run() }
        }
        await #expect(throws: Worker.Failure.self) { try await shop.worker(fine, fine).run() }
        await #expect(throws: Worker.Failure.self) { try await shop.worker(Handler(kind: "A") { _, _ in nil }).run() }
        #expect(shop.watched.exchanges == 0)
    }
}

/// Keeps reports, with who was current when they came, and logs a line of its own.
private final class CollectingReporter: ErrorReporter {
    let reports = Collected<(report: ErrorReport, current: ExecutionID?)>()

    func report(_ report: ErrorReport) async {
        reports.add((report, ExecutionContext.current?.executionID))
        Logger(label: "reporter").info("reporting \(report.executionID)")
    }
}
