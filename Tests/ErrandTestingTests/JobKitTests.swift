// The kit for tests of programs that use Errand.

import Errand
import ErrandContext
import ErrandTesting
import Synchronization
import Testing

@Suite struct JobKitTests {
    private struct Greet: Job, Equatable {
        static let kind = "greet"
        var name: String
    }

    private struct Thank: Job, Equatable {
        static let kind = "thank"
        var name: String
    }

    private struct Oops: Error {}

    private func kit(_ mode: JobKit.Mode = .manual) -> JobKit {
        let queue = Mutex<JobQueue?>(nil)
        let kit = JobKit(
            mode,
            handlers: [
                Handler(Greet.self) { job, _ in
                    if job.name == "nobody" { throw Oops() }
                    if let queue = queue.withLock({ $0 }) { try await queue.enqueue(Thank(name: job.name)) }
                },
                Handler(Thank.self) { job, _ in job.name },
            ])
        queue.withLock { $0 = kit.queue }
        return kit
    }

    @Test func `nothing runs until the test says so, then one job or all of them, those that they enqueue included`() async throws {
        let kit = kit()
        try await kit.queue.enqueue(Greet(name: "Ada"))
        try await kit.queue.enqueue(Greet(name: "Bob"))
        try await kit.expectEnqueued(Greet(name: "Ada"))
        try await kit.expectNothingEnqueued(Thank.self)
        #expect(try await kit.runNext()?.summary.kind == "greet")
        #expect(try await kit.enqueued(Greet.self) == [Greet(name: "Bob")])
        try await kit.expectEnqueued(Thank(name: "Ada"))
        let ran = try await kit.drain()
        #expect(ran.map(\.summary.kind).sorted() == ["greet", "thank", "thank"])
        #expect(ran.allSatisfy { $0.summary.state == .completed })
        #expect(try await kit.runNext() == nil)
    }

    @Test func `inline jobs have run when the enqueue returns`() async throws {
        let kit = kit(.inline)
        let id = try await kit.queue.enqueue(Greet(name: "Ada"))
        #expect(try await kit.model.job(id)?.summary.state == .completed)
        try await kit.expectNothingEnqueued(Thank.self)
    }

    @Test func `delays and further attempts come with the clock`() async throws {
        let kit = kit()
        try await kit.queue.enqueue(Greet(name: "Ada"), options: EnqueueOptions { $0.delay = .seconds(60) })
        #expect(try await kit.drain().isEmpty)
        #expect(try await kit.advance(by: .seconds(60)).map(\.summary.kind) == ["greet", "thank"])
        let failed = try await kit.run(Greet(name: "nobody"))
        #expect(failed.summary.state == .retryable && failed.error?.type == "Oops")
        #expect(try await kit.advance(by: .seconds(86_400)).map(\.summary.attempt) == [2])
    }

    @Test func `what was not enqueued is an issue, with what there is`() async throws {
        let kit = kit()
        try await kit.queue.enqueue(Greet(name: "Ada"))
        await withKnownIssue { try await kit.expectEnqueued(Greet(name: "Eve")) }
        await withKnownIssue { try await kit.expectEnqueued(Greet(name: "Ada"), count: 2) }
        await withKnownIssue { try await kit.expectNothingEnqueued(Greet.self) }
    }

    @Test func `jobs of other queues run as well, those that handlers enqueue there too`() async throws {
        let queue = Mutex<JobQueue?>(nil)
        let kit = JobKit(handlers: [
            Handler(Greet.self) { job, _ in
                try await queue.withLock { $0 }?.enqueue(Thank(name: job.name), options: EnqueueOptions { $0.queue = "later" })
            },
            Handler(Thank.self) { job, _ in job.name },
        ])
        queue.withLock { $0 = kit.queue }
        try await kit.queue.enqueue(Greet(name: "Ada"), options: EnqueueOptions { $0.queue = "first" })
        #expect(try await kit.drain().map(\.summary.queue) == ["first", "later"])
    }

    @Test func `a job that is run by itself has run, although others of its kind stand before it`() async throws {
        let kit = kit()
        try await kit.queue.enqueue(Greet(name: "Ada"))
        #expect(try await kit.run(Greet(name: "Bob")).summary.state == .completed)
        let waiting = try await kit.run(Greet(name: "Eve"), options: EnqueueOptions { $0.delay = .seconds(60) })
        #expect(waiting.summary.state == .scheduled)
    }
}
