// What a program puts around enqueues and executions: order, what it may change, and whose scope it runs in.

import Errand
import ErrandContext
import ErrandTesting
import Synchronization
import Testing

@Suite struct MiddlewareTests {
    private struct Refused: Error {}

    private final class Notes: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    private func around(_ name: String, _ notes: Notes) -> ExecutionMiddleware {
        ExecutionMiddleware { job, context, next in
            notes.add("\(name) in \(ExecutionContext.current?.executionID == job.execution && context.executionID == job.execution)")
            let result = try await next(job)
            notes.add("\(name) out \(result.map { String(decoding: $0, as: UTF8.self) } ?? "nothing")")
            return result
        }
    }

    @Test func `a worker's middleware stands around a handler's own, in the scope of the execution`() async throws {
        let workshop = Workshop()
        let id = try await workshop.enqueue("k")
        let notes = Notes()
        let handler = Handler(kind: "k") { _, _ in
            notes.add("handler")
            return Array("7".utf8)
        }
        var configuration = Worker.Configuration()
        configuration.until = .once
        _ = try await Worker(
            queue: workshop.queue, handlers: [handler.wrapped(by: [around("inner", notes)])], configuration: configuration,
            middleware: [around("first", notes), around("second", notes)]
        ).run()
        #expect(
            notes.all == [
                "first in true", "second in true", "inner in true", "handler", "inner out 7", "second out 7", "first out 7",
            ])
        #expect(try await workshop.detail(id)?.result == Array("7".utf8))
    }

    @Test func `what a middleware throws fails the attempt, and what it passes on is what the handler gets`() async throws {
        let workshop = Workshop()
        let bad = try await workshop.enqueue("k", payload: "1") { $0.maxAttempts = 1 }
        let good = try await workshop.enqueue("k", payload: "2")
        let notes = Notes()
        let handler = Handler(kind: "k") { job, _ in
            notes.add(String(decoding: job.payload, as: UTF8.self))
            return nil
        }
        let middleware = ExecutionMiddleware { job, _, next in
            if job.payload == Array("1".utf8) { throw Refused() }
            var job = job
            job.payload = Array("[2]".utf8)
            return try await next(job)
        }
        var configuration = Worker.Configuration()
        configuration.until = .empty(idleTimeout: .zero)
        _ = try await Worker(queue: workshop.queue, handlers: [handler], configuration: configuration, middleware: [middleware]).run()
        #expect(notes.all == ["[2]"])
        #expect(try await workshop.detail(bad)?.error?.type == "Refused")
        #expect(try await workshop.detail(good)?.summary.state == .completed)
    }

    @Test func `enqueues go through every middleware, single ones and streams, and are validated behind the last`() async throws {
        let workshop = Workshop()
        var queue = workshop.queue
        let notes = Notes()
        queue.middleware = [
            EnqueueMiddleware { (jobs, next) async throws(EnqueueError) in
                notes.add("first \(jobs.count)")
                return try await next(jobs)
            },
            EnqueueMiddleware { (jobs, next) async throws(EnqueueError) in
                try await next(
                    jobs.map { job in
                        var job = job
                        job.meta["region"] = "eu"
                        if job.kind == "upper" { job.queue = "NOT A QUEUE" }
                        return job
                    })
            },
        ]
        let id = try await queue.enqueue(kind: "k", payload: Array("{}".utf8)).id
        #expect(try await workshop.detail(id)?.summary.meta == ["region": "eu"])
        let counts = try await queue.enqueue(
            contentsOf: [NewJob(kind: "k", payload: Array("{}".utf8)), NewJob(kind: "l", payload: Array("{}".utf8))].async)
        #expect(counts.added == 2)
        #expect(notes.all == ["first 1", "first 2"])
        await #expect(throws: EnqueueError.self) { try await queue.enqueue(kind: "upper", payload: Array("{}".utf8)) }
    }
}

extension Array where Element: Sendable {
    /// The elements, one after the other.
    fileprivate var async: AsyncStream<Element> {
        AsyncStream { continuation in
            for element in self { continuation.yield(element) }
            continuation.finish()
        }
    }
}
