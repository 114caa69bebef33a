// The guide's snippets about contexts do what the text beside them says.

import Dispatch
import Errand
import ErrandTesting
import Foundation
import Logging
import Synchronization
import Testing

@Suite struct ContextSnippetTests {
    @Test func `of one late callback the unbound line is another job's, and the bound one this job's`() async throws {
        await #expect(processExitsWith: .success) {
            LogCapture.install()
            let bench = Bench()
            let response = LateResponse()
            let early = try await bench.queue.enqueue(Greet(name: "Ada"))
            let late = try await bench.queue.enqueue(SendReceipt(name: "Ada"))
            // One slot: the second job begins when the first has ended.
            try await bench.work(
                WhoseLine.handler(response, logger: Logger(label: "response")),
                Handler(SendReceipt.self) { _, _ in response.finish() }, concurrency: 1)
            #expect(try await bench.log(early).map(\.message) == ["greeting Ada", "sent to Ada"])
            #expect(try await bench.log(early).map(\.flags) == [[], .afterEnd])
            #expect(try await bench.log(late).map(\.message) == ["sent to Ada"])
            #expect(try await bench.log(late).map(\.flags) == [[]])
        }
    }

    @Test func `with all captures in place, loggers and print write to the execution's log`() async {
        await #expect(processExitsWith: .success) {
            try CaptureAll.run()
            let bench = Bench()
            let logger = Logger(label: "greetings")
            let id = try await bench.queue.enqueue(Greet(name: "Ada"))
            try await bench.work(
                Handler(Greet.self) { job, context in
                    logger.info("hello, \(job.name)")
                    print("printed")
                })
            #expect(try await bench.log(id).map(\.message) == ["hello, Ada", "printed"])
            #expect(try await bench.log(id).map(\.stream) == [.log, .stdout])
            #expect(CrashCapture.isInstalled)
        }
    }

    @Test func `every bound twin calls back as the job that it was given to`() async throws {
        let bench = Bench()
        let changed = Notification.Name("changed")
        let center = NotificationCenter()
        let seen = Mutex<[String: ExecutionID?]>([:])
        let (signals, signal) = AsyncStream<Void>.makeStream()
        let id = try await bench.queue.enqueue(Greet(name: "Ada"))
        try await bench.work(
            Handler(Greet.self) { _, _ in
                let token = BoundTwins.wait(on: .global(), center: center, changed: changed) { what in
                    seen.withLock { $0[what] = .some(ExecutionContext.current?.executionID) }
                    signal.yield()
                }
                ExecutionContext.none { center.post(name: changed, object: nil) }
                for await _ in signals where seen.withLock({ $0.count }) == 4 { break }
                center.removeObserver(token)
            })
        let execution = try #require(try await bench.detail(id).executions.last?.execution)
        #expect(
            seen.withLock { $0 }
                == ["on a queue": execution, "later": execution, "detached": execution, "notified": execution])
    }

    @Test func `a kept snapshot, a mailbox and a batch say whose each line is`() async {
        await #expect(processExitsWith: .success) {
            LogCapture.install()
            let bench = Bench()
            let batch = Batch()
            let downloads = Mutex<[Download]>([])
            async let service: Void = CarriedStream.serve()
            var ids: [JobID] = []
            for name in ["A", "B", "C"] { ids.append(try await bench.queue.enqueue(Greet(name: name))) }
            // One slot: C fires what A and B have left behind, and flushes the batch.
            try await bench.work(
                Handler(Greet.self) { job, _ in
                    CarriedStream.send(job.name)
                    downloads.withLock { $0.append(Download()) }
                    await batch.add(job.name)
                    guard job.name == "C" else { return }
                    for download in downloads.withLock({ $0 }) { download.didReceive(bytes: 7) }
                    downloads.withLock { $0 = [] }
                }, concurrency: 1)
            CarriedStream.mailbox.finish()
            await service
            // A worker that has nothing to do writes what came after the last one.
            try await bench.work()
            for (name, id) in zip(["A", "B", "C"], ids) {
                let messages = try await bench.log(id).map(\.message).sorted()
                #expect(messages == ["download gone", "received 7 bytes", "sending \(name)", "wrote \(name)"])
            }
        }
    }

    @Test func `shared work runs once and as nobody, and every asker goes on as itself`() async {
        await #expect(processExitsWith: .success) {
            LogCapture.install()
            let bench = Bench()
            let fetches = Mutex<[ExecutionID?]>([])
            let handler = SharedTokenSnippet.handler(
                fetchToken: {
                    fetches.withLock { $0.append(ExecutionContext.current?.executionID) }
                    return "a token"
                }, logger: Logger(label: "greetings"))
            var ids: [JobID] = []
            for name in ["A", "B", "C"] { ids.append(try await bench.queue.enqueue(Greet(name: name))) }
            try await bench.work(handler)
            #expect(fetches.withLock { $0 } == [nil])
            for (name, id) in zip(["A", "B", "C"], ids) {
                #expect(try await bench.log(id).map(\.message) == ["\(name) has a token"])
            }
        }
    }

    @Test func `what runs at a cancellation by another job is the registrar's line`() async {
        await #expect(processExitsWith: .success) {
            LogCapture.install()
            let bench = Bench()
            let logger = Logger(label: "download")
            let transfer = Mutex<Task<Void, any Error>?>(nil)
            let (starts, start) = AsyncStream<Void>.makeStream()
            let early = try await bench.queue.enqueue(Greet(name: "Ada"))
            let late = try await bench.queue.enqueue(SendReceipt(name: "Ada"))
            try await bench.work(
                Handler(Greet.self) { _, _ in
                    let task = Task {
                        try await BoundCancellation.download(logger: logger) {
                            start.yield()
                            // Ends when the task is cancelled; the continuation is kept until then.
                            let (never, keeper) = AsyncStream<Never>.makeStream()
                            for await _ in never {}
                            keeper.finish()
                        }
                    }
                    transfer.withLock { $0 = task }
                    for await _ in starts { break }
                },
                Handler(SendReceipt.self) { _, _ in
                    let task = transfer.withLock { $0 }
                    task?.cancel()
                    try await task?.value
                }, concurrency: 1)
            #expect(try await bench.log(early).map(\.message) == ["cancelled"])
            #expect(try await bench.log(late).isEmpty)
        }
    }

    @Test func `the places that leak are told by file and line`() async {
        await #expect(processExitsWith: .success) {
            LogCapture.install()
            let bench = Bench()
            _ = try await bench.queue.enqueue(Greet(name: "Ada"))
            try await bench.work(
                Handler(Greet.self) { _, context in
                    await Task.detached { context.logger.info("lost") }.value
                })
            let found = FoundLeaks.text()
            #expect(found.count == 1)
            #expect(found.first?.hasPrefix("DocumentationTests/ContextSnippetTests.swift:") == true, "\(found)")
            #expect(found.first?.hasSuffix(" ambient_lost 1") == true, "\(found)")
        }
    }
}
