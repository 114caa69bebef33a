// The snippets do what the text beside them says.

import Errand
import ErrandCLI
import ErrandSQLite
import ErrandTesting
import Glibc
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@Suite struct SnippetRunTests {
    @Test func `the hello world runs its job, and the job's log says hello`() async throws {
        try await withTemporaryDirectory { directory in
            // In a process of its own: the store's path is relative, and the working directory belongs to all tests.
            await #expect(processExitsWith: .success) { [directory = directory as String] in
                try #require(chdir(directory) == 0)
                try await HelloWorld.run()
            }
            let queue = try JobQueue.open(directory + "/errand-store")
            let page = try await queue.store.inspection.jobs(matching: JobSelector(), before: nil, limit: 10)
            #expect(page.jobs.map(\.state) == [.completed])
            let job = try #require(page.jobs.first)
            let chunks = try await queue.store.logs.chunks(of: job.id, ordinal: nil, after: nil, limit: 10)
            #expect(chunks.flatMap { LogFraming.records(in: $0.chunk) }.map(\.message) == ["hello, Ada"])
        }
    }

    @Test func `an app is its handlers and a main function`() async throws {
        let kinds = App().handlers.map(\.kind)
        #expect(kinds == ["greet"])
    }

    /// What `@main` calls; here only the compiler looks at it, since it reads the process's arguments and ends it.
    private static func main() async { await App.main() }

    @Test func `a worker in a service group drains at a graceful shutdown`() async throws {
        try await withTemporaryDirectory { directory in
            let group = try ServiceSnippet.group(directory + "/store")
            async let run: Void = group.run()
            let queue = try JobQueue.open(directory + "/store")
            let id = try await queue.enqueue(Greet(name: "Ada"))
            let (rings, ringing) = AsyncStream<Void>.makeStream()
            let listener = queue.store.doorbell.listen(to: [.outcome]) { _ in ringing.yield() }
            ringing.yield()
            for await _ in rings where try await queue.store.inspection.states(of: [id]) == [.completed] { break }
            listener.stop()
            await group.triggerGracefulShutdown()
            try await run
        }
    }

    @Test func `options reach the job`() async throws {
        let bench = Bench()
        let id = try await EnqueueOptionsSnippet.run(queue: bench.queue, requestID: "r1")
        let summary = try await bench.detail(id).summary
        #expect(summary.queue == "reports")
        #expect(summary.state == .scheduled)
        #expect(summary.maxAttempts == 3)
        #expect(summary.meta == ["request": "r1"])
        let again = try await EnqueueOptionsSnippet.run(queue: bench.queue, requestID: "r1")
        #expect(again == id)
    }

    @Test func `a redacted look hides what it names, and an encrypted queue gives back what it took`() async throws {
        let bench = Bench()
        let id = try await bench.queue.enqueue(kind: "greet", payload: Array(#"{"password":"x","note":"token-4711"}"#.utf8)).id
        let handler = Handler(kind: "greet") { _, _ in nil }
        let seen = try await RedactedWorker.run(queue: bench.queue, handler: handler, apiToken: "token-4711", id: id)
        #expect(seen.shown?.payload == Array(#"{"password":"[redacted]","note":"[redacted]"}"#.utf8))
        try await withTemporaryDirectory { directory in
            let key = Array("q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=".utf8)
            let queue = try EncryptedQueue.open(directory + "/store", keyText: key)
            let id = try await queue.enqueue(Greet(name: "Ada"))
            #expect(try await queue.store.inspection.job(id)?.payload == Array(#"{"name":"Ada"}"#.utf8))
        }
    }

    @Test func `a simulation finds nothing broken`() async {
        #expect(await SimulatedStore.run(seed: 7) == [])
    }

    @Test func `a user's own test sees the job completed`() async throws {
        let handler = Handler(Greet.self) { job, context in context.logger.info("hello, \(job.name)") }
        let state = try await TestYourJob.run(handler: handler)
        #expect(state == .completed)
    }

    @Test func `a user's own test of code that enqueues sees what was enqueued, and that it runs`() async throws {
        let greeted = Mutex<[String]>([])
        let welcome = Handler(TestYourProgram.Welcome.self) { job, _ in greeted.withLock { $0.append(job.name) } }
        #expect(try await TestYourProgram.run(welcome: welcome).count == 1)
        #expect(greeted.withLock { $0 } == ["Ada"])
    }

    @Test func `a job that remembers itself in a shared place runs all the same`() async throws {
        let bench = Bench()
        let id = try await bench.queue.enqueue(Greet(name: "Ada"))
        try await bench.work(Handler(Greet.self) { try await SharedIDSnippet.handle($0, $1) })
        #expect(try await bench.detail(id).summary.state == .completed)
    }

    @Test func `with log capture in place, late callbacks land as the guide says`() async throws {
        await #expect(processExitsWith: .success) {
            BootstrapSnippet.run()
            let bench = Bench()
            let response = LateResponse()
            let early = try await bench.queue.enqueue(Greet(name: "Ada"))
            let late = try await bench.queue.enqueue(SendReceipt(name: "Ada"))
            // One slot: the second job begins when the first has ended.
            try await bench.work(
                LateCallback.handler(response), Handler(SendReceipt.self) { _, _ in response.finish() }, concurrency: 1)
            #expect(try await bench.log(late).map(\.message) == ["finished Ada"])
            #expect(try await bench.log(early).map(\.flags) == [[.afterEnd, .crossed], [.afterEnd]])
        }
    }

    @Test func `a program of one's own captures crashes with one line`() async {
        await #expect(processExitsWith: .success) {
            let bench = Bench()
            let id = try await bench.queue.enqueue(Greet(name: "Ada"))
            try await CrashCapturing.run(queue: bench.queue, handler: Handler(Greet.self) { _, _ in })
            #expect(CrashCapture.isInstalled)
            #expect(try await bench.detail(id).summary.state == .completed)
        }
    }

    @Test func `nested metadata ends with its scope`() async throws {
        await #expect(processExitsWith: .success) {
            BootstrapSnippet.run()
            let bench = Bench()
            let id = try await bench.queue.enqueue(Greet(name: "Ada"))
            try await bench.work(NestedMetadata.handler(logger: Logger(label: "greetings")))
            let metadata = try await bench.log(id).map { String(decoding: $0.metadata, as: UTF8.self) }
            #expect(metadata == [#"{"step":"look-up"}"#, "{}"])
        }
    }

    @Test func `work that left the job belongs to no execution`() async throws {
        let bench = Bench()
        let connections = Connections()
        _ = try await bench.queue.enqueue(Greet(name: "Ada"))
        try await bench.work(Handler(Greet.self) { _, _ in await connections.startKeepAlive() })
        #expect(await connections.waitForPing() == .some(nil))
    }

    @Test func `a child names its parent`() async throws {
        let bench = Bench()
        let parent = try await bench.queue.enqueue(Greet(name: "Ada"))
        let sent = Mutex<[JobID]>([])
        try await bench.work(
            ChildJob.handler(queue: bench.queue),
            Handler(SendReceipt.self) { _, context in sent.withLock { $0.append(context.jobID) } })
        let child = try #require(sent.withLock { $0 }.first)
        #expect(sent.withLock { $0.count } == 1)
        #expect(try await bench.detail(child).parent?.job == parent)
    }

    @Test func `a request's header reaches the job, a broken one does not, and a link is kept`() async throws {
        let bench = Bench()
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let traced = try await TraceHeader.run(queue: bench.queue, headers: ["traceparent": header])
        #expect(try await bench.detail(traced).trace?.traceParent == header)
        let broken = try await TraceHeader.run(queue: bench.queue, headers: ["traceparent": "nonsense"])
        #expect(try await bench.detail(broken).trace == nil)
        let linked = try await TraceLink.run(queue: bench.queue)
        #expect(try await bench.detail(linked).traceRelation == .link)
    }

    @Test func `a schedule says what the guide says`() throws {
        #expect(try SchedulesSnippet.texts() == ["every day at 02:30 (Europe/Berlin)", "every 15 minutes"])
    }

    @Test func `the nightly report is set`() async throws {
        let model = ModelStore()
        try await NightlyReport.set(JobQueue(store: model.store, clock: model.clock))
        let entry = try #require(try await model.periodicJobs().first)
        #expect(entry.periodic.name == "nightly" && entry.periodic.overlap == .skip && entry.periodic.job.kind == "report")
    }

    @Test func `an order that fails on its way is charged once, and rows go on where they were`() async throws {
        final class Till: Shop {
            let calls = Mutex<[String]>([])
            func note(_ call: String) -> Int {
                calls.withLock { calls in
                    calls.append(call)
                    return calls.count { $0 == call }
                }
            }
            func charge(_ order: Order) async throws -> String { "payment \(note("charge"))" }
            func ship(_ order: Order, paidBy payment: String) async throws -> String {
                if note("ship by \(payment)") == 1 { throw StoredError(type: "Closed", message: "the warehouse is closed") }
                return "p1"
            }
            func mail(_ text: String) async throws { _ = note(text) }
        }
        let till = Till()
        let seen = Mutex<[Int]>([])
        let kit = JobKit(handlers: [
            OrderInSteps.handler(till),
            RowsWithCursor.handler { row in
                let isFirst = seen.withLock { seen in
                    seen.append(row)
                    return seen.count { $0 == row } == 1
                }
                if row == 150, isFirst { throw StoredError(type: "Bad", message: "row") }
            },
        ])
        try await kit.queue.enqueue(Order(id: 1))
        try await kit.queue.enqueue(Reindex(rows: 230))
        try await kit.drain()
        try await kit.advance(by: .seconds(3600))
        #expect(till.calls.withLock { $0 } == ["charge", "ship by payment 1", "ship by payment 1", "parcel p1 is on its way"])
        #expect(seen.withLock { $0 } == Array(0...150) + Array(100..<230))
    }

    @Test func `an older token is refused`() async throws {
        let bench = Bench()
        let ledger = Ledger()
        try await ledger.write("newer", token: 7)
        _ = try await bench.queue.enqueue(Greet(name: "Ada"))
        try await bench.work(Fencing.handler(ledger: ledger))
        #expect(ledger.text == "newer")
    }

    @Test func `a reporter of one's own that delivers later has the execution's last lines, and its time at the worker's end`() async throws
    {
        struct Refused: Error {}
        final class Notes: Outbox {
            let texts = Mutex<[String]>([])
            func add(_ text: String) { texts.withLock { $0.append(text) } }
            func deliver(within limit: Duration) async { add("delivered within \(limit)") }
        }
        let bench = Bench()
        let notes = Notes()
        let id = try await bench.queue.enqueue(Greet(name: "Ada"), options: EnqueueOptions { $0.maxAttempts = 1 })
        try await bench.work(
            Handler(Greet.self) { _, context in
                for line in 1...4 { context.logger.info("line \(line)") }
                throw Refused()
            }, reporters: [ChatReporter(outbox: notes)])
        let execution = try #require(try await bench.detail(id).executions.last?.execution)
        #expect(
            notes.texts.withLock { $0 } == ["\(execution): Refused: Refused()\nline 2\nline 3\nline 4", "delivered within 2.0 seconds"])
    }

    @Test func `a reporter of one's own is told about jobs that died, not about attempts`() async throws {
        struct Refused: Error {}
        let bench = Bench()
        let pages = Mutex<[String]>([])
        let reporter = PagerReporter { text in pages.withLock { $0.append(text) } }
        let id = try await bench.queue.enqueue(Greet(name: "Ada"), options: EnqueueOptions { $0.maxAttempts = 1 })
        _ = try await bench.queue.enqueue(Greet(name: "Bob"), options: EnqueueOptions { $0.maxAttempts = 2 })
        let backoff = Backoff(base: .seconds(3600), maximum: .seconds(3600))
        try await bench.work(Handler(Greet.self, backoff: backoff) { _, _ in throw Refused() }, reporters: [reporter])
        let execution = try #require(try await bench.detail(id).executions.last?.execution)
        #expect(pages.withLock { $0 } == ["greet died in execution \(execution): Refused: Refused()"])
    }
}
